// SPDX-License-Identifier: MIT
// Many at once: 2000 streams through lighttpd and two processes, none lost; and who comes when there is no more room.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { all, check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { Part, eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { PLAIN } from './lib/simulator.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const STREAMS = 2000, seconds = all ? 60 : 5, PACE = 500;

// So many streams for so long, by the benchmark's client.
async function streaming(t, r, streams, forSeconds, filler = '') {
  await r.sim.control('POST', '/sim/record', { on: false });
  const body = r.file('body');
  writeFileSync(body, JSON.stringify({ ...message(`SIM:LONG ${2000 * (forSeconds + 60)}\nSIM:PACE ${PACE}\n${filler}`), stream: true }));
  const load = new Part('load', path.join(PLAIN, 'tests/bench/load'), ['streams', String(r.port), '/v1/messages', body, String(streams), String(forSeconds),
    `authorization: Bearer ${LOGIN}`, 'anthropic-beta: oauth-2025-04-20', 'anthropic-version: 2023-06-01', 'content-type: application/json']);
  t.after(() => load.stop());
  return load;
}

check(`${STREAMS} streams at once for ${seconds} s: none fails, and each word comes`, { timeout: seconds + 150 }, async t => {
  const r = await router(t, { plain: true, procs: 2, config: 'log_level = warning' });
  const load = await streaming(t, r, STREAMS, seconds);
  await load.until(() => load.stderr.includes('ready') || load.code !== undefined, seconds + 60).catch(error => { if (load.code !== 0) throw error; });
  const streams = (await r.status()).streams;
  assert.equal((await r.post(message('SIM:SAY beside them'), oauth)).status, 200, 'another one is served');
  await load.ended;
  assert.equal(load.code, 0, load.output);
  const told = JSON.parse(load.stdout);
  assert.equal(told.failed, 0, load.output);
  assert.match(load.stderr, /ready/, `each has begun: ${load.output}`);
  assert.ok(told.events >= STREAMS * Math.max(1, seconds * 1000 / PACE / 4), `${told.events} words came`);
  if (all) console.log(`# ${streams} streams were counted; ${load.stdout.trim()}`);
  await eventually('all of them are gone', async () => (await r.status()).streams <= 1, 20);
  assert.equal((await r.post(message(), oauth)).status, 200);
});

check('the memory of large requests is given back while their streams run', { timeout: 90 }, async t => {
  const r = await router(t, { plain: true, procs: 1, config: 'log_level = warning' });
  const [pid] = r.pids(), n = 200;
  const memory = () => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
  const before = memory();
  const load = await streaming(t, r, n, 40, 'filler '.repeat(17_500));
  await load.until(() => load.stderr.includes('ready'), 40);
  let seen;
  await eventually('a stream takes less than its body, and less than libcurl sent it from', () => (seen = (memory() - before) / n) < 88, 30).catch(error => { throw new Error(`${error.message}: ${seen} KB`); });
  await load.stop();
});

check('what was rewritten of a large request is given back while the model thinks', { timeout: 90 }, async t => {
  const r = await router(t, { plain: true, procs: 1, config: 'log_level = warning' });
  const [pid] = r.pids(), n = 30, filler = 'filler '.repeat(150_000);
  const memory = () => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
  await r.switchTo('deepseek');
  await r.sim.control('POST', '/sim/deepseek/gate', { hold: true });
  const before = memory(), streams = Array.from({ length: n }, () => r.stream(message(filler), oauth));
  await r.sim.requests('deepseek', { wait: n });
  let seen;
  await eventually('each has but the body that it came with', () => (seen = (memory() - before) * 1024 / n / filler.length) < 1.2, 30).catch(error => { throw new Error(`${error.message}: ${seen} of its size`); });
  await r.sim.control('POST', '/sim/deepseek/gate', { hold: false });
  for (const s of await Promise.all(streams)) s.abort();
});

check('one more than max_streams: a 503 at once that says when to come back, and then there is room again', async t => {
  const r = await router(t, { procs: 1, config: 'max_streams = 5' });
  await r.sim.next('claude_pro', { fault: 'stall', at: 'text', times: 5 });
  const streams = await Promise.all(Array.from({ length: 5 }, () => r.stream(message('SIM:SAY one two three four five'), oauth)));
  for (let i = 0; i < 20; i++) {
    const answer = await r.post(message(), oauth, '/v1/messages', { timeout: 5 });
    assert.equal(answer.status, 503, answer.text);
    assert.equal(answer.headers['retry-after'], '2');
    assert.equal(answer.json.error.type, 'api_error');
  }
  // Beside them, and beside those that were refused, the router can be looked at.
  for (const at of ['/health', '/health?live=1', '/v1/status', '/v1/usage', '/v1/events', '/metrics', '/']) assert.equal((await r.get(at)).status, 200, at);
  assert.equal((await r.switchTo('auto')).status, 200);
  assert.equal((await r.post('"claude_pro"', {}, '/v1/retry-provider')).status, 200);
  assert.equal((await r.ctl('status')).code, 0);
  streams[0].abort();
  await eventually('there is room for one', async () => (await r.post(message(), oauth)).status === 200);
  for (const s of streams) s.abort();
  await eventually('there is room', async () => (await r.post(message(), oauth)).status === 200);
});
