// SPDX-License-Identifier: MIT
// What the ledger holds of requests that were served, cut, aborted and refused, as SQLite reads it.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { read } from './lib/ledger.mjs';
import { eventually } from './lib/parts.mjs';
import { TOP, router, stored } from './lib/router.mjs';
import { BUILD } from './lib/simulator.mjs';

const QUICK = `ledger_flush = "1s"\nprices_file = "${TOP}/conf/prices"`;
const select = (r, query) => read(r.file('usage.db'), query);

// The rows once there are n, in the order of the requests.
async function rows(r, n) {
  let found = [];
  await eventually(`${n} rows`, async () => (found = await select(r, 'SELECT * FROM request ORDER BY at, attempt')).length >= n);
  assert.equal(found.length, n, JSON.stringify(found));
  return found;
}

const usageOf = answer => answer.json.usage;

check('of several keys of a provider, the row has the label of the one that served', async t => {
  const r = await router(t, { config: QUICK, order: ['deepseek'], sections: { deepseek: 'balance = "order"' }, tokens: { 'deepseek.work': 'sk-e2e-work', deepseek: 'sk-e2e-other' } });
  await r.post(message());
  await r.sim.next('deepseek', { fault: 'throttle', retry_after: 60, match: { credential: 'sk-e2e-work' } });
  await r.post(message());
  assert.deepEqual((await rows(r, 2)).map(row => row.credential), ['work', 'stored']);
});

check('a server that reports nothing has all of it estimated, and its rows are marked', async t => {
  const r = await router(t, { config: QUICK, order: ['openai'], sections: { openai: 'dialect = "openai"' }, tokens: { openai: 'sk-x' } });
  await r.sim.control('POST', '/sim/openai/habits', { usage: 'never' });
  const told = usageOf(await r.post(message('SIM:SAY four words are said')));
  const s = await r.stream(message('SIM:SAY four words are said'));
  const last = (await s.rest()).find(event => event.data.type === 'message_delta').data.usage;
  assert.deepEqual(told, { input_tokens: told.input_tokens, output_tokens: 6, estimated: true });
  assert.ok(told.input_tokens > 10);
  for (const row of await rows(r, 2)) assert.deepEqual([row.input > 10, row.output, row.estimated], [true, 6, 1], JSON.stringify(row));
  assert.deepEqual([last.output_tokens, last.estimated], [6, true]);
});

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
  assert.deepEqual(kinds, ['serving claude_pro', 'left claude_pro', 'paid deepseek']);
  const [day] = await select(r, "SELECT sum(requests) n, sum(input) input, sum(output) output, sum(cost) cost FROM day");
  assert.deepEqual(day, { n: 2, input: first.input + second.input, output: first.output + second.output, cost: first.cost + second.cost });
});

check('the model that answers has the price, not the one that was sent', async t => {
  const r = await router(t, { config: 'ledger_flush = "1s"', whole: (sim, r) => {
    r.write('prices', 'claude-sonnet-5-5 in=1 out=1\nclaude-haiku-4-5 in=2 out=2\n');
    return `${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
  } });
  const answer = model => ({ id: 'msg_1', type: 'message', role: 'assistant', model, content: [{ type: 'text', text: 'Hello.' }], stop_reason: 'end_turn', stop_sequence: null,
    usage: { input_tokens: 3, output_tokens: 4 } });
  const json = model => ({ fault: 'raw', status: 200, content_type: 'application/json', body: JSON.stringify(answer(model)) });
  const start = { type: 'message_start', message: { ...answer('claude-haiku-4-5-20251001'), content: [], stop_reason: null } };
  const events = [start, { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }, { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello.' } },
    { type: 'content_block_stop', index: 0 }, { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 4 } }, { type: 'message_stop' }];
  const stream = events.map(e => `event: ${e.type}\ndata: ${JSON.stringify(e)}\n\n`).join('');
  await r.sim.next('claude_pro', json('claude-haiku-4-5-20251001'));
  await r.post(message());
  await r.sim.next('claude_pro', { fault: 'raw', status: 200, content_type: 'text/event-stream', body: stream });
  await (await r.stream(message('Hello?'))).rest();
  await r.sim.next('claude_pro', json('an-alias'));
  await r.post(message());
  await r.post(message());
  const found = (await rows(r, 4)).map(row => [row.served, row.cost / (row.input + row.output)]);
  assert.deepEqual(found, [['claude-haiku-4-5-20251001', 2000], ['claude-haiku-4-5-20251001', 2000], ['claude-sonnet-5-5', 1000], ['claude-sonnet-5-5', 1000]]);
});

check('what is written to a cache costs as the request asks, where the response does not say', async t => {
  const r = await router(t, { config: 'ledger_flush = "1s"', order: ['deepseek', 'claude_pro'], whole: (sim, r) => {
    r.write('prices', '* in=1 w5m=2 w1h=4 out=0\n');
    return `${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
  } });
  const body = { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [{ type: 'text', text: 'Hello.' }], stop_reason: 'end_turn', stop_sequence: null,
    usage: { input_tokens: 0, cache_creation_input_tokens: 10, output_tokens: 0 } };
  const wrote = { fault: 'raw', status: 200, content_type: 'application/json', body: JSON.stringify(body), times: 2 };
  const ask = ttl => r.post({ ...message(), system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral', ttl } }] });
  await r.sim.next('deepseek', wrote);
  await r.sim.next('claude_pro', wrote);
  await ask('1h');
  await r.switchTo('claude_pro');
  await ask('1h');
  await ask('5m');
  const found = (await rows(r, 3)).map(row => [row.provider, row.cache_5m, row.cache_1h, row.cost]);
  assert.deepEqual(found, [['deepseek', 10, 0, 20_000], ['claude_pro', 0, 10, 40_000], ['claude_pro', 10, 0, 20_000]]);
});

check('an advisor has its own price, and its tokens are in the row', async t => {
  const r = await router(t, { whole: (sim, r) => {
    r.write('prices', 'claude-sonnet-5-5 in=1 out=10\nclaude-opus-5-5 in=100 out=1000\n');
    return `${r.usualConfig()}\nledger_flush = "1s"\nprices_file = "${r.file('prices')}"`;
  } });
  const tokens = (input, output) => ({ input_tokens: input, output_tokens: output, cache_read_input_tokens: 0, cache_creation_input_tokens: 0, cache_creation: null });
  const iterations = [{ type: 'message', model: 'claude-sonnet-5-5', ...tokens(3, 4) }, { type: 'advisor_message', model: 'claude-opus-5-5', ...tokens(5, 6) }];
  const body = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-5-5', content: [{ type: 'text', text: 'Hello.' }], stop_reason: 'end_turn', stop_sequence: null,
    usage: { ...tokens(3, 4), iterations } };
  await r.sim.next('claude_pro', { fault: 'raw', status: 200, content_type: 'application/json', body: JSON.stringify(body) });
  await r.post(message());
  const [row] = await rows(r, 1);
  assert.deepEqual([row.served, row.input, row.output, row.cost], ['claude-sonnet-5-5', 8, 10, 1000 * (3 + 4 * 10 + 5 * 100 + 6 * 1000)]);
  assert.match(r.log(), /input_tokens=8 output_tokens=10/);
});

check('a window that fills, and its provider that is spared, are events', async t => {
  const r = await router(t, { config: QUICK, sections: { claude_pro: 'leave_at = { "*=90%" }' } });
  await r.sim.next('claude_pro', { fault: 'utilization', utilization: 0.9, reset: 3600 });
  await r.post(message());
  const events = () => select(r, 'SELECT kind, provider, text FROM event ORDER BY id');
  await eventually('all', async () => (await events()).length >= 3);
  const texts = (await events()).map(e => `${e.kind} ${e.provider} ${e.text}`.replace(/\d\d:\d\d/, 'T'));
  assert.deepEqual(texts, [
    'near claude_pro claude_pro: 80 % of the 5-hour window used, begins anew T',
    'spared claude_pro claude_pro is spared (5h 90 % ≥ 90 %), until T',
    'serving claude_pro requests now go to claude_pro']);
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

// --- A slow disk -------------------------------------------------------------------------------------------------------

// r.hold() makes what is written to the disk wait, r.letGo() no more; r.isHeld() says that something does.
async function onSlowDisk(t) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-disk-')), file = path.join(dir, 'late');
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const r = await router(t, { config: QUICK, procs: 1, preload: path.join(BUILD, 'tests/torture/late.so'), env: { LATE_FILE: file } });
  const letGo = () => writeFileSync(file, 'go');
  t.after(letGo);
  return Object.assign(r, { hold: () => writeFileSync(file, 'd-'), letGo, isHeld: () => readFileSync(file, 'utf8') === 'dw' });
}

// Each of a stream's events passes, and other requests are answered, all while the disk waits.
async function flowsMeanwhile(r) {
  await eventually('the disk is waited for', r.isHeld);
  await r.sim.gate('claude_pro', { hold: true, release: 4 });
  const s = await r.stream(message('SIM:LONG 40'));
  for (let i = 0; i < 4; i++) await s.next();
  for (let i = 0; i < 40; i++) {
    await r.sim.gate('claude_pro', { release: 1 });
    assert.ok(await s.next(), `event ${i}`);
    if (i % 8 === 0) assert.equal((await r.get('/v1/models')).status, 200);
  }
  assert.ok((await r.status()).ledger.queued > 0);
  await r.sim.gate('claude_pro', { hold: false });
  await s.rest();
  assert.ok(r.isHeld(), 'it still waits');
}

check('while the disk is waited for, as the ledger is made, events flow', async t => {
  const r = await onSlowDisk(t);
  r.hold();
  await r.post(message());
  await flowsMeanwhile(r);
  r.letGo();
  await rows(r, 2);
});

check('while the disk is waited for, as rows are written without a WAL, events flow', async t => {
  const r = await onSlowDisk(t);
  symlinkSync('/nowhere/at/all', r.file('usage.db-shm'));
  await r.post(message());
  await eventually('it is written, and who serves', async () => (await r.status()).ledger.written === 2);
  r.hold();
  await r.post(message());
  await flowsMeanwhile(r);
  r.letGo();
  await eventually('all is written', async () => (await r.status()).ledger.written === 4);
});
