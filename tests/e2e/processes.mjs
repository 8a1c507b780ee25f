// SPDX-License-Identifier: MIT
// Several responder processes under one lighttpd share the state file, and one of them may die.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message, textOf } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const who = answer => answer.headers['x-router-provider'];
const many = (n, what) => Promise.all(Array.from({ length: n }, (_, i) => what(i)));

check('a limit seen by one of four is known to all at the next request', async t => {
  const r = await router(t, { procs: 4 });
  await eventually('all four run', () => r.pids().length === 4);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800 });
  assert.equal(who(await r.post(message(), oauth)), 'deepseek');
  const answers = await many(40, () => r.post(message('SIM:SLEEP 50'), oauth));
  assert.deepEqual([...new Set(answers.map(who))], ['deepseek']);
  assert.equal((await r.sim.requests('claude_pro')).length, 1);
  assert.equal((await r.status()).failover_count, 1);
});

check('a switch made at one of four holds in all', async t => {
  const r = await router(t, { procs: 4 });
  await r.switchTo('kimi');
  const answers = await many(40, () => r.post(message('SIM:SLEEP 50'), oauth));
  assert.deepEqual([...new Set(answers.map(who))], ['kimi']);
});

check('kill -9 of one in the middle of 200 streams loses only what it carried', { timeout: 120 }, async t => {
  const r = await router(t, { procs: 4 });
  await r.sim.gate('claude_pro', { hold: true });
  const answering = many(200, async i => {
    const s = await r.stream(message(`SIM:SAY stream number ${i}`), oauth);
    try { return { events: await s.rest(90) }; } catch (error) { return { error }; }
  });
  await r.sim.requests('claude_pro', { wait: 200, timeout: 60 });
  await r.sim.gate('claude_pro', { release: 200 * 3 });
  const before = r.pids();
  process.kill(before[1], 'SIGKILL');
  await r.sim.gate('claude_pro', { hold: false });

  const answers = await answering;
  const whole = answers.filter((a, i) => a.events?.at(-1)?.event === 'message_stop' && textOf(a.events) === `stream number ${i}`);
  assert.ok(whole.length >= 100, `${whole.length} of 200 were whole`);
  assert.ok(whole.length < 200, 'the one that was killed carried some');

  const after = await eventually('lighttpd starts a new one', () => r.pids().length === 4 && !r.pids().includes(before[1]) && r.pids());
  assert.equal(after.filter(pid => before.includes(pid)).length, 3, 'the others are the same as before');
  assert.deepEqual(readdirSync(r.dir).filter(name => name.includes('.bad')), [], 'the state file stayed valid');
  const status = await r.status();
  assert.equal(status.status, 'healthy', JSON.stringify(status));
  assert.equal((await r.ctl('status')).code, 0);
  const again = await many(20, () => r.post(message(), oauth));
  assert.deepEqual([...new Set(again.map(a => `${a.status} ${who(a)}`))], ['200 claude_pro']);
});

check('what was learned outlives all of them', async t => {
  const r = await router(t, { procs: 2 });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800 });
  await r.post(message(), oauth);
  const before = r.pids();
  for (const pid of before) process.kill(pid, 'SIGKILL');
  await eventually('lighttpd starts new ones', () => r.pids().filter(pid => !before.includes(pid)).length === 2);
  await eventually('they answer', async () => (await r.get('/health')).status === 200);
  assert.equal(who(await r.post(message(), oauth)), 'deepseek');
  assert.equal((await r.sim.requests('claude_pro')).length, 1);
});

const gone = pid => eventually(`${pid} is gone`, () => !existsSync(`/proc/${pid}`));

check('the only responder is killed again and again, and the next request is served', async t => {
  const r = await router(t, { procs: 1 });
  for (let i = 0; i < 5; i++) {
    const [pid] = await eventually('a responder is there', () => r.pids().length === 1 && r.pids());
    process.kill(pid, 'SIGKILL');
    await gone(pid);
    const answer = await r.post(message(), oauth);
    assert.equal(`${answer.status} ${who(answer)}`, '200 claude_pro', answer.text);
  }
  assert.match(r.log(), /level=warning msg="restarted: signal 9 \(Killed\) killed the previous responder"/);
});

check('a responder whose parent is killed serves on, and ends when the web server does', async t => {
  const r = await router(t, { procs: 1 });
  const [pid] = r.pids();
  const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').match(/\) \S (\d+)/)[1]);
  assert.equal(readFileSync(`/proc/${parent}/comm`, 'utf8'), 'router-respawn\n');
  process.kill(parent, 'SIGKILL');
  await gone(parent);
  await eventually('it answers', async () => (await r.get('/health')).status === 200);
  process.kill(r.server.part.pid, 'SIGKILL');
  await gone(pid);
});
