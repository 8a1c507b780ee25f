// SPDX-License-Identifier: MIT
// Several keys for a provider: which one a session uses, what happens when one is limited or refused, and how even they are used.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { session, who } from './lib/scene.mjs';

const KEYS = { deepseek: 'sk-e2e-key-first', 'deepseek.work': 'sk-e2e-key-work', 'deepseek.home': 'sk-e2e-key-home' };
const VALUES = Object.values(KEYS);
const only = value => ({ credential: value });

const pool = (t, options = {}) => router(t, { tokens: { ...KEYS, kimi: 'sk-e2e-kimi' }, order: ['deepseek', 'kimi'], ...options });
const of = n => ({ 'x-claude-code-session-id': session(n) });
const turn = (r, n) => r.post(message(`SIM:SAY session ${n}`), of(n));

// Which key a session's requests came with, oldest first: { 17: ['sk-…', …] }.
async function keysOf(r) {
  const found = {};
  for (const request of (await r.sim.requests('deepseek')).filter(({ method }) => method === 'POST')) { // the doctor's HEAD is none
    const n = request.body.match(/SIM:SAY session (\d+)/)[1];
    (found[n] ??= []).push(request.headers['x-api-key'] ?? request.headers.authorization.replace('Bearer ', ''));
  }
  return found;
}

// A session whose own key is that one.
async function sessionOf(r, value) {
  for (let n = 1; n < 100; n++) {
    await turn(r, n);
    if ((await keysOf(r))[n].at(-1) === value) return n;
  }
  return assert.fail(`no session of ${value}`);
}

const label = value => Object.keys(KEYS).find(name => KEYS[name] === value);

check('one is limited, one refused: no request is lost, and sessions stay on their key', async t => {
  const r = await pool(t), N = 60;
  const everyone = async what => {
    for (let n = 0; n < N; n++) {
      const answer = await turn(r, n);
      assert.equal(answer.status, 200, `${what}, session ${n}: ${answer.text}`);
      assert.equal(who(answer), 'deepseek', `${what}, session ${n}`);
    }
  };
  await everyone('first');
  const home = await keysOf(r), first = await r.sim.arrivals('deepseek');
  for (const value of VALUES) assert.ok(first[value] > N / 6 && first[value] < N / 2, `each has its share: ${JSON.stringify(first)}`);
  await everyone('second');
  for (const [n, used] of Object.entries(await keysOf(r))) assert.deepEqual(used, [home[n][0], home[n][0]], `session ${n}, in whichever process`);

  await r.sim.next('deepseek', { fault: 'throttle', retry_after: 600, times: -1, match: only(KEYS['deepseek.work']) });
  await r.sim.next('deepseek', { fault: 'unauthorized', times: -1, match: only(KEYS['deepseek.home']) });
  await everyone('third');
  const third = await r.sim.arrivals('deepseek');
  assert.equal(third[KEYS['deepseek.work']], 2 * first[KEYS['deepseek.work']] + 1, 'the limited one was asked once');
  assert.equal(third[KEYS['deepseek.home']], 2 * first[KEYS['deepseek.home']] + 1, 'the refused one was asked once');
  assert.equal(third[KEYS.deepseek], 2 * first[KEYS.deepseek] + N, 'the other one has them all');
  for (const [n, used] of Object.entries(await keysOf(r)))
    if (home[n][0] === KEYS.deepseek) assert.equal(used.length, 3, `session ${n} was not moved`);
  assert.deepEqual(await r.sim.arrivals('kimi'), {}, 'no other provider was asked');
  assert.match(r.log(), /attempts="deepseek\.work:429:cool→\S+ deepseek(\.home:401:bench→\S+ deepseek)?:200:pass"/);
  assert.match(r.log(), /passed=deepseek\.home:benched/);

  const { providers: { deepseek } } = await r.status();
  assert.equal(deepseek.state, 'ready');
  assert.deepEqual(Object.fromEntries(deepseek.credentials.map(c => [c.label, c.state])), { '': 'ready', work: 'resting', home: 'benched' });
  const status = (await r.ctl('status')).stdout, explained = (await r.ctl('explain', 'claude-sonnet-5-5')).stdout, stored = (await r.ctl('tokens')).stdout;
  assert.match(status, /^ {4}work +resting .*deepseek\.work is paused until /m);
  assert.match(explained, /^1\. deepseek is ready, model \S+ \(sticky: .*\n2\. kimi is ready.*\n- {2}deepseek\.work is paused until .*\n- {2}deepseek\.home rejects its credential/);
  assert.match(stored, /^ {2}deepseek {5}stored\n {2}deepseek\.work stored\n {2}deepseek\.home stored\n/m);
  assert.match((await r.ctl('doctor')).stdout, /deepseek\.home rejects the stored credential/);
  const metrics = (await r.get('/metrics')).text;
  assert.doesNotMatch(metrics, /work|home/, 'no label by key');
  for (const value of VALUES) assert.ok(![status, explained, stored, metrics, r.log()].some(text => text.includes(value)), 'no key is shown');

  await r.sim.clear('deepseek');
  r.clock.forward('11m');
  await everyone('fourth');
  for (const [n, used] of Object.entries(await keysOf(r)))
    if (home[n][0] === KEYS['deepseek.home']) assert.notEqual(used.at(-1), home[n][0], `session ${n}: its key is still benched`);
    else assert.equal(used.at(-1), home[n][0], `session ${n} is back`);
});

check('a session comes back to its key at a user turn, not in a tool loop', async t => {
  const r = await pool(t), n = await sessionOf(r, KEYS['deepseek.work']);
  const tool = { name: 'Bash', description: 'runs', input_schema: { type: 'object', properties: { command: { type: 'string' } } } };
  const ask = messages => r.post(message('', { messages, tools: [tool], thinking: { type: 'disabled' } }), of(n));
  const go = [{ role: 'user', content: `SIM:SAY session ${n}` }];
  const looped = [...go, { role: 'assistant', content: [{ type: 'tool_use', id: 'call_00_x', name: 'Bash', input: { command: 'echo' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_00_x', content: 'x' }] }];
  await r.sim.next('deepseek', { fault: 'throttle', retry_after: 60, match: only(KEYS['deepseek.work']) });
  await ask(go);
  const away = (await keysOf(r))[n].at(-1);
  assert.notEqual(away, KEYS['deepseek.work']);
  r.clock.forward('2m');
  for (let i = 0; i < 4; i++) {
    await ask(looped);
    assert.equal((await keysOf(r))[n].at(-1), away, 'in the loop, in whichever process');
  }
  await ask([...looped, { role: 'assistant', content: 'done' }, { role: 'user', content: `SIM:SAY session ${n}` }]);
  assert.equal((await keysOf(r))[n].at(-1), KEYS['deepseek.work'], 'at the user turn');
});

check('what is not about the key is not asked with the next one', async t => {
  const r = await pool(t, { config: 'retry_delay = 0.01' });
  const n = await sessionOf(r, KEYS['deepseek.work']);
  const total = async () => Object.values(await r.sim.arrivals('deepseek')).reduce((a, b) => a + b, 0);
  let before = await total();
  await r.sim.next('deepseek', { fault: 'bad_request', times: -1 });
  assert.equal(who(await turn(r, n)), 'kimi', 'a request that it refuses');
  assert.equal(await total() - before, 1);
  await r.sim.clear('deepseek');
  before = await total();
  await r.sim.next('deepseek', { fault: 'internal', times: -1 });
  assert.equal(who(await turn(r, n)), 'kimi', 'it fails');
  assert.equal(await total() - before, 2, 'once, and once more');
  for (let i = 0; i < 10; i++) assert.equal(who(await turn(r, i)), 'kimi', 'it rests as a whole');
  assert.equal(await total() - before, 2);
  const { providers: { deepseek } } = await r.status();
  assert.equal(deepseek.state, 'resting');
  assert.match(deepseek.reason, /^deepseek is paused/);
  assert.deepEqual(deepseek.credentials.map(c => c.state), ['resting', 'resting', 'resting']);
});

check('when each is limited the next provider serves, and a 429 names each', async t => {
  const r = await pool(t, { config: 'hold = 0' });
  await r.sim.next('deepseek', { fault: 'throttle', retry_after: 600, times: -1 });
  const answer = await turn(r, 1);
  assert.equal(who(answer), 'kimi');
  assert.equal(answer.headers['x-router-attempts'], '4');
  assert.deepEqual(await r.sim.arrivals('deepseek'), Object.fromEntries(VALUES.map(value => [value, 1])));
  assert.equal((await r.status()).providers.deepseek.requests, 1, 'it was chosen once');
  await r.sim.next('kimi', { fault: 'throttle', retry_after: 600, times: -1 });
  const none = await turn(r, 1);
  assert.equal(none.status, 429, none.text);
  for (const name of [...Object.keys(KEYS), 'kimi']) assert.ok(none.json.error.message.includes(`${name} is paused until`), none.json.error.message);
});

check('64 clients at once: spread evenly, and each stays where it is', async t => {
  const r = await pool(t, { sections: { deepseek: 'balance = "spread"' } }), N = 64;
  const even = async rounds => {
    for (const [value, n] of Object.entries(await r.sim.arrivals('deepseek')))
      assert.ok(Math.abs(n - rounds * N / 3) <= rounds * N / 30, `${label(value)}: ${n} of ${rounds * N}, within 10 % of a third`);
  };
  await r.sim.gate('deepseek', { hold: true });
  const streams = Array.from({ length: N }, async (_, n) => (await r.stream(message(`SIM:SAY session ${n}`), of(n))).rest());
  await r.sim.requests('deepseek', { wait: N });
  await even(1);
  await r.sim.gate('deepseek', { hold: false });
  await Promise.all(streams);
  for (let n = 0; n < N; n++) await turn(r, n);
  await even(2);
  for (const [n, used] of Object.entries(await keysOf(r))) assert.equal(used[0], used[1], `session ${n}`);
  assert.deepEqual(await r.sim.arrivals('kimi'), {});
});

check('in order: the first until it is limited, and again after that', async t => {
  const r = await pool(t, { sections: { deepseek: 'balance = "order"' } });
  const last = async n => (await turn(r, n), (await keysOf(r))[n].at(-1));
  for (let n = 1; n < 6; n++) assert.equal(await last(n), KEYS.deepseek);
  await r.sim.next('deepseek', { fault: 'balance', match: only(KEYS.deepseek) });
  for (let n = 1; n < 6; n++) assert.equal(await last(n), KEYS['deepseek.work']);
  r.clock.forward('70m');
  for (let n = 1; n < 6; n++) assert.equal(await last(n), KEYS.deepseek);
});

check('a key that is taken away or added moves only its own sessions, and a bad file changes nothing', async t => {
  const r = await pool(t), N = 30;
  const all = async () => {
    for (let n = 0; n < N; n++) assert.equal(who(await turn(r, n)), 'deepseek');
    return Object.fromEntries(Object.entries(await keysOf(r)).map(([n, used]) => [n, used.at(-1)]));
  };
  const changed = async (tokens, what) => {
    r.writeTokens(tokens);
    await eventually('it is loaded', async () => what(await r.status()));
  };
  const before = await all(), { 'deepseek.home': gone, ...two } = KEYS;
  await changed({ ...two, kimi: 'sk-e2e-kimi' }, s => s.providers.deepseek.credentials.length === 2);
  const reloaded = await r.ctl('reload');
  assert.equal(reloaded.code, 0, reloaded.stderr);
  for (const [n, value] of Object.entries(await all())) assert.ok(before[n] === gone ? value !== gone : value === before[n], `session ${n}`);
  let error; // of the process that replied: the other one may not have looked yet
  await changed({ ...KEYS, 'deepseek.again': gone }, s => { error = s.tokens_file.error; return error !== null; });
  assert.match(error, /tokens\.txt:4: the value of deepseek\.again is the same as that of deepseek\.home on line 3/);
  assert.ok(!error.includes(gone));
  assert.equal((await r.status()).providers.deepseek.credentials.length, 2, 'the old ones stay in force');
  assert.equal((await turn(r, 1)).status, 200);
});
