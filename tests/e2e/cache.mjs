// SPDX-License-Identifier: MIT
// Equal token counts and lists of models are asked for once (BEHAVIOUR 2); messages each time, unless their client wants
// them kept.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { API_KEY, LOGIN, bearer, begin, message } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { read } from './lib/ledger.mjs';
import { router, stored } from './lib/router.mjs';
import { Server } from './lib/servers/index.mjs';

const COUNT = '/v1/messages/count_tokens';
const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const text = (content, model = 'claude-sonnet-5-5') => ({ model, messages: message(content).messages });
const count = (r, body = text('Hello'), headers = oauth) => r.post(body, headers, COUNT);
const arrived = async (r, provider = 'claude_pro') => (await r.sim.requests(provider)).length;
const isHit = answer => answer.headers['x-router-cache'] === 'hit';
const isEstimate = answer => answer.headers['x-router-estimate'] === '1';
const one = { procs: 1, order: ['claude_pro', 'claude_api'] };

// So many at once, answered while the first is still on its way.
async function together(n, ask) {
  const answers = await Promise.all(Array.from({ length: n }, ask));
  return { answers, statuses: answers.map(a => a.status).sort(), hits: answers.filter(isHit).length };
}

check('28 equal counts at once are one upstream, and none the next time', async t => {
  const r = await router(t, one);
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 500 });
  const { answers, hits } = await together(28, () => count(r));
  for (const answer of answers) assert.deepEqual([answer.status, answer.text], [200, answers[0].text]);
  assert.ok(answers[0].json.input_tokens > 0);
  assert.equal(await arrived(r), 1);
  assert.equal(hits, 27);
  const again = await count(r);
  assert.deepEqual([again.text, isHit(again), again.headers['x-router-provider'], again.headers['x-router-attempts']], [answers[0].text, true, 'claude_pro', '0']);
  assert.match(again.headers['content-type'], /^application\/json/);
  assert.equal(await arrived(r), 1);
  assert.match(r.log(), /attempts=claude_pro:200:cached/);
});

check('another text, model, beta, query or credential is another count', async t => {
  const r = await router(t, one);
  await count(r);
  await count(r, text('Hello there'));
  await count(r, text('Hello', 'claude-opus-5-5'));
  await count(r, text('Hello'), { ...oauth, 'anthropic-beta': 'oauth-2025-04-20,context-1m-2025-08-07' });
  await r.post(text('Hello'), oauth, `${COUNT}?beta=true`);
  await count(r, text('Hello'), { ...oauth, ...bearer('sk-ant-oat01-another-clients-own-login') });
  assert.equal(await arrived(r), 6);
  assert.ok(isHit(await count(r)));
  assert.equal(await arrived(r), 6);
});

check('another provider is another count', async t => {
  const r = await router(t, one);
  const both = { ...oauth, 'x-api-key': API_KEY };
  await count(r, text('Hello'), both);
  await r.switchTo('claude_api');
  assert.equal(isHit(await count(r, text('Hello'), both)), false);
  assert.equal(await arrived(r, 'claude_api'), 1);
});

check('a count is asked for again after 10 minutes, a list of models after one', async t => {
  const r = await router(t, one);
  const models = () => r.get('/v1/models?limit=1000', oauth);
  await count(r);
  const list = await models();
  r.clock.pass('59s');
  const again = await models();
  assert.deepEqual([isHit(again), again.text], [true, list.text]);
  assert.equal(isHit(await r.get('/v1/models', oauth)), false, 'another page');
  r.clock.pass('2s');
  assert.equal(isHit(await models()), false);
  r.clock.pass('8m50s');
  assert.equal(isHit(await count(r)), true);
  r.clock.pass('20s');
  assert.equal(isHit(await count(r)), false);
  assert.equal(await arrived(r), 5);
});

check('a failure is not kept', async t => {
  const r = await router(t, { procs: 1, order: ['claude_pro'] });
  await r.sim.next('claude_pro', { fault: 'internal' });
  assert.equal(isEstimate(await count(r)), true);
  const answer = await count(r);
  assert.deepEqual([answer.status, isHit(answer)], [200, false]);
  assert.equal(await arrived(r), 2);
});

check('a failure is not shared: each asks for itself', async t => {
  const r = await router(t, { procs: 1, order: ['claude_pro'] });
  await r.sim.next('claude_pro', { fault: 'internal', delay_ms: 1000 });
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 300, times: 4 });
  const { answers, statuses, hits } = await together(5, () => count(r));
  assert.deepEqual(statuses, [200, 200, 200, 200, 200]);
  assert.equal(answers.filter(isEstimate).length, 1);
  assert.equal(hits, 0);
  assert.equal(await arrived(r), 5);
});

check('an estimate is not kept: the next count is a provider’s', async t => {
  const r = await router(t, { procs: 1, order: ['deepseek', 'claude_pro'] });
  assert.equal(isEstimate(await count(r)), true);
  await r.switchTo('claude_pro');
  const answer = await count(r);
  assert.deepEqual([isEstimate(answer), isHit(answer)], [false, false]);
});

check('the first of equal ones leaves: the next one asks for the others', { skip: !Server.tellsAtOnce && Server.tells }, async t => {
  const r = await router(t, one);
  const body = text('x'.repeat(400_000)); // large: SERVERS.md, rule 1
  const streams = async () => Number((await r.get('/metrics')).text.match(/^claude_router_streams (\d+)/m)[1]);
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 60_000 });
  const first = begin(r.url + COUNT, body, oauth);
  await r.sim.requests('claude_pro', { wait: 1 });
  const waiting = together(4, () => count(r, body));
  const left = begin(r.url + COUNT, body, oauth);
  await eventually('all of them wait', async () => await streams() >= 6);
  assert.equal(await arrived(r), 1);
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 300 });
  left.abort();
  first.abort();
  const { statuses, hits } = await waiting;
  assert.deepEqual(statuses, [200, 200, 200, 200]);
  assert.equal(hits, 3);
  const requests = await r.sim.requests('claude_pro');
  assert.deepEqual(requests.map(a => a.aborted ?? false), [true, false]);
});

check('a message is never kept, nor anything with count_cache = false', async t => {
  const r = await router(t, { ...one, config: 'count_cache = false' });
  for (let i = 0; i < 2; i++) assert.equal(isHit(await count(r)), false);
  assert.equal(await arrived(r), 2);
  r.writeConfig(r.usualConfig().replace('count_cache = false', ''));
  await r.ctl('reload');
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 300 });
  const { hits } = await together(3, () => r.post(message('Hello'), oauth));
  assert.equal(hits, 0);
  assert.equal(await arrived(r), 5);
});

// --- Messages ----------------------------------------------------------------------------------------------------------

const EXPLICIT = { procs: 1, config: 'cache = "explicit"\nledger_flush = "1s"' };
const own = { ...oauth, 'x-router-cache': 'ttl=60' };
const cold = (words = 'Hello', fields = {}) => message(words, { model: 'claude-haiku-4-5', temperature: 0, ...fields });

check('a message that its client wants kept is answered from there, for its ttl, at no cost', async t => {
  const r = await router(t, EXPLICIT);
  const first = await r.post(cold(), own);
  assert.deepEqual([first.status, isHit(first)], [200, false]);
  r.clock.pass('59s');
  const again = await r.post(cold(), own);
  assert.deepEqual([again.text, isHit(again), again.headers['x-router-provider'], again.headers['x-router-attempts']], [first.text, true, 'claude_pro', '0']);
  assert.match(r.log(), /attempts=claude_pro:200:cached status=200/);
  r.clock.pass('2s');
  assert.equal(isHit(await r.post(cold(), own)), false);
  assert.equal(await arrived(r), 2);
  const rows = await eventually('three rows', async () => {
    const found = await read(r.file('usage.db'), 'SELECT ending, provider, attempt, billed, cost, input, status, error FROM request ORDER BY id');
    return found.length === 3 && found;
  });
  assert.deepEqual(rows[1], { ending: 'cache', provider: '', attempt: 0, billed: 0, cost: 0, input: null, status: 200, error: 0 });
});

check('it serves also while no provider can, whoever made it, as its client understood it', async t => {
  const r = await router(t, { ...EXPLICIT, order: ['kimi'], config: `${EXPLICIT.config}\nhold = 0`, tokens: stored });
  const first = await r.post(cold(), own);
  await r.sim.next('kimi', { fault: 'balance' });
  assert.ok((await r.post(cold('other'), own)).status >= 400);
  const again = await r.post(cold(), own);
  assert.deepEqual([again.status, again.text, isHit(again), again.headers['x-router-provider']], [200, first.text, true, 'kimi']);
});

check('another client, ttl, text or header is another message', async t => {
  const r = await router(t, EXPLICIT);
  const asked = [
    [cold(), own], [cold(), { ...own, ...bearer('sk-ant-oat01-another-clients-own-login') }], [cold(), { ...own, 'x-router-cache': 'ttl=61' }], [cold('Hello there'), own],
    [cold(), { ...own, 'anthropic-beta': 'oauth-2025-04-20,context-1m-2025-08-07' }], [cold(), { 'x-api-key': API_KEY, 'x-router-cache': 'ttl=60' }],
  ];
  for (const [body, headers] of asked) assert.equal(isHit(await r.post(body, headers)), false, JSON.stringify(headers));
  for (const [body, headers] of asked) assert.equal(isHit(await r.post(body, headers)), true, JSON.stringify(headers));
});

check('nothing is kept without the header, for an unknown client, of a stream, with tools, thinking or a temperature', async t => {
  const r = await router(t, EXPLICIT);
  const { 'x-router-cache': ttl, ...plain } = own;
  const asked = [
    [cold(), plain], [cold(), { 'x-router-cache': ttl }], [cold('Hello', { stream: true }), own], [cold('Hello', { temperature: 0.1 }), own], [cold('Hello', { temperature: undefined }), own],
    [cold('Hello', { tools: [{ name: 'x', input_schema: { type: 'object' } }] }), own],
    [cold('Hello', { thinking: { type: 'enabled', budget_tokens: 1024 }, max_tokens: 2000 }), own],
  ];
  for (const [body, headers] of [...asked, ...asked]) {
    const answer = await r.post(body, headers);
    assert.deepEqual([answer.status, isHit(answer)], [200, false], JSON.stringify(body));
  }
  const { 'x-router-cache': kept } = (await r.post(cold(), own)).headers;
  assert.equal(kept, undefined, 'nor given to whoever asks for it then');
});

check('no error is kept, and nothing that is too large', async t => {
  const r = await router(t, { ...EXPLICIT, order: ['claude_pro'] });
  await r.sim.next('claude_pro', { fault: 'bad_request' });
  assert.equal((await r.post(cold(), own)).status, 400);
  assert.deepEqual(isHit(await r.post(cold(), own)), false);
  const large = cold('SIM:LONG 15000', { max_tokens: 20_000 });
  for (let i = 0; i < 2; i++) assert.equal(isHit(await r.post(large, own)), false);
});

check('a header that is not understood is a 400 that says what is right; none with cache = "off"', async t => {
  const r = await router(t, EXPLICIT);
  for (const value of ['ttl=0', 'ttl=86401', 'ttl=', 'ttl=60s', 'ttl=-1', 'TTL=60', '60', 'no-store', 'ttl=60, ttl=60', 'ttl=100000000000000000000']) {
    const answer = await r.post(cold(), { ...own, 'x-router-cache': value });
    assert.equal(answer.status, 400, value);
    assert.match(answer.json.error.message, /x-router-cache must be ttl=1 to ttl=86400, in seconds/);
  }
  assert.equal(await arrived(r), 0);
  assert.equal((await r.post(cold(), { ...own, 'x-router-cache': 'ttl=86400' })).status, 200);
  const off = await router(t, one);
  for (let i = 0; i < 2; i++) assert.equal(isHit(await off.post(cold(), own)), false);
  assert.equal((await off.post(cold(), { ...own, 'x-router-cache': 'nonsense' })).status, 200);
});
