// SPDX-License-Identifier: MIT
// What the ledger holds of requests that were served, cut, aborted and refused, as SQLite reads it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { command, eventually } from './lib/parts.mjs';
import { TOP, router, stored } from './lib/router.mjs';

const QUICK = `ledger_flush = "1s"\nprices_file = "${TOP}/conf/prices"`;
const READ = `import json, sqlite3, sys
file = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
file.row_factory = sqlite3.Row
print(json.dumps([dict(row) for row in file.execute(sys.argv[2])]))`;

async function select(r, query) {
  if (!existsSync(r.file('usage.db'))) return [];
  const run = await command('python3', ['-c', READ, r.file('usage.db'), query]);
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(run.stdout);
}

// The rows once there are n, in the order of the requests.
async function rows(r, n) {
  let found = [];
  await eventually(`${n} rows`, async () => (found = await select(r, 'SELECT * FROM request ORDER BY at, attempt')).length >= n);
  assert.equal(found.length, n, JSON.stringify(found));
  return found;
}

const usageOf = answer => answer.json.usage;

check('a message of each provider: its tokens, who pays, and what it costs', async t => {
  const r = await router(t, { config: QUICK, sections: { deepseek: 'models = { "*=deepseek-flash" }' } });
  const plan = usageOf(await r.post(message()));
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600 });
  const paid = usageOf(await r.post(message()));
  const [first, second] = await rows(r, 2);
  assert.equal(first.provider, 'claude_pro');
  assert.deepEqual([first.input, first.output, first.billed, first.status, first.ending], [plan.input_tokens, plan.output_tokens, 0, 200, 'ok']);
  assert.equal(second.provider, 'deepseek');
  assert.deepEqual([second.input, second.output, second.billed, second.attempt], [paid.input_tokens, paid.output_tokens, 1, 2]);
  // 2 and 10 dollars for a million tokens; deepseek-flash has off-peak hours: conf/prices.
  assert.equal(first.cost, first.input * 2000 + first.output * 10000);
  const peak = second.input * 300 + second.output * 1200;
  assert.ok([peak, peak / 2].includes(second.cost), JSON.stringify(second));
  const kinds = (await select(r, 'SELECT kind, provider FROM event ORDER BY id')).map(e => `${e.kind} ${e.provider}`);
  assert.deepEqual(kinds, ['left claude_pro', 'paid deepseek']);
  const [day] = await select(r, "SELECT sum(requests) n, sum(input) input, sum(output) output, sum(cost) cost FROM day");
  assert.deepEqual(day, { n: 2, input: first.input + second.input, output: first.output + second.output, cost: first.cost + second.cost });
});

check('a window that fills, and its provider that is spared, are events', async t => {
  const r = await router(t, { config: QUICK, sections: { claude_pro: 'leave_at = { "*=90%" }' } });
  await r.sim.next('claude_pro', { fault: 'utilization', utilization: 0.9, reset: 3600 });
  await r.post(message());
  const events = () => select(r, 'SELECT kind, provider, text FROM event ORDER BY id');
  await eventually('both', async () => (await events()).length >= 2);
  const texts = (await events()).map(e => `${e.kind} ${e.provider} ${e.text}`.replace(/\d\d:\d\d/, 'T'));
  assert.deepEqual(texts, [
    'near claude_pro claude_pro: 80 % of the 5-hour window used, begins anew T',
    'spared claude_pro claude_pro is spared (5h 90 % ≥ 90 %), until T']);
});

check('what a stream that is cut used is estimated', async t => {
  const r = await router(t, { config: QUICK });
  await r.sim.next('claude_pro', { fault: 'close', at: 'text' });
  await (await r.stream(message('SIM:LONG 100'))).rest();
  const [row] = await rows(r, 1);
  assert.deepEqual([row.provider, row.ending, row.estimated], ['claude_pro', 'cut', 1]);
  assert.ok(row.output > 0 && row.input > 0, JSON.stringify(row));
});

check('a client that leaves, and a request that nobody takes', async t => {
  const r = await router(t, { config: `${QUICK}\nhold = "0s"`, order: ['claude_pro'] });
  await r.sim.next('claude_pro', { at: 'text', fault: 'stall' });
  const s = await r.stream(message('SIM:LONG 100'));
  while ((await s.next()).event !== 'content_block_delta');
  s.abort();
  const [left] = await rows(r, 1);
  assert.equal(left.ending, 'aborted');
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600 });
  assert.equal((await r.post(message())).status, 429);
  const [, none] = await rows(r, 2);
  assert.deepEqual([none.provider, none.ending, none.status, none.cost], ['', 'refused', 429, 0]);
});

check('no credential, prompt or address is in it, and it can be switched off', async t => {
  const secret = 'a prompt that nobody else may read';
  const r = await router(t, { config: QUICK });
  await r.post({ ...message(), messages: [{ role: 'user', content: secret }] });
  await rows(r, 1);
  const files = readdirSync(r.dir).filter(name => name.startsWith('usage.db')).map(name => readFileSync(path.join(r.dir, name)));
  for (const word of [secret, ...Object.values(stored), '127.0.0.1']) assert.ok(!files.some(bytes => bytes.includes(word)), word);
  const off = await router(t, { config: 'ledger = "off"', sim: r.sim });
  await off.post(message());
  assert.equal(existsSync(off.file('usage.db')), false);
  assert.equal((await off.status()).ledger.state, 'off');
});

check('after kill -9 of all responders it is whole, and goes on', async t => {
  const r = await router(t, { config: QUICK });
  for (let i = 0; i < 4; i++) await r.post(message());
  await rows(r, 4);
  const asked = Promise.all(Array.from({ length: 8 }, () => r.post(message()).catch(() => {})));
  for (const pid of r.pids()) process.kill(pid, 'SIGKILL');
  await asked;
  await eventually('it serves again', async () => (await r.post(message()).catch(() => ({}))).status === 200);
  await eventually('its row', async () => (await select(r, 'SELECT count(*) n FROM request'))[0].n > 4);
  assert.deepEqual(await select(r, 'PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
  const [{ same }] = await select(r, 'SELECT (SELECT count(*) FROM request) = (SELECT sum(requests) FROM day) same');
  assert.equal(same, 1);
});
