// SPDX-License-Identifier: MIT
// What was used and spent: claude-router-ctl usage, GET /v1/usage and /v1/events, over a ledger with known contents.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { check } from './lib/case.mjs';
import { dayOf, fill } from './lib/ledger.mjs';
import { router, stored } from './lib/router.mjs';

const DAY = 86_400_000;
const DOLLAR = 1_000_000_000;

// A week: the plan, a paid provider, a model without a price, a client with a key; and a day before it.
async function used(t, options = {}) {
  const r = await router(t, options);
  const ago = days => dayOf(r.clock.now() - days * DAY);
  r.ledger = r.file('usage.db');
  await fill(r.ledger, {
    day: [
      { day: ago(0), provider: 'claude_pro', served: 'claude-opus-5-5', billed: 0, requests: 1200, errors: 3, input: 1234567, cache_read: 98765432, cache_5m: 1000, cache_1h: 2000000, output: 345678,
        cost: 41 * DOLLAR },
      { day: ago(0), client: 'alice', requests: 2, input: 1000, output: 500, searches: 1, cost: 1_204_999_989 },
      { day: ago(2), requests: 1, input: 7, output: 8, cost: 9 },
      { day: ago(1), provider: 'kimi', served: 'kimi-k4', requests: 4, input: 400, output: 40, unknown: 4 },
      { day: ago(7), provider: 'kimi', served: 'kimi-k3', requests: 1, cost: 5 * DOLLAR },
    ],
    event: [
      { at: 1795780800000, kind: 'left', provider: 'claude_pro', text: 'claude_pro is paused until 18:00' },
      { at: 1795780801000, kind: 'paid', provider: 'deepseek', text: 'requests now go to deepseek' },
      { at: 1795780802000, kind: 'returned', provider: 'claude_pro' },
    ],
  });
  return r;
}

async function ask(r, ...args) {
  const run = await r.ctl('usage', ...args);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stderr, '');
  return run.stdout;
}

check('a table: what was spent, and apart from it what the plan was worth', async t => {
  const r = await used(t);
  const lines = (await ask(r)).split('\n');
  assert.match(lines[0], /^model +requests +errors +input +cache reads +cache writes +output +spent +worth$/);
  assert.match(lines[1], /^claude-opus-5-5 +1,200 +3 +1,234,567 +98,765,432 +2,001,000 +345,678 +\$0\.00 +\$41\.00$/);
  assert.match(lines[2], /^deepseek-v4-pro +3 +0 +1,007 +0 +0 +508 +\$1\.20 +\$0\.00$/);
  assert.match(lines[3], /^kimi-k4 +4 +0 +400 +0 +0 +40 +\? +\$0\.00$/);
  assert.match(lines[4], /^total +1,207 +3 .* at least \$1\.20 +\$41\.00$/);
  assert.match(lines.slice(5).join('\n'), /^worth: .*not spent\.\n\?, at least: .*doctor/);
  assert.equal(new Set(lines.slice(0, 5).map(line => line.length)).size, 1, 'aligned');
  assert.match(await ask(r, '--days', '8'), /^total .* at least \$6\.20 +\$41\.00$/m);
});

check('by provider, client and day', async t => {
  const r = await used(t);
  assert.match(await ask(r, '--by', 'provider'), /^deepseek +3 /m);
  const clients = await ask(r, '--by', 'client');
  assert.match(clients, /^alice +2 /m);
  assert.match(clients, /^- +1,205 /m);
  const days = (await ask(r, '--by', 'day')).split('\n').map(line => line.split(/ +/));
  const iso = ago => new Date(r.clock.now() - ago * DAY).toISOString().slice(0, 10);
  assert.deepEqual(days.slice(0, 5).map(line => line[0]), ['day', iso(2), iso(1), iso(0), 'total']);
  assert.match(await ask(r, '--by', 'day'), /^\S+ +1 .* < \$0\.01 +\$0\.00$/m);
  assert.match(await ask(r, '--by', 'day,provider'), new RegExp(`^day,provider .*\n${iso(2)} deepseek +1 [^]*\n${iso(0)} claude_pro +1,200 .*\n${iso(0)} deepseek +2 `));
  assert.match(await ask(r, '--by', 'day,provider', '--csv'), new RegExp(`^day,provider,requests,.*\r\n${iso(2)},deepseek,1,`));
});

check('JSON and CSV', async t => {
  const r = await used(t);
  await fill(r.ledger, { day: [{ day: dayOf(r.clock.now()), served: '\u001b[1mevil", model', cost: 1 }] });
  const json = JSON.parse(await ask(r, '--json'));
  assert.deepEqual(json, (await r.get('/v1/usage')).json);
  assert.equal(json.total.spent, 1_204_999_999);
  const lines = (await ask(r, '--csv', '--by', 'model')).split('\r\n');
  assert.equal(lines[0], 'model,requests,errors,input,cache_read,cache_5m,cache_1h,output,searches,spent,spent_unknown,worth,worth_unknown');
  assert.equal(lines[1], 'claude-opus-5-5,1200,3,1234567,98765432,1000,2000000,345678,0,0.000000000,0,41.000000000,0');
  assert.equal(lines[2], 'deepseek-v4-pro,3,0,1007,0,0,0,508,1,1.204999998,0,0.000000000,0');
  assert.equal(lines[3], '"\\x1B[1mevil"", model",1,0,0,0,0,0,0,0,0.000000001,0,0.000000000,0');
  assert.deepEqual(lines.slice(5), ['']);
});

check('CSV: no name is a formula', async t => {
  const r = await router(t);
  const names = ['=HYPERLINK("http://evil.example")', '+1', '-2+3', '@SUM(A1)', '\tx', 'a=b', "'quoted"];
  await fill(r.ledger = r.file('usage.db'), { day: names.map((served, i) => ({ day: dayOf(r.clock.now()), served, cost: 100 - i })) });
  const fields = (await ask(r, '--csv')).split('\r\n').slice(1, -1).map(line => line.replace(/,1(,\d[^,]*){11}$/, ''));
  assert.deepEqual(fields, ['"\'=HYPERLINK(""http://evil.example"")"', "'+1", "'-2+3", "'@SUM(A1)", '\\x09x', 'a=b', "'quoted"]);
});

check('--recost gives rows the prices of today, and nothing else does', async t => {
  const r = await used(t, { whole: (sim, r) => {
    r.write('prices', 'kimi-k4 in=1 out=2\nold in=5 out=5\n');
    return `${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
  } });
  const row = (ago, served, cost) => ({ at: r.clock.now() - ago * DAY, day: dayOf(r.clock.now() - ago * DAY), provider: 'kimi', served, client: '', billed: 1, input: 100, output: 10, cost });
  await fill(r.ledger, { request: [row(0, 'kimi-k4', null), row(0, 'old', 7), row(0, 'odd', null), row(30, 'old', 7)],
    day: [{ day: dayOf(r.clock.now()), provider: 'kimi', served: 'kimi-k4', unknown: 1 }, { day: dayOf(r.clock.now()), provider: 'kimi', served: 'old', cost: 7 }] });
  const since = new Date(r.clock.now() - DAY).toISOString().slice(0, 10);
  assert.equal(await ask(r, '--recost', '--since', since), `2 of 3 rows since ${since} changed\nspent: < $0.01 before, < $0.01 now\nworth: $0.00 before, $0.00 now\n`
    + '1 still have no price: claude-router-ctl doctor prints the lines to add\n');
  assert.equal(await fill(r.ledger, { sql: ['SELECT cost FROM request ORDER BY id'] }), '120000 550000 None 7');
  assert.equal(await fill(r.ledger, { sql: [`SELECT cost FROM day WHERE served IN ('kimi-k4', 'old') AND day = ${dayOf(r.clock.now())} ORDER BY served`] }), '120000 550000');
  assert.deepEqual(JSON.parse(await ask(r, '--json', '--recost', '--since', since)), { since, rows: 3, changed: 0, unknown: 1, kept: 0, mixed: 0,
    spent: { before: 670000, after: 670000 }, worth: { before: 0, after: 0 } });
  r.write('prices', 'kimi-k4 in=1\n');
  const run = await r.ctl('usage', '--recost', '--since', since);
  assert.equal(run.code, 78);
  assert.match(run.stderr, /prices:1: /);
  assert.equal(await fill(r.ledger, { sql: ['SELECT cost FROM request ORDER BY id'] }), '120000 550000 None 7');
});

check('wrong options: 64, and what is right', async t => {
  const r = await used(t);
  for (const [args, right] of [[['--days', '0'], /1 to 400/], [['--days', '401'], /1 to 400/], [['--days', 'x'], /1 to 400/], [['--by', 'cost'], /model, provider, client or day/],
    [['--json', '--csv'], /not both/], [['--recost'], /--since/], [['--since', '2026-11-01'], /--recost/], [['--recost', '--since', '2026-02-30'], /a day, such as/],
    [['--recost', '--since', '1.11.2026'], /a day, such as/], [['--recost', '--since', '2026-11-01', '--by', 'day'], /only --since/]]) {
    const run = await r.ctl('usage', ...args);
    assert.equal(run.code, 64, args.join(' '));
    assert.match(run.stderr, right);
    assert.equal(run.stdout, '');
  }
});

check('no ledger yet, and none at all: one line, no error', async t => {
  const r = await router(t, { config: 'ledger = "/nowhere/usage.db"' });
  assert.equal(await ask(r), 'nothing is recorded yet: /nowhere/usage.db does not exist\n');
  assert.equal(JSON.parse(await ask(r, '--json')).total.requests, 0);
  assert.equal((await r.get('/v1/usage')).json.total.requests, 0);
  const off = await router(t, { config: 'ledger = "off"' });
  assert.equal(await ask(off), 'the ledger is off (ledger = "off")\n');
  assert.deepEqual(JSON.parse(await ask(off, '--json')), { ledger: 'off' });
  for (const route of ['/v1/usage', '/v1/events']) {
    const answer = await off.get(route);
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, { ledger: 'off' });
  }
});

check('a ledger that cannot be read', async t => {
  const r = await router(t);
  r.write('usage.db', 'no database, but long enough to have a header '.repeat(100));
  const run = await r.ctl('usage');
  assert.equal(run.code, 66);
  assert.match(run.stderr, /usage\.db: file is not a database/);
  const answer = await r.get('/v1/usage');
  assert.equal(answer.status, 503);
  assert.match(answer.json.error.message, /not a database/);
});

check('GET /v1/usage: days and by', async t => {
  const r = await used(t);
  const week = (await r.get('/v1/usage?days=7&by=provider')).json;
  assert.deepEqual([week.days, week.by, week.rows.map(row => row.provider)], [7, 'provider', ['claude_pro', 'deepseek', 'kimi']]);
  assert.equal(week.total.requests, 1207);
  assert.equal((await r.get('/v1/usage?days=400')).json.total.requests, 1208);
  for (const [query, right] of [['days=0', /1 to 400/], ['days=401', /1 to 400/], ['days=', /1 to 400/], ['days=7x', /1 to 400/], ['by=', /model, provider, client or day/], ['by=cost', /model/]]) {
    const answer = await r.get(`/v1/usage?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.json.error.message, right);
  }
});

check('GET /v1/events: after and limit', async t => {
  const r = await used(t);
  const ids = async query => (await r.get(`/v1/events${query}`)).json.events.map(event => event.id);
  assert.deepEqual(await ids(''), [1, 2, 3]);
  assert.deepEqual(await ids('?after=1'), [2, 3]);
  assert.deepEqual(await ids('?after=1&limit=1'), [3]);
  assert.deepEqual(await ids('?after=3'), []);
  const [first] = (await r.get('/v1/events')).json.events;
  assert.deepEqual(first, { id: 1, at: '2026-11-27T12:00:00.000Z', kind: 'left', provider: 'claude_pro', text: 'claude_pro is paused until 18:00' });
  for (const query of ['after=-1', 'after=x', 'limit=0', 'limit=1001', 'limit=']) {
    const answer = await r.get(`/v1/events?${query}`);
    assert.equal(answer.status, 400, query);
    assert.match(answer.json.error.message, /must be a number from/);
  }
});

check('for admins alone', async t => {
  const r = await used(t, { config: 'admin_from = { "192.0.2.1" }' });
  for (const route of ['/v1/usage', '/v1/events']) assert.equal((await r.get(route)).status, 403);
});

// --- Keeping ------------------------------------------------------------------------------------------------------------

const count = (r, table) => fill(r.ledger, { sql: [`SELECT count(*) FROM ${table}`] });

async function aged(t, options) {
  const r = await used(t, options);
  const at = days => r.clock.now() - days * DAY;
  await fill(r.ledger, { request: [1, 29, 31, 300].map(days => ({ at: at(days), day: dayOf(at(days)), provider: 'kimi' })) });
  return r;
}

check('claude-router-check deletes what is older than ledger_keep, silently; the sums stay', async t => {
  const r = await aged(t, { config: 'ledger_keep = "30d"' });
  const days = await count(r, 'day');
  const run = await r.check();
  assert.deepEqual([run.code, run.stdout, run.stderr], [0, '', '']);
  assert.equal(await count(r, 'request'), '2');
  assert.equal(await count(r, 'day'), days);
});

check('also when the health check is switched off, and not with --dry-run', async t => {
  const r = await aged(t, { config: 'ledger_keep = "30d"\nhealth_check_enabled = false' });
  await r.check('--dry-run');
  assert.equal(await count(r, 'request'), '4');
  const run = await r.check();
  assert.deepEqual([run.code, run.stdout, run.stderr], [0, '', '']);
  assert.equal(await count(r, 'request'), '2');
});

check('one line when it cannot, and no file where there was none', async t => {
  const r = await router(t, { tokens: stored });
  await r.check();
  assert.ok(!existsSync(r.file('usage.db')));
  r.write('usage.db', 'no database, but long enough to have a header '.repeat(100));
  const run = await r.check();
  assert.equal(run.code, 0);
  assert.match(run.stderr, /^[^\n]*could not delete what is older than ledger_keep: [^\n]*not a database[^\n]*\n$/);
});
