// SPDX-License-Identifier: MIT
// GET /metrics: its figures are what the simulated providers saw, whichever process is asked; its form is Prometheus'.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { begin, message } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { assertPromtool, parsed } from './lib/prometheus.mjs';
import { providers, router, stored } from './lib/router.mjs';
import { keys, login, who } from './lib/scene.mjs';

const PAGE = '/metrics';
const prefix = 'claude_router_';

function assertHistogram({ samples }, name, provider) {
  let before = 0, n = 0;
  for (const [key, value] of samples) {
    if (!key.startsWith(`${prefix}${name}_bucket{provider="${provider}"`)) continue;
    assert.ok(value >= before, `${key} ${value}, below ${before}`);
    before = value;
    n++;
  }
  assert.equal(n, 14, `${name}'s buckets`);
  assert.equal(samples.get(`${prefix}${name}_count{provider="${provider}"}`), before, 'the last bucket is the count');
}

// A page, looked over, as a function of (name, labels) that gives a figure.
async function scrape(r) {
  const answer = await r.get(PAGE);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const page = parsed(answer.text);
  for (const provider of providers) {
    for (const name of ['first_byte_seconds', 'request_duration_seconds']) assertHistogram(page, name, provider);
  }
  const value = (name, labels = {}) => {
    const list = Object.entries(labels).map(([k, v]) => `${k}="${v}"`).join(',');
    return page.samples.get(prefix + name + (list && `{${list}}`));
  };
  return Object.assign(value, page, { text: answer.text });
}

const verdicts = ['pass', 'hop', 'cool', 'bench', 'successor', 'retry'];

async function assertSeen(r, page) {
  for (const provider of providers) {
    const sum = verdicts.reduce((n, verdict) => n + page('attempts_total', { provider, verdict }), 0);
    assert.equal(sum, (await r.sim.requests(provider)).length, `attempts at ${provider}`);
  }
}

// What must never go back.
function assertGrown(before, after) {
  for (const [key, value] of before.samples) {
    const family = key.match(/^\w+/)[0].replace(/_(bucket|sum|count)$/, '');
    if (!['counter', 'histogram'].includes(before.types[family] ?? before.types[key.match(/^\w+/)[0]])) continue;
    assert.ok(after.samples.get(key) >= value, `${key}: ${value}, then ${after.samples.get(key)}`);
  }
}

check('each figure is there from the start, and the page says nothing of whom', async t => {
  const r = await router(t, { tokens: { ...stored, admin_token: 'a-long-admin-token-of-the-tests' } });
  const page = await eventually('both processes are listed', async () => {
    const page = await scrape(r);
    return page('processes') === 2 && page;
  });
  await assertPromtool(page.text);
  assert.equal(page('requests_total', { provider: 'none', outcome: 'error' }), 0);
  for (const provider of providers) assert.equal(page('provider_active', { provider }), 1, provider);
  assert.equal(page('config_last_reload_successful'), 1);
  const age = Date.now() / 1000 - page('tokens_last_reload_success_timestamp_seconds');
  assert.ok(age >= 0 && age < 600, `tokens were read ${age} s ago`);
});

check('what the providers saw is what is told, by any of four processes', async t => {
  const r = await router(t, { procs: 4, tokens: keys, config: 'retry_delay = "1ms"' });
  const first = await scrape(r);
  const is = (page, name, labels, value) => assert.equal(page(name, labels), value, `${name} ${JSON.stringify(labels)}`);

  for (let i = 0; i < 3; i++) assert.equal(who(await r.post(message(), login)), 'claude_pro');
  await r.sim.next('claude_pro', { fault: 'bad_request' });
  assert.equal((await r.post(message(), login)).status, 400);
  await r.sim.next('claude_pro', { fault: 'overloaded' });
  assert.equal((await r.post(message(), login)).status, 200);
  let page = await scrape(r);
  is(page, 'requests_total', { provider: 'claude_pro', outcome: 'ok' }, 4);
  is(page, 'requests_total', { provider: 'claude_pro', outcome: 'error' }, 1);
  is(page, 'attempts_total', { provider: 'claude_pro', verdict: 'retry' }, 1);
  await assertSeen(r, page);

  const resets = r.clock.epoch() + 3600;
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await r.sim.next('deepseek', { fault: 'unauthorized' });
  assert.equal(who(await r.post(message(), login)), 'kimi');
  await r.sim.next('kimi', { fault: 'close', at: 'text' });
  await (await r.stream(message(), login)).rest();
  page = await scrape(r);
  is(page, 'attempts_total', { provider: 'claude_pro', verdict: 'cool' }, 1);
  is(page, 'attempts_total', { provider: 'deepseek', verdict: 'bench' }, 1);
  is(page, 'attempts_total', { provider: 'kimi', verdict: 'pass' }, 2);
  is(page, 'rests_total', { provider: 'claude_pro', reason: 'reset' }, 1);
  is(page, 'rests_total', { provider: 'deepseek', reason: 'refused' }, 1);
  is(page, 'rests_total', { provider: 'kimi', reason: 'busy' }, 1);
  is(page, 'failovers_total', {}, 3);
  is(page, 'requests_total', { provider: 'kimi', outcome: 'cut' }, 1);
  is(page, 'first_byte_seconds_count', { provider: 'kimi' }, 2);
  is(page, 'request_duration_seconds_count', { provider: 'claude_pro' }, 5);
  is(page, 'provider_active', { provider: 'claude_pro' }, 0);
  is(page, 'provider_active', { provider: 'claude_api' }, 1);
  is(page, 'quota_window_utilization_ratio', { provider: 'claude_pro', window: '5h' }, 1);
  for (const until of [page('provider_resting_until_timestamp_seconds', { provider: 'claude_pro' }),
    page('quota_window_reset_timestamp_seconds', { provider: 'claude_pro', window: '5h' })]) {
    assert.ok(Math.abs(until - resets) <= 5, `${until}, about ${resets}`);
  }
  await assertSeen(r, page);
  assertGrown(first, page);
  await assertPromtool(page.text);
  for (const secret of [...Object.values(stored), login.authorization.slice(7)]) assert.ok(!page.text.includes(secret), 'no credential');

  r.clock.forward('2h');
  const later = await scrape(r);
  is(later, 'quota_window_utilization_ratio', { provider: 'claude_pro', window: '5h' }, undefined);
  is(later, 'provider_resting_until_timestamp_seconds', { provider: 'claude_pro' }, undefined);
});

check('tokens, what was billed, and what is left of a cap', async t => {
  const prices = 'deepseek:* in=1000 out=1000\nclaude_pro:* in=1 out=1\n';
  const r = await router(t, { procs: 2, order: providers, whole: (sim, r) => {
    r.write('prices', prices);
    return `daily_cap = 300\n${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
  } });
  const tokens = answer => answer.json.usage;
  const is = (page, name, labels, value) => assert.equal(page(name, labels), value, `${name} ${JSON.stringify(labels)}`);
  const plan = tokens(await r.post(message()));
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  const paid = tokens(await r.post(message()));
  const body = { id: 'msg_1', type: 'message', role: 'assistant', model: 'kimi', content: [{ type: 'text', text: 'Hello.' }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 1 } };
  await r.sim.next('deepseek', { fault: 'raw', status: 200, content_type: 'application/json', body: JSON.stringify(body) });
  await r.switchTo('deepseek');
  await r.post(message());
  const page = await scrape(r);
  is(page, 'tokens_total', { provider: 'claude_pro', kind: 'input' }, plan.input_tokens);
  is(page, 'tokens_total', { provider: 'deepseek', kind: 'input' }, paid.input_tokens + 1);
  is(page, 'tokens_total', { provider: 'deepseek', kind: 'output' }, paid.output_tokens);
  is(page, 'tokens_total', { provider: 'deepseek', kind: 'cache_1h' }, 0);
  const cost = (paid.input_tokens + paid.output_tokens) / 1000;
  is(page, 'cost_dollars_total', { provider: 'claude_pro' }, 0);
  is(page, 'cost_dollars_total', { provider: 'deepseek' }, cost);
  is(page, 'cost_unknown_total', { provider: 'deepseek' }, 1);
  is(page, 'cost_unknown_total', { provider: 'claude_pro' }, 0);
  is(page, 'cap_dollars', { scope: 'all', period: 'day' }, 300);
  assert.ok(page('cap_used_dollars', { scope: 'all', period: 'day' }) >= cost, 'what is not known counts as reserved');
  is(page, 'cap_dollars', { scope: 'deepseek', period: 'day' }, undefined);
  is(page, 'ledger_dropped_total', {}, 0);
  await assertPromtool(page.text);
});

check('who went away, and whom nobody could answer', async t => {
  const r = await router(t, { tokens: { deepseek: stored.deepseek }, order: ['deepseek', 'kimi', 'claude_api', 'claude_pro'] });
  await r.sim.gate('deepseek', { hold: true });
  const going = begin(`${r.url}/v1/messages`, { ...message('x'.repeat(400_000)), stream: true }); // large: SERVERS.md, rule 1
  await r.sim.requests('deepseek', { wait: 1 });
  await eventually('it is a stream of one of the processes', async () => (await scrape(r))('streams') === 1);
  going.abort();
  await eventually('that it left is counted', async () => (await scrape(r))('requests_total', { provider: 'deepseek', outcome: 'left' }) === 1);
  await eventually('and it is no stream any more', async () => (await scrape(r))('streams') === 0);
  await r.sim.gate('deepseek', { hold: false });
  await r.sim.next('deepseek', { fault: 'balance' });
  assert.notEqual((await r.post(message())).status, 200);
  const answer = await r.post(message());
  assert.equal(who(answer), 'none', answer.text);
  assert.ok((await scrape(r))('requests_total', { provider: 'none', outcome: 'error' }) >= 1);
});

check('counting tokens and asking for models are no requests for a message', async t => {
  const r = await router(t);
  await r.post(message(), login, '/v1/messages/count_tokens');
  await r.get('/v1/models', login);
  const page = await scrape(r);
  for (const [key, value] of page.samples) if (/_(requests|attempts)_total/.test(key)) assert.equal(value, 0, key);
});

check('counters outlive the processes that counted, and streams do not', async t => {
  const r = await router(t, { procs: 2 });
  for (let i = 0; i < 8; i++) await r.post(message(), login);
  await r.sim.gate('claude_pro', { hold: true });
  const hanging = Array.from({ length: 6 }, () => begin(`${r.url}/v1/messages`, { ...message(), stream: true }, login));
  await r.sim.requests('claude_pro', { wait: 14 });
  const before = await eventually('six streams', async () => {
    const page = await scrape(r);
    return page('streams') === 6 && page;
  });
  const pids = r.pids();
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await eventually('lighttpd starts others', () => r.pids().filter(pid => !pids.includes(pid)).length === 2);
  const after = await eventually('two of them are listed', async () => {
    const page = await scrape(r);
    return page('processes') === 2 && page;
  });
  assert.equal(after('streams'), 0);
  assert.equal(after('requests_total', { provider: 'claude_pro', outcome: 'ok' }), 8);
  assertGrown(before, after);
  for (const one of hanging) one.abort();
  await r.sim.gate('claude_pro', { hold: false });
});

check('only for admins, GET and HEAD', async t => {
  const r = await router(t, { tokens: { deepseek: stored.deepseek, admin_token: 'a-long-admin-token-of-the-tests' } });
  const far = { 'x-forwarded-for': '203.0.113.7' };
  const refused = await r.get(PAGE, far);
  assert.equal(refused.status, 403);
  assert.equal(refused.json.error.type, 'permission_error');
  assert.ok(!refused.text.includes(prefix));
  assert.equal((await r.get(PAGE, { ...far, ...login })).status, 403, 'a client is no admin');
  assert.equal((await r.get(PAGE, { ...far, authorization: 'Bearer a-long-admin-token-of-the-tests' })).status, 200);
  const head = await r.get(PAGE, {}, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.match(head.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  assert.equal(head.text, '');
  const posted = await r.post('{}', {}, PAGE);
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.allow, 'GET, HEAD');
  assert.equal((await r.get('/metrics/')).status, 404);
});
