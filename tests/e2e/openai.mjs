// SPDX-License-Identifier: MIT
// Servers that speak Chat Completions as providers: the client sees Anthropic's form, and they are sent nothing that they refuse (PROTOCOLS 8, BEHAVIOUR 7).
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { sdk } from './lib/claude.mjs';
import { message } from './lib/client.mjs';
import { router, stored } from './lib/router.mjs';
import { CLAUDE_CODE, ask, assembled, login, session, who } from './lib/scene.mjs';
import { nothingRefused, step, stopReasons } from './lib/talk.mjs';

const tokens = { ...stored, openai: 'sk-stored-openai' };
const only = { order: ['openai'], tokens, config: 'retry_delay = 0.01', sections: { openai: 'dialect = "openai"' } };
const BASE = { openrouter: '/api', groq: '/openai', azure: '/openai' };
const MODEL = { openrouter: 'openai/gpt-5.1', azure: 'gpt-4.1', lmstudio: 'openai/gpt-oss-20b', groq: 'openai/gpt-oss-120b' };
const servers = ['openai', 'azure', 'openrouter', 'groq', 'ollama', 'llamacpp', 'vllm', 'lmstudio', 'deepseek'];
// A router whose only provider plays that server.
async function serverOf(t, server, habits = {}) {
  const r = await router(t, {
    ...only,
    whole: (sim, { tokensFile }) => `tokens_file = "${tokensFile}"\nretry_delay = 0.01\nprovider openai {\n  dialect = "openai"\n  url = "${sim.url('openai')}${BASE[server] ?? ''}/v1"\n`
      + `${server === 'openai' ? '' : `  models = { "*=${MODEL[server] ?? 'qwen3'}" }\n`}}`,
  });
  if (server !== 'openai' || Object.keys(habits).length) await r.sim.control('POST', '/sim/openai/habits', { server, ...habits });
  return r;
}

for (const server of servers) {
  check(`${server}: a tool loop with two calls at once, streamed and whole`, { timeout: 120 }, async t => {
    const r = await serverOf(t, server);
    for (const streamed of [true, false]) {
      const talk = [{ role: 'user', content: 'SIM:TOOLS 4 SIM:CALLS 2' }];
      const first = await step(r, talk, streamed);
      assert.equal(first.length, 2);
      assert.equal((await step(r, talk, streamed)).length, 2);
      assert.equal((await step(r, talk, streamed)).length, 0);
      assert.match(talk.at(-1).content.at(-1).text, /done 4 steps, last by openai/);
      const ids = talk.flatMap(m => m.content).filter(b => b.type === 'tool_use').map(b => b.id);
      assert.equal(new Set(ids).size, 4, ids.join());
      for (const id of ids) assert.match(id, /^[a-zA-Z0-9_-]+$/);
    }
    const refused = (await r.sim.requests('openai')).map(request => request.refused).filter(refused => refused !== null);
    assert.ok(refused.length <= 2, refused.join('\n'));
    assert.equal(new Set(refused).size, refused.length, `each only once: ${refused.join('\n')}`);
  });
}

check('a health check asks in this form, too, and ends a pause', async t => {
  const r = await router(t, only);
  await r.sim.next('openai', { fault: 'balance' });
  await r.post(message());
  const run = await r.ctl('check', 'openai');
  assert.deepEqual([run.code, run.stdout], [0, 'openai: serves requests (resting → ready)\n'], run.stderr);
  assert.equal((await r.sim.requests('openai')).at(-1).path, '/v1/chat/completions');
});

check('what arrives is Chat Completions, with its own key and nothing of the client', async t => {
  const r = await router(t, only);
  await ask(r, true, 'SIM:SAY hello');
  const [request] = await r.sim.requests('openai');
  assert.equal(request.path, '/v1/chat/completions');
  assert.equal(request.headers.authorization, 'Bearer sk-stored-openai');
  assert.equal(JSON.parse(request.body).model, 'gpt-6-sol');
  await nothingRefused(r);
});

for (const [name, habits] of Object.entries({
  'calls in turns': { calls: 'interleaved' },
  'whole calls, index 0 for all': { calls: 'whole', index: 'zero' },
  'no index': { index: 'missing' },
  'no ids': { ids: 'missing' },
  'ids and names repeated': { ids: 'repeated', names: 'repeated' },
  'arguments as an object': { calls: 'whole', arguments: 'object' },
  'stop after calls, no [DONE], no usage': { finish: 'stop', done: 'never', usage: 'never' },
  'reasoning under both names': { reasoning: 'both' },
  'JSON where a stream was asked for': { stream: 'json' },
  'an empty finish_reason until the end': { finish: 'empty', first: 'filter' },
})) {
  check(`a server's habit: ${name}`, async t => {
    const r = await serverOf(t, 'vllm', habits);
    const talk = [{ role: 'user', content: 'SIM:TOOLS 2 SIM:CALLS 2' }];
    assert.deepEqual((await step(r, talk, true)).map(call => call.name), ['Bash', 'Bash']);
    assert.equal((await step(r, talk, true)).length, 0);
  });
}

check('usage: what a cache gave is apart', async t => {
  const r = await router(t, only);
  const Anthropic = await sdk();
  const client = new Anthropic({ baseURL: r.url, apiKey: 'dummy', maxRetries: 0 });
  const final = await client.messages.stream(message('SIM:SAY hello SIM:INPUT 100 SIM:READ 60')).finalMessage();
  assert.equal(final.usage.cache_read_input_tokens, 60);
  assert.ok(final.usage.input_tokens > 0 && final.usage.output_tokens > 0);
  assert.equal((await client.messages.create(message('SIM:SAY hello'))).stop_reason, 'end_turn');
});

check('a refusal, a filter, and a length', async t => stopReasons(await router(t, only)));

for (const fault of ['quota_exceeded', 'throttle', 'unavailable', 'overloaded_event', 'internal']) {
  check(`${fault}: the next provider answers, and no byte of the failure leaks`, async t => {
    const r = await router(t, { ...only, order: ['openai', 'claude_api'], config: 'retry_delay = 0.01\nmax_retries = 0' });
    await r.sim.next('openai', { fault });
    const answer = await ask(r, true, 'SIM:SAY the answer', {});
    assert.equal(answer.status, 200, String(answer.bytes));
    assert.equal(who(answer), 'claude_api');
    assert.equal(answer.text, 'the answer');
    const { state, until } = (await r.status()).providers.openai;
    assert.equal(state, 'resting', String(until));
  });
}

check('a stream that dies is mended as for the others', async t => {
  const r = await router(t, only);
  await r.sim.next('openai', { fault: 'close', at: 'text' });
  const s = await r.stream(message('SIM:LONG 20'), { ...login, 'user-agent': CLAUDE_CODE, 'x-claude-code-session-id': session(2) });
  assert.equal(assembled(await s.rest()).stop_reason, 'max_tokens');
});
