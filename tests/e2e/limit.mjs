// SPDX-License-Identifier: MIT
// Claude Pro's limit: the request goes on with DeepSeek, and comes back after the reset.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { check } from './lib/case.mjs';
import { API_KEY, LOGIN, bearer, message, textOf } from './lib/client.mjs';
import { providers, router, stored } from './lib/router.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20,made-up-2026-01-01' };
// No stored login, so that claude_pro is the client's own account, and its figures are what the status shows.
const { claude_pro: unused, ...tokens } = stored;
const who = answer => answer.headers['x-router-provider'];

check('over to deepseek, and back after the reset', async t => {
  const r = await router(t, { tokens });
  assert.equal(who(await r.post(message('one'), oauth)), 'claude_pro');

  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800 });
  const before = r.clock.now();
  const second = await r.post(message('two'), oauth);
  assert.equal(second.status, 200, second.text);
  assert.equal(who(second), 'deepseek');
  assert.equal(second.headers['x-router-attempts'], '2');

  const status = await r.status();
  assert.equal(status.status, 'degraded');
  assert.equal(status.current_provider, 'deepseek');
  assert.equal(status.mode, 'auto');
  assert.equal(status.failover_count, 1);
  const pro = status.providers.claude_pro;
  assert.equal(pro.state, 'resting');
  assert.equal(pro.active, false);
  const until = Date.parse(pro.until) - before;
  assert.ok(until > 1790_000 && until < 1930_000, `until ${pro.until}, ${until / 1000} s from now`);

  assert.equal(who(await r.post(message('three'), oauth)), 'deepseek');
  assert.equal((await r.sim.requests('claude_pro')).length, 2, 'who rests is not asked');

  r.clock.forward('33m');
  assert.equal(who(await r.post(message('four'), oauth)), 'claude_pro');
  assert.equal((await r.status()).status, 'healthy');
  assert.match(r.log(), /claude_pro:429:cool\S* deepseek:200/);
});

check('the same for a stream', async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800 });
  const s = await r.stream(message('SIM:SAY after all'), oauth);
  assert.equal(s.headers['x-router-provider'], 'deepseek');
  const events = await s.rest();
  assert.equal(events[0].event, 'message_start');
  assert.equal(events.at(-1).event, 'message_stop');
  assert.match(textOf(events), /after all/);
});

check('nothing of the failed answer leaks', async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800, message: 'a sentence of the failed provider' });
  const answer = await r.post(message(), oauth);
  assert.equal(who(answer), 'deepseek');
  assert.ok(!answer.text.includes('a sentence of the failed provider'));
  assert.deepEqual(Object.keys(answer.headers).filter(name => /ratelimit|retry/.test(name)), []);
});

check('credentials never cross', async t => {
  const r = await router(t);
  const client = { ...oauth, 'x-api-key': API_KEY };
  for (const provider of providers) {
    await r.post(message('before'), client);
    await r.sim.next(provider, { fault: 'usage_limit', reset: 600, times: -1 });
  }
  await r.post(message('nobody is left'), client);
  const own = { claude_pro: LOGIN, deepseek: stored.deepseek, kimi: stored.kimi, claude_api: API_KEY };
  const all = [...Object.values(own), ...Object.values(stored)];
  for (const provider of providers) {
    const arrived = await r.sim.requests(provider);
    assert.ok(arrived.length, `${provider} was asked`);
    for (const request of arrived) {
      const text = JSON.stringify([request.rawHeaders, request.path, request.body]);
      assert.ok(text.includes(own[provider]), `${provider} got its own credential`);
      for (const other of all) if (other !== own[provider]) assert.ok(!text.includes(other), `${provider} got ${other}`);
    }
  }
  const told = r.log() + (await r.get('/v1/status')).text + (await r.get('/health')).text + (await r.ctl('status')).stdout;
  for (const credential of all) assert.ok(!told.includes(credential), `${credential} is told`);
});

check('a body goes to Claude byte for byte, and the model is mapped for deepseek', async t => {
  const r = await router(t);
  const body = `{ "model":"claude-opus-5-5",\t"max_tokens" : 64, "messages":[{"role":"user","content":"\\u00e4 ä 1.0e2"}] ,"temperature":1.0\n}`;
  assert.equal(who(await r.post(body, oauth)), 'claude_pro');
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 60 });
  assert.equal(who(await r.post(body, oauth)), 'deepseek');
  for (const arrived of await r.sim.requests('claude_pro')) {
    assert.equal(arrived.body, body);
    assert.equal(arrived.body_sha256, createHash('sha256').update(body).digest('hex'));
    assert.match(arrived.headers['anthropic-beta'], /made-up-2026-01-01/, 'unknown betas go to Claude as they came');
    assert.equal(arrived.headers['anthropic-version'], '2023-06-01');
  }
  const [arrived] = await r.sim.requests('deepseek');
  assert.equal(arrived.json.model, 'deepseek-v4-pro');
  assert.deepEqual(Object.keys(arrived.headers).filter(name => /^(anthropic-beta|x-app|x-stainless|x-claude)/.test(name)), []);
});

check('a tool loop is not moved back before its next user turn', async t => {
  const r = await router(t);
  const session = { ...oauth, 'x-claude-code-session-id': '11111111-2222-4333-8444-555555555555' };
  const tool = { name: 'Bash', description: 'runs', input_schema: { type: 'object', properties: { command: { type: 'string' } } } };
  const turn = [{ role: 'user', content: 'go' }];
  const looped = [...turn,
    { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'echo' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' }] }];
  const ask = messages => r.post(message('', { messages, tools: [tool] }), session);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 60 });
  assert.equal(who(await ask(turn)), 'deepseek');
  r.clock.forward('2m');
  assert.equal(who(await ask(looped)), 'deepseek', 'in the middle of the loop');
  assert.equal(who(await ask([...looped, { role: 'assistant', content: 'done' }, { role: 'user', content: 'next' }])), 'claude_pro');
});

check('when all rest, a client is told when to come back', async t => {
  const r = await router(t, { tokens, config: 'hold = 0' });
  for (const provider of providers) await r.sim.next(provider, { fault: 'usage_limit', reset: 7200, retry_after: 7200, times: -1 });
  const answer = await r.post(message(), oauth);
  assert.equal(answer.status, 429, answer.text);
  for (const provider of providers) assert.ok(answer.json.error.message.includes(provider), `${provider} is named: ${answer.json.error.message}`);
  assert.equal(answer.headers['anthropic-ratelimit-unified-status'], 'rejected', 'a login is told in words that Claude Code shows');
  assert.equal((await r.get('/health')).status, 503);
});
