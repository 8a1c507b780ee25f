// SPDX-License-Identifier: MIT
// OpenAI as a provider, by its Responses: it reasons beside tools, gets its reasoning back as it made it, and the client sees Anthropic's form (PROTOCOLS 10, BEHAVIOUR 7).
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { person, sdk } from './lib/claude.mjs';
import { message } from './lib/client.mjs';
import { router, stored } from './lib/router.mjs';
import { CLAUDE_CODE, ask, assembled, login, session, who } from './lib/scene.mjs';
import { nothingRefused, step, stopReasons, turn } from './lib/talk.mjs';

const tokens = { ...stored, openai: 'sk-stored-openai' };
const only = { order: ['openai'], tokens, config: 'retry_delay = 0.01' };
const habits = (r, what) => r.sim.control('POST', '/sim/openai/habits', what);
const bodies = async r => (await r.sim.requests('openai')).map(request => request.json);
const refusals = async r => (await r.sim.requests('openai')).map(request => request.refused).filter(refused => refused !== null);
const thoughts = talk => talk.flatMap(m => m.content).filter(block => block.type === 'thinking');

check('a health check asks in this form, too, and ends a pause', async t => {
  const r = await router(t, only);
  await r.sim.next('openai', { fault: 'balance' });
  await r.post(message());
  const run = await r.ctl('check', 'openai');
  assert.deepEqual([run.code, run.stdout], [0, 'openai: serves requests (resting → ready)\n'], run.stderr);
  assert.equal((await r.sim.requests('openai')).at(-1).path, '/v1/responses');
});

check('what arrives is a request for a response, with its own key, and nothing is stored', async t => {
  const r = await router(t, only);
  await turn(r, [], 'SIM:SAY hello', { metadata: { user_id: 'user_x_account__session_y' }, stop_sequences: ['x'] });
  const [request] = await r.sim.requests('openai');
  assert.equal(request.path, '/v1/responses');
  assert.equal(request.headers.authorization, 'Bearer sk-stored-openai');
  const { input, tools, metadata, safety_identifier, ...rest } = request.json;
  assert.deepEqual(input, [{ role: 'user', content: 'SIM:SAY hello' }]);
  assert.equal(tools[0].strict, false);
  assert.match(safety_identifier, /^[0-9a-f]+$/);
  assert.equal(rest.store, false);
  assert.deepEqual([rest.model, rest.instructions, rest.reasoning, rest.include, rest.stream], ['gpt-6-sol', 'You are helpful.', { effort: 'medium', summary: 'auto' }, ['reasoning.encrypted_content'], true]);
  await nothingRefused(r);
});

check('a tool loop with reasoning, two calls at once: each thought goes back sealed, before what it led to', { timeout: 120 }, async t => {
  const r = await router(t, only);
  const talk = [];
  await turn(r, talk, 'SIM:TOOLS 4 SIM:CALLS 2');
  await turn(r, talk, 'SIM:TOOLS 2');
  await nothingRefused(r);
  assert.equal(thoughts(talk).length, 6);
  for (const { thinking, signature } of thoughts(talk)) {
    assert.equal(thinking, 'Let me think about it as openai would.');
    assert.match(signature, /^router\.openai\.rs_openai_\d+:gAAA/);
  }
  const last = (await bodies(r)).at(-1).input.map(item => item.type ?? item.role);
  const tools = ['reasoning', 'function_call', 'function_call', 'function_call_output', 'function_call_output'], one = ['reasoning', 'function_call', 'function_call_output'];
  assert.deepEqual(last, ['user', ...tools, ...tools, 'reasoning', 'assistant', 'user', ...one, ...one]);
  for (const item of (await bodies(r)).at(-1).input) if (item.type === 'reasoning') assert.equal(item.summary[0].text, 'Let me think about it as openai would.');
});

check('reasoning that shows nothing goes back, too', async t => {
  const r = await router(t, only);
  await habits(r, { summaries: 'never' });
  const talk = [];
  await turn(r, talk, 'SIM:TOOLS 2');
  assert.deepEqual(thoughts(talk).map(block => block.thinking), ['', '', '']);
  await nothingRefused(r);
  assert.equal((await bodies(r)).at(-1).input.filter(item => item.type === 'reasoning').length, 2);
});

check('an organization that may not read summaries is asked without, after the first time', async t => {
  const r = await router(t, only);
  await habits(r, { summaries: 'refused' });
  await turn(r, [], 'SIM:TOOLS 2');
  assert.match((await refusals(r)).join(), /^400 [^,]*must be verified to generate reasoning summaries[^,]*$/);
  assert.ok((await bodies(r)).slice(1).every(body => body.reasoning.summary === undefined && body.reasoning.effort === 'medium'));
});

check('a thought that its maker cannot open is left out of that request alone', async t => {
  const r = await router(t, only);
  const talk = [];
  await turn(r, talk, 'SIM:SAY hello');
  thoughts(talk)[0].signature = 'router.openai.rs_openai_77:gAAAspoiled';
  await turn(r, talk, 'SIM:SAY hello');
  assert.match((await refusals(r)).join(), /^400 [^,]*could not be verified/);
  await turn(r, [], 'SIM:TOOLS 1');
  assert.equal((await refusals(r)).length, 1);
  assert.ok((await bodies(r)).at(-1).input.some(item => item.type === 'reasoning'));
});

check('Chat Completions of the same provider: its thinking is not taken for a sealed one, nor the reverse', async t => {
  const r = await router(t, only);
  const talk = [{ role: 'user', content: 'a' }, { role: 'assistant', content: [{ type: 'thinking', thinking: 'so', signature: 'router.openai.reasoning' }, { type: 'text', text: 'b' }] }];
  await turn(r, talk, 'SIM:SAY hello');
  await nothingRefused(r);
  assert.ok((await bodies(r))[0].input.every(item => item.type !== 'reasoning'));
});

check('JSON where a stream was asked for', async t => {
  const r = await router(t, only);
  await habits(r, { stream: 'json' });
  assert.match((await turn(r, [], 'SIM:TOOLS 4 SIM:CALLS 2')).at(-1).text, /done 4 steps, last by openai/);
});

check('an image, in a message and in a result', async t => {
  const r = await router(t, only);
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } };
  const talk = [];
  await turn(r, talk, [image, { type: 'text', text: 'SIM:TOOLS 1' }]);
  talk.at(-2).content[0].content = [{ type: 'text', text: 'look' }, image];
  const [said] = (await turn(r, talk, 'and?')).filter(block => block.type === 'text');
  assert.match(said.text, /I see 2 images/);
  await nothingRefused(r);
});

check('usage: what a cache gave is apart; the SDK reads stream and message', async t => {
  const r = await router(t, only);
  const Anthropic = await sdk();
  const client = new Anthropic({ baseURL: r.url, apiKey: 'dummy', maxRetries: 0 });
  const final = await client.messages.stream(message('SIM:SAY hello SIM:INPUT 100 SIM:READ 60 SIM:WRITE5M 5')).finalMessage();
  assert.deepEqual([final.usage.input_tokens, final.usage.cache_read_input_tokens, final.usage.cache_creation_input_tokens, final.usage.output_tokens], [100, 60, 5, 12]);
  assert.equal((await client.messages.create(message('SIM:SAY hello'))).stop_reason, 'end_turn');
});

check('a refusal, a filter, and a length', async t => stopReasons(await router(t, only)));

for (const form of ['chunk', 'named', 'beside']) {
  check(`an error inside a stream, as ${form}: the next provider answers`, async t => {
    const r = await router(t, { ...only, order: ['openai', 'claude_api'], config: 'retry_delay = 0.01\nmax_retries = 0' });
    await habits(r, { error_events: form });
    await r.sim.next('openai', { fault: 'error_event', code: 'rate_limit_exceeded', message: 'Rate limit reached' });
    const answer = await ask(r, true, 'SIM:SAY the answer', {});
    assert.equal(who(answer), 'claude_api', String(answer.bytes));
    assert.equal(answer.text, 'the answer');
    assert.match(r.log(), /openai:429:hop claude_api:200:pass/);
  });

  check(`an error in mid-stream, as ${form}: the message is ended`, async t => {
    const r = await router(t, only);
    await habits(r, { error_events: form });
    await r.sim.next('openai', { fault: 'error_event', at: 'text' });
    const s = await r.stream(message('SIM:LONG 20'), { ...login, 'user-agent': CLAUDE_CODE, 'x-claude-code-session-id': session(2) });
    assert.equal(assembled(await s.rest()).stop_reason, 'max_tokens');
  });
}

for (const fault of ['quota_exceeded', 'throttle', 'unavailable', 'overloaded_event', 'internal']) {
  check(`${fault}: the next provider answers, and no byte of the failure leaks`, async t => {
    const r = await router(t, { ...only, order: ['openai', 'claude_api'], config: 'retry_delay = 0.01\nmax_retries = 0' });
    await r.sim.next('openai', { fault });
    const answer = await ask(r, true, 'SIM:SAY the answer', {});
    assert.equal(answer.status, 200, String(answer.bytes));
    assert.equal(who(answer), 'claude_api');
    assert.equal(answer.text, 'the answer');
    assert.equal((await r.status()).providers.openai.state, 'resting');
  });
}

for (const at of ['text', 'thinking_end', 'text_end']) {
  check(`a stream that dies at ${at} is mended as for the others`, async t => {
    const r = await router(t, { ...only, order: ['openai', 'claude_api'], config: 'retry_delay = 0.01\nmax_retries = 0' });
    await r.sim.next('openai', { fault: 'close', at });
    const s = await r.stream({ ...message('SIM:LONG 20'), thinking: { type: 'adaptive' } }, { ...login, 'user-agent': CLAUDE_CODE, 'x-claude-code-session-id': session(2) });
    const events = await s.rest();
    if (at === 'thinking_end') assert.match(String(s.bytes), /event: error/);
    else assert.equal(assembled(events).stop_reason, 'max_tokens');
  });
}

check('Claude Code is served by OpenAI alone, which reasons beside its tools', { timeout: 240 }, async t => {
  const r = await router(t, only);
  const me = person(t, r);
  const first = await me.claude('SIM:TOOLS 3 SIM:CALLS 2');
  assert.equal(first.code, 0, `${first.stdout}\n${first.stderr}`);
  assert.match(first.text, /done 3 steps, last by openai/);
  const second = await me.claude('SIM:TOOLS 2', '--resume', first.session);
  assert.match(second.text, /done 2 steps, last by openai/);
  await nothingRefused(r);
  const last = (await bodies(r)).at(-1);
  assert.notEqual(last.reasoning.effort, 'none');
  assert.ok(last.input.filter(item => item.type === 'reasoning').length >= 4, JSON.stringify(last.input.map(item => item.type ?? item.role)));
});

check('there and back: Claude, OpenAI, a server at home, Kimi, Claude', { timeout: 120 }, async t => {
  const r = await router(t, {
    tokens: { ...tokens, home: 'x' },
    whole: (sim, { tokensFile }) => [`tokens_file = "${tokensFile}"`, 'retry_delay = 0.01', ...['claude_pro', 'kimi', 'openai', 'claude_api'].map(name => `provider ${name} { url = "${sim.url(name)}" }`), `provider home { dialect = "openai"  url = "${sim.url('openai')}/v1"  models = { "*=qwen3" } }`].join('\n'),
  });
  const talk = [];
  for (const [provider, server] of [['claude_pro'], ['openai', 'openai'], ['home', 'vllm'], ['kimi'], ['claude_pro'], ['openai', 'openai'], ['claude_api']]) {
    if (server) await habits(r, { server });
    await r.switchTo(provider);
    const content = await turn(r, talk, 'SIM:TOOLS 2 SIM:CALLS 2');
    assert.match(content.at(-1).text, new RegExp(`last by ${provider === 'home' ? 'openai' : provider}`));
  }
  for (const name of ['claude_pro', 'kimi', 'openai', 'claude_api']) {
    for (const request of await r.sim.requests(name)) {
      if (!/reasoning_content is missing/.test(request.refused ?? '')) assert.equal(request.refused, null, `${name} #${request.n}`);
    }
  }
  const back = (await bodies(r)).filter(body => body.input !== undefined).at(-1).input;
  assert.equal(back.filter(item => item.type === 'reasoning').length, 3, 'its own thoughts, and no others');
});
