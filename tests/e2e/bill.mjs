// SPDX-License-Identifier: MIT
// The ledger against the simulator's bill (BEHAVIOUR 12): to the token and to the nano-dollar where usage was told, over
// requests of all kinds by several clients, with faults, cuts, hops and kill -9. --all: 10 000 of them; SEED=N repeats a run.
import assert from 'node:assert/strict';
import { all, check } from './lib/case.mjs';
import { API_KEY, LOGIN, bearer, message } from './lib/client.mjs';
import { read } from './lib/ledger.mjs';
import { eventually } from './lib/parts.mjs';
import { providers, router, stored, TOP } from './lib/router.mjs';
import { OAUTH_BETA, random, session } from './lib/scene.mjs';

const REQUESTS = all ? 10_000 : 400;
const ROUND = all ? 100 : 50;
const AT_ONCE = 8;
const BATCH = 64; // LEDGER_BATCH of src/base/caps.h: so many rows wait at most, while the disk is well
const HOUR = 3_600_000, DAY = 24 * HOUR;

const config = `prices_file = "${TOP}/conf/prices"\nledger_flush = "1s"\nhold = 0\nretry_delay = 0\nmax_retries = 1`;
const sections = {
  deepseek: 'models = { "claude-opus-*=deepseek-v4-pro", "*=deepseek-flash" }',
  kimi: 'models = { "claude-opus-*=kimi-k3", "claude-haiku-*=kimi-k2.7-code", "*=kimi-k2.6" }',
};
const paid = ['deepseek', 'kimi', 'claude_api'];

// --- What is asked -----------------------------------------------------------------------------------------------------

const clients = {
  stored: {},
  login: { ...bearer(LOGIN), 'anthropic-beta': OAUTH_BETA },
  key: { 'x-api-key': API_KEY },
};
const ownProvider = { login: 'claude_pro', key: 'claude_api' };
const models = ['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-haiku-5-5', 'claude-haiku-4-5', 'claude-sonnet-4-6', 'claude-fable-5-1'];

// The number of a request is in its input, all kinds together: no two have the same. Half of haiku's are about where
// the price of its input changes.
function kindsOf(number, model, pick) {
  const total = model === 'claude-haiku-5-5' ? 100_000 - REQUESTS / 2 + number : 1000 + number;
  const parts = [0, 0, 0].map(() => (pick.below(2) ? 0 : pick.below(300)));
  const [readTokens, write5m, write1h] = parts;
  return { total, text: `SIM:INPUT ${total - readTokens - write5m - write1h} SIM:READ ${readTokens} SIM:WRITE5M ${write5m} SIM:WRITE1H ${write1h}` };
}

const shapes = [
  { say: () => 'SIM:SAY yes' },
  { say: () => 'SIM:SAY yes', stream: true },
  { say: pick => `SIM:LONG ${1 + pick.below(200)}`, stream: true },
  { say: () => 'SIM:SAY found', stream: true, fields: { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, search: true },
  { say: () => '', fields: { output_config: { format: { type: 'json_schema', schema: { type: 'object' } } } }, side: true },
  { say: () => 'quota', fields: { max_tokens: 1 }, side: true },
  { say: () => 'SIM:LONG 2000 SIM:PACE 2', stream: true, leaves: true },
];

function requestOf(number, pick) {
  const shape = pick.of(shapes), model = pick.of(models), client = pick.of(Object.keys(clients));
  const { total, text } = kindsOf(number, model, pick);
  const within = shape.side || pick.below(3) === 0;
  const metadata = within ? { user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: session(number % 7) }) } : undefined;
  const body = message(`${text} ${shape.search ? 'SIM:SEARCH ' : ''}${shape.say(pick)}`, { model, max_tokens: 3000, metadata, ...shape.fields });
  return { number, total, client, shape, body };
}

// What may happen to a provider: it is left for the rest of a round, or for a moment at most.
const limits = [{ fault: 'usage_limit', reset: 600 }, { fault: 'unauthorized' }, { fault: 'balance' }];
const troubles = [
  { fault: 'throttle' }, { fault: 'overloaded' }, { fault: 'internal' }, { fault: 'html_200' }, { fault: 'empty_200' }, { fault: 'empty_stream' }, { fault: 'overloaded_event' }, { fault: 'no_content_stream', match: { stream: true } },
  { fault: 'close', at: 'start' }, { fault: 'reset', at: 'head' }, { fault: 'close', at: 'message_start' }, { fault: 'reset', at: 'text' }, { fault: 'end', at: 'text', match: { stream: true } },
  { fault: 'close', at: 'message_delta' }, { fault: 'half_event' }, { fault: 'error_event', at: 'text', match: { stream: true } }, { fault: 'split' },
  { fault: 'pings', delay_ms: 1, count: 3 }, { fault: 'comments', delay_ms: 1, count: 3 }, { fault: 'http10' }, { fault: 'wrong_length_long' }, { fault: 'utilization', utilization: 0.97 },
];

async function ask(r, { body, shape, client }) {
  if (!shape.stream) return r.post(body, clients[client]);
  const s = await r.stream(body, clients[client]);
  if (shape.leaves) {
    for (let event; (event = await s.next()) && event.event !== 'content_block_delta';);
    return s.abort();
  }
  return s.rest();
}

// A round: its requests, some at once; at their half, a responder is killed.
async function round(r, requests, pick, kills) {
  const left = [...requests];
  let asked = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    for (let request; (request = left.shift());) {
      if (++asked === requests.length / 2 && kills) process.kill(r.pids()[0], 'SIGKILL');
      if (asked % 8 === 0) r.clock.forward('20s');
      if (pick.below(3) === 0) await r.sim.next(pick.of(providers), pick.of(pick.below(20) ? troubles : limits));
      await ask(r, request).catch(error => { if (!kills) throw error; });
    }
  }));
  for (const name of providers) await r.sim.clear(name);
}

// --- What is compared --------------------------------------------------------------------------------------------------

const KINDS = ['input', 'cache_read', 'cache_5m', 'cache_1h'];
const inputOf = entry => KINDS.reduce((sum, kind) => sum + (entry[kind] ?? 0), 0);
const FIELDS = [...KINDS, 'output', 'searches', 'cost'];

function grouped(list, key) {
  const groups = new Map();
  for (const entry of list) groups.set(key(entry), [...groups.get(key(entry)) ?? [], entry]);
  return groups;
}

const isWhole = charge => charge.told && charge.finished;

// Whether a row is what a charge has to be in the ledger.
function agrees(row, charge) {
  const isSame = fields => fields.every(field => (row[field] ?? 0) === charge[field]);
  if (row.served !== charge.model) return false;
  if (charge.hides_reads && !row.estimated) return row.input === inputOf(charge) && row.output === charge.output && row.cost >= charge.cost;
  if (charge.told && isSame(FIELDS) && !row.estimated) return true;
  // Of what was cut, or left by the client, it is the text that counts; the provider may have said all of it by then.
  return (!isWhole(charge) || row.ending === 'aborted') && row.estimated === 1 && row.output >= 1;
}

// Pairs each charge with its row: { pairs, charges, rows }, of which the last two are those without one.
function paired(charges, rows) {
  const key = entry => `${entry.provider} ${inputOf(entry)}`;
  const groups = grouped(rows, key), pairs = [], alone = [];
  const strictest = [...charges].sort((a, b) => Number(isWhole(b)) - Number(isWhole(a)));
  for (const charge of strictest) {
    const candidates = groups.get(key(charge)) ?? [];
    const at = candidates.findIndex(row => agrees(row, charge));
    if (at >= 0) pairs.push([charge, candidates.splice(at, 1)[0]]);
    else alone.push(charge);
  }
  return { pairs, charges: alone, rows: [...groups.values()].flat() };
}

async function compared(r) {
  const { charges, lost } = await r.sim.control('GET', '/sim/bill');
  assert.equal(lost, 0);
  const rows = await read(r.file('usage.db'), "SELECT * FROM request WHERE provider != ''");
  return paired(charges, rows);
}

// A JSON answer that was cut told nothing: it is a row without tokens, of which there may be others.
const wasSilent = charge => !charge.told && !charge.streamed;

function assertNoneMissing({ charges, rows }, lost) {
  const wrong = charges.filter(charge => !wasSilent(charge) && !lost.has(inputOf(charge)));
  assert.deepEqual(wrong, [], `charged, and in no row; rows without a charge: ${JSON.stringify(rows.filter(row => inputOf(row) > 0))}`);
}

function assertNoneTooMuch({ charges, rows }, lost) {
  assert.deepEqual(rows.filter(row => inputOf(row) > 0), [], 'rows of what was not charged');
  for (const name of providers) {
    const silent = charges.filter(charge => charge.provider === name && wasSilent(charge) && !lost.has(inputOf(charge))).length;
    const empty = rows.filter(row => row.provider === name), unknown = empty.filter(row => row.cost === null);
    assert.ok(unknown.length >= silent, `${name}: ${silent} cut JSON answers, ${unknown.length} rows`);
    // An error in the place of a message costs nothing.
    assert.ok(empty.every(row => !row.cost && row.input === null), JSON.stringify(empty.find(row => row.cost || row.input !== null)));
  }
}

// Who pays: the operator for what a paid provider served with a stored credential.
function assertPayers(pairs, requests) {
  const byTotal = new Map(requests.map(request => [request.total, request]));
  for (const [charge, row] of pairs) {
    const { client } = byTotal.get(inputOf(charge)), isOwn = ownProvider[client] === row.provider;
    assert.deepEqual([row.credential, row.billed], [isOwn ? 'own' : 'stored', Number(!isOwn && paid.includes(row.provider))], JSON.stringify(row));
  }
}

// The reports are the sums of the bill, and of what is estimated where nothing was told.
async function assertReports(r, { pairs, rows }) {
  const run = await r.ctl('usage', '--json', '--by', 'provider', '--days', '400');
  assert.equal(run.code, 0, run.stderr);
  const report = JSON.parse(run.stdout);
  for (const name of providers) {
    const here = pairs.filter(([charge]) => charge.provider === name);
    const exact = here.map(([charge, row]) => (row.estimated || charge.hides_reads ? row : { ...charge, billed: row.billed }));
    const sum = (list, field) => list.reduce((total, entry) => total + (entry[field] ?? 0), 0);
    const shown = report.rows.find(row => row.provider === name);
    for (const field of FIELDS.filter(field => field !== 'cost')) assert.equal(shown[field], sum(exact, field), `${name}: ${field}`);
    assert.equal(shown.spent, sum(exact.filter(entry => entry.billed), 'cost'), `${name}: spent`);
    assert.equal(shown.worth, sum(exact.filter(entry => !entry.billed), 'cost'), `${name}: worth`);
    assert.equal(shown.requests, here.length + rows.filter(row => row.provider === name).length, `${name}: requests`);
    assert.equal(shown.spent_unknown + shown.worth_unknown, rows.filter(row => row.provider === name && row.cost === null).length, `${name}: unknown`);
  }
}

check(`${REQUESTS} requests with faults, cuts, hops and kills: the ledger is the bill`, { timeout: all ? 1800 : 120 }, async t => {
  const pick = random(Number(process.env.SEED ?? 1)), lost = new Set(), everything = [];
  const r = await router(t, { config, sections, tokens: stored });
  let kills = 0;
  for (let number = 0; number < REQUESTS; number += ROUND) {
    const n = number / ROUND, isKilling = n % 4 === 2;
    // Another hour of another day, never within half an hour of its end: what is dearer at some hours begins and ends then.
    r.clock.forward(HOUR * (2 + pick.below(24)) - (r.clock.now() + HOUR / 2) % HOUR);
    await r.switchTo(providers[n % providers.length]);
    const requests = Array.from({ length: ROUND }, (_, i) => requestOf(number + i, pick));
    everything.push(...requests);
    await round(r, requests, pick, isKilling);
    kills += isKilling;
    if (isKilling) for (const { total } of requests) lost.add(total);
    else await eventually(`all of round ${n} is in the ledger`, async () => assertNoneMissing(await compared(r), lost) ?? true);
  }
  const end = await compared(r);
  assertNoneMissing(end, lost);
  assertNoneTooMuch(end, lost);
  assertPayers(end.pairs, everything);
  await assertReports(r, end);
  const missing = end.charges.filter(charge => !wasSilent(charge));
  assert.ok(missing.length <= kills * (BATCH + AT_ONCE), `${missing.length} rows lost by ${kills} kills`);
  const exact = end.pairs.filter(([, row]) => !row.estimated).length;
  assert.ok(exact > REQUESTS / 2, `${exact} told`);
  assert.ok(exact < end.pairs.length, 'some are estimated');
  for (const name of providers) assert.ok(end.pairs.filter(([charge]) => charge.provider === name).length > REQUESTS / 20, name);
  if (all) console.log(`# ${end.pairs.length} charges in the ledger, ${exact} of them exact; ${missing.length} lost by ${kills} kills`);
});

// --- Edges of the price list -------------------------------------------------------------------------------------------

const at = (r, time) => r.clock.forward(Date.parse(time) - r.clock.now());

check('on both sides of each edge the ledger is the bill', async t => {
  const r = await router(t, { config, sections, order: ['claude_api', 'deepseek'], procs: 1 });
  const post = (model, tokens) => r.post(message(`SIM:INPUT ${tokens} SIM:READ 7`, { model }));
  at(r, '2026-10-06T23:59:00Z');
  await post('claude-sonnet-5-5', 500);
  at(r, '2026-10-07T00:00:01Z');
  await post('claude-sonnet-5-5', 501);
  for (const tokens of [99_992, 99_993, 99_994]) await post('claude-haiku-5-5', tokens);
  await r.switchTo('deepseek');
  // A Friday, the Saturday after it, and the Monday.
  for (const time of ['2026-11-27T00:59:30Z', '2026-11-27T01:00:01Z', '2026-11-27T03:59:30Z', '2026-11-27T04:00:01Z', '2026-11-27T05:59:30Z', '2026-11-27T06:00:01Z',
    '2026-11-27T09:59:30Z', '2026-11-27T10:00:01Z', '2026-11-28T07:00:00Z', '2026-11-30T07:00:00Z']) {
    at(r, time);
    await post('claude-opus-5-5', 2000);
  }
  await eventually('all rows', async () => (await read(r.file('usage.db'), 'SELECT 1 FROM request')).length >= 15);
  const end = await compared(r);
  assertNoneMissing(end, new Set());
  assert.deepEqual(end.rows, []);
  const costs = end.pairs.filter(([charge]) => charge.provider === 'claude_api').map(([charge]) => charge.cost);
  assert.equal(new Set(costs).size, 5, 'each edge changes the price');
});

// --- Caps --------------------------------------------------------------------------------------------------------------

const CAP = 1e9;
const PROCESSES = 16;

// Two to three thousandths of a dollar, a bit less than what is reserved for it; some fail, some are cut.
const BOUND = 0.003 * 1e9;
const spending = pick => message(`SIM:LONG ${1 + pick.below(40)}`, { model: 'claude-fable-5-1', max_tokens: 40, stream: pick.below(4) === 0 });
const losses = [{ fault: 'overloaded' }, { fault: 'overloaded_event' }, { fault: 'reset', at: 'text' }, { fault: 'close', at: 'message_start' }, { fault: 'reset', at: 'head' }];

// 200 requests for each process, while some of these are killed.
async function spend(r, pick) {
  let left = PROCESSES * 200;
  const kills = new Set(Array.from({ length: 4 }, () => left - pick.below(600)));
  await Promise.all(Array.from({ length: 48 }, async () => {
    while (left-- > 0) {
      if (kills.has(left)) process.kill(pick.of(r.pids()), 'SIGKILL');
      if (left % 50 === 0) r.clock.forward('6m'); // what paused it is over
      if (pick.below(40) === 0) await r.sim.next('claude_api', pick.of(losses));
      await r.post(spending(pick)).catch(() => {});
    }
  }));
  await r.sim.clear('claude_api');
}

check('16 processes and their kills exceed no cap by more than one request', { timeout: all ? 3000 : 120 }, async t => {
  const pick = random(Number(process.env.SEED ?? 1)), rounds = all ? 100 : 1;
  const r = await router(t, { config, order: ['claude_api'], sections: { claude_api: 'daily_cap = 1' }, procs: PROCESSES, plain: true });
  let most = 0;
  for (let i = 0; i < rounds; i++) {
    r.clock.forward(1.5 * DAY - r.clock.now() % DAY); // noon of another day
    await r.sim.reset();
    await spend(r, pick);
    const { charges } = await r.sim.control('GET', '/sim/bill');
    const billed = charges.reduce((sum, charge) => sum + charge.cost, 0);
    const [{ used, reserved }] = (await r.status()).caps;
    assert.ok(billed <= CAP + BOUND, `round ${i}: ${billed} billed`);
    // What is cut without a word is reckoned high, so less than the cap may be billed when it is used.
    assert.ok((used + reserved) * 1e9 >= CAP && billed > CAP / 2, `round ${i}: the cap was not reached: ${billed} billed, ${used} used, ${reserved} reserved`);
    assert.ok(billed <= (used + reserved) * 1e9 + 1e4, `round ${i}: ${billed} billed, ${used} used, ${reserved} reserved`);
    most = Math.max(most, billed);
  }
  if (all) console.log(`# ${rounds} rounds, at most ${(most / CAP).toFixed(4)} of the cap`);
});
