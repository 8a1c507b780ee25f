// SPDX-License-Identifier: MIT
// Rests outlive junk and refreshed logins, and end early by one word of a person.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { bearer, message } from './lib/client.mjs';
import { router, stored } from './lib/router.mjs';

const { claude_pro: unused, ...tokens } = stored;
const who = answer => answer.headers['x-router-provider'];
const login = name => ({ ...bearer(`sk-ant-oat01-e2e-${name}`), 'anthropic-beta': 'oauth-2025-04-20' });
const says = (device, account = '', session = 's') => message('Hello', {
  metadata: { user_id: JSON.stringify({ device_id: device.repeat(64), account_uuid: account, session_id: session }) },
});
const week = 6 * 24 * 3600;
const asked = async r => (await r.sim.requests('claude_pro')).length;
const many = (n, one) => Promise.all(Array.from({ length: n }, (_, i) => one(i)));
// Nothing paid: DeepSeek is somebody's who costs nothing, so that there is another way.
const frugal = { tokens, config: 'plan_limits_only = true', order: ['claude_pro', 'deepseek'], sections: { deepseek: 'paid = false' } };

check('junk logins push no rest out', async t => {
  const r = await router(t, { tokens });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: week });
  assert.equal(who(await r.post(message(), login('real'))), 'deepseek');
  for (let i = 0; i < 20; i++) await many(11, k => r.post(message(), login(`revoked-${i}-${k}`)));
  const before = await asked(r);
  assert.equal(who(await r.post(message(), login('real'))), 'deepseek');
  assert.equal(await asked(r), before, 'the rest is known as before');
  assert.equal((await r.status()).providers.claude_pro.accounts, 1, 'nobody made no record');
});

check('a refreshed login is the same person: a week is a week', async t => {
  const r = await router(t, frugal);
  const unified = Object.entries({ status: 'allowed', 'representative-claim': 'seven_day', 'overage-in-use': 'true', 'overage-status': 'allowed',
    reset: r.clock.now() / 1000 + week | 0, '7d-status': 'rejected', '7d-reset': r.clock.now() / 1000 + week | 0, '7d-utilization': '1.0' });
  const body = JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-5-5', content: [{ type: 'text', text: 'Paid.' }],
    stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } });
  await r.sim.next('claude_pro', { fault: 'raw', times: -1, content_type: 'application/json', body, headers: unified.map(([name, value]) => [`anthropic-ratelimit-unified-${name}`, String(value)]) });
  await r.post(says('a', 'person-1'), login('first'));
  assert.equal(await asked(r), 1);
  for (let k = 1; k <= 5; k++) {
    r.clock.forward('8h');
    const answers = await many(20, () => r.post(says('a', 'person-1'), login(`refreshed-${k}`)));
    for (const answer of answers) assert.equal(who(answer), 'deepseek', answer.text);
    assert.equal(await asked(r), 1, `after refresh ${k} extra usage was spent`);
  }
  r.clock.forward('6d');
  const back = await many(20, () => r.post(says('a', 'person-1'), login('last')));
  assert.equal(await asked(r), 2, 'and when it is over, one finds out');
  assert.equal(back.filter(answer => who(answer) === 'claude_pro').length, 1);
});

check('where only the machine is told, one request finds out', async t => {
  const r = await router(t, frugal);
  await r.sim.next('claude_pro', { fault: 'extra_usage', reset: week, times: -1, delay_ms: 300 });
  await r.post(says('a'), login('first'));
  r.clock.forward('5h');
  await many(20, () => r.post(says('a'), login('second')));
  assert.equal(await asked(r), 2, 'one of twenty');
});

check('another account on the same machine is asked at once', async t => {
  const r = await router(t, frugal);
  await r.sim.next('claude_pro', { fault: 'extra_usage', reset: week });
  await r.post(says('a', 'person-1'), login('first'));
  const answers = await many(8, () => r.post(says('a', 'person-2'), login('other')));
  for (const answer of answers) assert.equal(who(answer), 'claude_pro');
});

check('who says to be somebody else gives and lifts nothing', async t => {
  const r = await router(t, frugal);
  await r.sim.next('claude_pro', { fault: 'extra_usage', reset: week });
  await r.post(says('a', 'victim'), login('victim'));
  await r.post(says('b', 'victim'), login('forger')); // rests for its own requests only
  const before = await asked(r);
  assert.equal(who(await r.post(says('a', 'victim'), login('victim'))), 'deepseek', 'the rest is not lifted');
  assert.equal(await asked(r), before);

  assert.equal(who(await r.post(says('c', 'well'), login('well'))), 'claude_pro');
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: week });
  await r.post(says('c', 'well'), login('second-forger'));
  assert.equal(who(await r.post(says('c', 'well'), login('well'))), 'claude_pro', 'nor is one given');
});

for (const by of ['ctl', 'route', 'switch']) {
  check(`a person says that a limit was lifted: ${by}`, async t => {
    const r = await router(t, { tokens });
    await r.sim.next('claude_pro', { fault: 'usage_limit', reset: week });
    assert.equal(who(await r.post(message(), login('one'))), 'deepseek');
    assert.equal((await r.status()).providers.claude_pro.state, 'resting');
    if (by === 'ctl') assert.equal((await r.ctl('retry', 'claude_pro')).code, 0);
    else if (by === 'route') {
      const answer = await r.post('"claude_pro"', {}, '/v1/retry-provider');
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.provider, 'claude_pro');
    } else {
      const answer = await r.switchTo('claude_pro');
      assert.equal(answer.status, 200, answer.text);
      assert.equal(typeof answer.json.warning, 'string', 'it is not sure yet');
    }
    assert.equal(who(await r.post(message(), login('one'))), 'claude_pro', 'the next request finds out');
    assert.equal((await r.status()).providers.claude_pro.state, 'ready');
  });
}

check('a refused key that was paid is looked at by the next request', async t => {
  const r = await router(t, { order: ['deepseek', 'kimi'] });
  await r.sim.next('deepseek', { fault: 'unauthorized' });
  assert.equal(who(await r.post(message())), 'kimi');
  assert.equal((await r.status()).providers.deepseek.state, 'benched');
  assert.equal((await r.ctl('retry', 'deepseek')).code, 0);
  assert.equal(who(await r.post(message())), 'deepseek');
});

check('a limit that still holds rests again, and one request found out', async t => {
  const r = await router(t, { tokens });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: week, times: -1 });
  await r.post(message(), login('one'));
  await r.post('"claude_pro"', {}, '/v1/retry-provider');
  await many(10, () => r.post(message(), login('one')));
  assert.equal(await asked(r), 2);
  assert.equal((await r.status()).providers.claude_pro.state, 'resting');
});

for (const body of ['"nobody"', '"auto"', '', '{', '17', '{"provider":"nobody"}']) {
  check(`a retry of ${JSON.stringify(body)} is a 400`, async t => {
    const r = await router(t);
    const answer = await r.post(body, {}, '/v1/retry-provider');
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.json.error.message, /claude_pro, deepseek, kimi, claude_api/);
  });
}

check('a retry is for admins, and for names that there are', async t => {
  const r = await router(t);
  assert.equal((await r.post('"kimi"', { 'x-forwarded-for': '203.0.113.7' }, '/v1/retry-provider')).status, 403);
  assert.equal((await r.get('/v1/retry-provider')).status, 405);
  const nobody = await r.ctl('retry', 'nobody');
  assert.equal(nobody.code, 64);
  assert.match(nobody.stderr, /use claude_pro, deepseek, kimi, claude_api\n$/);
  assert.notEqual((await r.ctl('retry')).code, 0);
});

check('who pays is told, when it is not the plan', async t => {
  const r = await router(t, { tokens });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: week });
  const conversation = { ...login('one'), 'x-claude-code-session-id': 'a-session-that-pays' };
  assert.equal(who(await r.post(message(), conversation)), 'deepseek');
  await r.post(message(), conversation);
  const log = r.log();
  assert.match(log, /billed_to=deepseek/);
  assert.equal(log.match(/a conversation of \S+ goes to deepseek: billed to your deepseek account/g).length, 1);
  assert.match((await r.ctl('switch', 'deepseek')).stdout, /^DeepSeek.* · billed to your DeepSeek account/);
  assert.match((await r.get('/health')).json.line, /billed to your DeepSeek account$/);
});

check('what a provider dislikes is known to the next request', async t => {
  const r = await router(t, { order: ['deepseek'] });
  const system = { messages: [{ role: 'user', content: 'Hello' }, { role: 'system', content: 'Be brief' }, { role: 'user', content: 'Go on' }] };
  const refusal = { fault: 'unprocessable', status: 422, message: 'unknown variant `system`, expected `user` or `assistant`' };
  await r.sim.next('deepseek', refusal);
  const first = await r.post(message('', system));
  assert.equal(first.headers['x-router-attempts'], '2', first.text);
  await r.post(message('', system));
  const arrived = await r.sim.requests('deepseek');
  assert.equal(arrived.length, 3);
  const roles = request => JSON.parse(request.body).messages.map(m => m.role);
  assert.ok(roles(arrived[0]).includes('system') && !roles(arrived[2]).includes('system'), 'the second time it is known');
  r.clock.forward('25h');
  await r.post(message('', system));
  assert.ok(roles((await r.sim.requests('deepseek')).at(-1)).includes('system'), 'and forgotten after a day');
});

check('names: each account its own, round to those before, for a day', async t => {
  const r = await router(t, { tokens, order: ['claude_pro'], sections: { claude_pro: 'models = { "*=claude-first|claude-second" }' } });
  const sent = async () => JSON.parse((await r.sim.requests('claude_pro')).at(-1).body).model;
  await r.sim.next('claude_pro', { fault: 'unknown_model', match: { model: 'claude-first' } });
  assert.equal(who(await r.post(message(), login('one'))), 'claude_pro');
  assert.equal(await sent(), 'claude-second');
  await r.post(message(), login('two'));
  assert.equal(await sent(), 'claude-first', 'another account is asked for the first');
  await r.sim.next('claude_pro', { fault: 'unknown_model', match: { model: 'claude-second' } });
  assert.equal(who(await r.post(message(), login('one'))), 'claude_pro', 'round to the first');
  assert.equal(await sent(), 'claude-first');
  await r.sim.next('claude_pro', { fault: 'unknown_model', match: { model: 'claude-first' } });
  await r.post(message(), login('one'));
  assert.equal(await sent(), 'claude-second');
  r.clock.forward('25h');
  await r.post(message(), login('one'));
  assert.equal(await sent(), 'claude-first', 'after a day it is asked for again');
});

check('many that learn a name at once all find it', async t => {
  const r = await router(t, { order: ['deepseek'], sections: { deepseek: 'models = { "*=deepseek-reasoner|deepseek-flash" }' } });
  await r.sim.control('POST', '/sim/deepseek/retire', { model: 'deepseek-reasoner' });
  await r.sim.next('deepseek', { fault: 'unknown_model', delay_ms: 500, match: { model: 'deepseek-reasoner' }, times: 5 }); // half learn it late
  for (const answer of await many(10, () => r.post(message()))) assert.equal(answer.status, 200, answer.text);
});

check('a session id steers its own client’s conversation only', async t => {
  const r = await router(t, { tokens });
  const session = { 'x-claude-code-session-id': '0e7cf5f8-1c57-4a52-9b09-000000000001' };
  await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 30 });
  assert.equal(who(await r.post(message(), { ...session, ...login('one') })), 'deepseek');
  r.clock.forward('2m');
  const loop = { messages: [{ role: 'user', content: 'Hello' },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Bash', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'ok' }] }],
  tools: [{ name: 'Bash', input_schema: { type: 'object' } }] };
  assert.equal(who(await r.post(message('', loop), { ...session, ...login('two') })), 'claude_pro', 'not where another client’s was served');
  assert.equal(who(await r.post(message('', loop), { ...session, ...login('one') })), 'deepseek', 'its own goes on there');
});
