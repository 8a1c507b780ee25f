// SPDX-License-Identifier: MIT
// Many at once, in four processes: a limit loses none of them, and a provider that may be back is asked by one at a time.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { begin, message } from './lib/client.mjs';
import { fastcgi } from './lib/fastcgi.mjs';
import { Part, connects, eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { ask, asked, keys, login, person, standing, who } from './lib/scene.mjs';
import { BUILD } from './lib/simulator.mjs';

const CLIENTS = 64;
const four = { tokens: keys, procs: 4, config: 'retry_delay = 0.05' };
const crowd = (r, n = CLIENTS, headers = () => login) => Promise.all(Array.from({ length: n }, (_, i) => ask(r, i % 2 === 0, `SIM:SAY answer ${i}`, headers(i))));

function noneLost(answers, ...by) {
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.status, 200, `client ${i}: ${answer.bytes}`);
    assert.equal(answer.text, `answer ${i}`);
    assert.ok(by.includes(who(answer)), `client ${i} was served by ${who(answer)}`);
  }
}

const served = (answers, by) => answers.filter(answer => who(answer) === by).length;

check('64 clients at the moment a limit hits: none is lost, and then nobody asks the one that rests', async t => {
  const r = await router(t, four);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800, times: -1, delay_ms: 300 });
  noneLost(await crowd(r), 'deepseek');
  const [pro, deepseek] = await asked(r, 'claude_pro', 'deepseek');
  assert.ok(pro <= CLIENTS, `${pro} arrived: one for each client at most`);
  assert.equal(deepseek, CLIENTS);
  assert.equal((await r.status()).failover_count, 1, 'it is one failover');
  noneLost(await crowd(r), 'deepseek');
  assert.deepEqual(await asked(r, 'claude_pro', 'deepseek'), [pro, 2 * CLIENTS]);
});

check('half of them are still served: the rest holds all the same', async t => {
  const r = await router(t, four);
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 400, times: CLIENTS / 2 });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800, times: -1 });
  const answers = await crowd(r);
  noneLost(answers, 'claude_pro', 'deepseek');
  assert.equal(served(answers, 'claude_pro'), CLIENTS / 2);
  assert.equal((await standing(r, 'claude_pro')).state, 'resting');
  const [before] = await asked(r, 'claude_pro');
  noneLost(await crowd(r, 16), 'deepseek');
  assert.deepEqual(await asked(r, 'claude_pro'), [before]);
});

check('64 clients when the rest is over: one asks, the others do not wait for it', async t => {
  const r = await router(t, four);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600 });
  await ask(r, true);
  r.clock.forward('12m');
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 1500, times: -1 });
  const answers = await crowd(r);
  noneLost(answers, 'claude_pro', 'deepseek');
  assert.equal(served(answers, 'claude_pro'), 1, 'the probe');
  assert.deepEqual(await asked(r, 'claude_pro', 'deepseek'), [2, CLIENTS]);
  await r.sim.clear('claude_pro');
  noneLost(await crowd(r), 'claude_pro');
  assert.equal((await r.status()).status, 'healthy');
});

check('a probe that fails is noticed by nobody, and there is one for each return', async t => {
  const r = await router(t, four);
  await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 60, times: -1 });
  await ask(r, false);
  for (let round = 1; round <= 5; round++) {
    r.clock.forward('70s');
    noneLost(await crowd(r, 24), 'deepseek');
    assert.deepEqual(await asked(r, 'claude_pro'), [1 + round], `return ${round}`);
  }
  await r.sim.clear('claude_pro');
  r.clock.forward('70s');
  assert.ok(served(await crowd(r, 24), 'claude_pro') >= 1);
  noneLost(await crowd(r, 24), 'claude_pro');
});

check('a busy provider is asked twice by each at most, and rests for all', async t => {
  const r = await router(t, four);
  await r.sim.next('claude_pro', { fault: 'overloaded', times: -1, delay_ms: 200 });
  noneLost(await crowd(r, CLIENTS, i => person(`number-${i % 8}`)), 'deepseek');
  const [pro] = await asked(r, 'claude_pro');
  assert.ok(pro <= 2 * CLIENTS, `${pro} arrived`);
  noneLost(await crowd(r, 32, i => person(`number-${i % 8}`)), 'deepseek');
  assert.deepEqual(await asked(r, 'claude_pro'), [pro]);
  r.clock.forward('21s');
  noneLost(await crowd(r, 32, i => person(`number-${i % 8}`)), 'deepseek');
  const [then] = await asked(r, 'claude_pro');
  assert.ok(then - pro >= 1 && then - pro <= 2, `${then - pro} asked: one probe with its retry`);
});

check('one person\'s limit is no other person\'s', async t => {
  const r = await router(t, four);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800 });
  assert.equal(who(await ask(r, true, 'Hello', person('ada'))), 'deepseek');
  const answers = await crowd(r, CLIENTS, i => person(i % 2 ? 'ada' : 'bob'));
  noneLost(answers, 'claude_pro', 'deepseek');
  answers.forEach((answer, i) => assert.equal(who(answer), i % 2 ? 'deepseek' : 'claude_pro'));
});

check('two limits at once: all go on with the third', async t => {
  const r = await router(t, four);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800, times: -1, delay_ms: 100 });
  await r.sim.next('deepseek', { fault: 'balance', times: -1, delay_ms: 100 });
  noneLost(await crowd(r), 'kimi');
  const before = await asked(r, 'claude_pro', 'deepseek');
  for (const n of before) assert.ok(n <= CLIENTS, `${before}`);
  noneLost(await crowd(r), 'kimi');
  assert.deepEqual(await asked(r, 'claude_pro', 'deepseek'), before);
});

check('all hold for the only one: one probes, and the others follow when it has answered', async t => {
  const r = await router(t, { ...four, order: ['claude_pro'], config: 'hold = 15' });
  await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 2 });
  assert.equal((await ask(r, false, 'Hello', person('somebody'))).status, 200, 'held as well');
  await r.sim.reset();
  await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 2 });
  const first = ask(r, false);
  await r.sim.requests('claude_pro', { wait: 1 });
  await eventually('it rests', async () => (await standing(r, 'claude_pro')).state === 'resting');
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 700 });
  noneLost(await crowd(r), 'claude_pro');
  assert.equal((await first).status, 200);
  const at = (await r.sim.requests('claude_pro')).map(request => request.at_ms).sort((a, b) => a - b);
  assert.equal(at.length, 1 + 1 + CLIENTS);
  assert.ok(at[2] - at[1] >= 600, `${at[2] - at[1]} ms after the probe came the next`);
});

check('a probe whose process dies is followed by another one, not by all', async t => {
  const r = await router(t, four);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600 });
  await ask(r, true);
  r.clock.forward('12m');
  await r.sim.next('claude_pro', { fault: 'stall' });
  const probe = begin(r.url + '/v1/messages', { ...message(), stream: true }, login);
  await r.sim.requests('claude_pro', { wait: 2 });
  const before = r.pids();
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await probe.answer.then(s => s.rest()).catch(() => {});
  await eventually('new ones are there', () => r.pids().filter(pid => !before.includes(pid)).length === 4);
  await eventually('and answer', async () => (await r.get('/health')).status === 200);
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 1000, times: -1 });
  const early = await crowd(r, 16);
  noneLost(early, 'deepseek', 'claude_pro');
  assert.ok(served(early, 'claude_pro') <= 1, `${served(early, 'claude_pro')} asked at once`);
  if (served(early, 'claude_pro') === 0) { // its lease still ran
    r.clock.forward('65s');
    const answers = await crowd(r, 16);
    noneLost(answers, 'claude_pro', 'deepseek');
    assert.equal(served(answers, 'claude_pro'), 1);
  }
  await r.sim.clear('claude_pro');
  noneLost(await crowd(r, 16), 'claude_pro');
});

check('a probe whose lease is not renewed once, since the state file is busy, is the only one all the same', async t => {
  const r = await router(t, { ...four, procs: 1 });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600 });
  await ask(r, true);
  r.clock.forward('12m');
  await r.sim.next('claude_pro', { fault: 'stall' });
  const probe = begin(`${r.url}/v1/messages`, { ...message(), stream: true }, login);
  await r.sim.requests('claude_pro', { wait: 2 });
  const writer = new Part('a writer', 'python3', ['-c', 'import fcntl, signal, sys\nf = open(sys.argv[1], "r+b")\nfcntl.lockf(f, fcntl.LOCK_EX, 1, 0)\nprint("busy", flush=True)\nsignal.pause()', r.state]);
  t.after(() => writer.stop());
  await writer.until(() => writer.stdout === 'busy\n');
  // Its timers run once the first answer is sent, so before the second one.
  const passes = async span => { r.clock.pass(span); for (let i = 0; i < 2; i++) await r.get('/health'); };
  await passes('20s');
  await writer.stop();
  await passes('30s');
  await passes('30s');
  noneLost(await crowd(r, 8), 'deepseek');
  assert.deepEqual(await asked(r, 'claude_pro'), [2]);
  probe.abort();
});

// Two processes by themselves, which first() and second() ask. Between hold() and letGo() the first one sees that a rest
// is over, and then is late with the lock (tests/torture/late.c).
async function late(t) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-late-')), file = path.join(dir, 'late');
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(file, 'go');
  const r = await router(t, {
    alone: true, tokens: keys, order: ['claude_pro', 'deepseek'], config: 'hold = 0\nretry_delay = 0.02',
    preload: path.join(BUILD, 'tests/torture/late.so'), env: { LATE_FILE: file },
  });
  t.after(() => r.letGo());
  const socket = r.file('second.sock');
  const second = new Part('the second', path.join(BUILD, 'claude-router'), ['--socket', socket], { env: { ...r.env, LATE_FILE: '' } });
  t.after(() => second.stop());
  t.evidence('the second', () => second.output);
  await second.until(() => connects(socket));
  const asks = at => () => fastcgi(at, { headers: login, body: JSON.stringify(message('SIM:SAY fine')) }, { timeout: 20 });
  return Object.assign(r, {
    first: asks(r.socket), second: asks(socket),
    hold: () => writeFileSync(file, 'h-'), letGo: () => writeFileSync(file, 'go'), isHeld: () => readFileSync(file, 'utf8') === 'hw',
  });
}

for (const [what, probed] of [['serves', { fault: 'pass' }], ['fails', { fault: 'throttle', retry_after: 60 }]]) {
  check(`two processes see at once that a rest is over: one asks, and ${what}; the other goes on to the next, and nothing stays locked`, async t => {
    const r = await late(t);
    await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600 });
    assert.equal(who(await r.first()), 'deepseek');
    r.clock.forward('12m');
    r.hold();
    const loser = r.first();
    await eventually('the first is about to become the probe', () => r.isHeld());
    await r.sim.next('claude_pro', { ...probed, delay_ms: 1000 });
    const winner = r.second();
    await r.sim.requests('claude_pro', { wait: 2 });
    r.letGo();
    assert.equal(who(await loser), 'deepseek', 'who lost goes on, and does not wait');
    assert.equal((await asked(r, 'claude_pro'))[0], 2, 'nobody else asked');
    assert.equal(who(await winner), what === 'serves' ? 'claude_pro' : 'deepseek');
    if (what === 'fails') r.clock.forward('70s');
    for (const one of [r.first, r.second, r.first]) assert.equal(who(await one()), 'claude_pro');
    const switched = await r.ctl('switch', 'auto');
    assert.equal(switched.code, 0, switched.stderr);
    const { state } = JSON.parse((await r.ctl('status', '--json')).stdout).providers.claude_pro;
    assert.equal(state, 'ready');
  });
}
