// SPDX-License-Identifier: MIT
// Caps: what a provider may cost in a day or a month, for all processes together.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { dayOf, fill, read } from './lib/ledger.mjs';
import { eventually } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';

const DOLLAR = 1_000_000_000;
const who = answer => answer.headers['x-router-provider'];
const many = (n, what) => Promise.all(Array.from({ length: n }, (_, i) => what(i)));

// deepseek's tokens cost a cent of output each, so that message() is reserved with one dollar.
const PRICES = 'deepseek:* in=0 out=10000\nkimi:* in=0 out=0\nclaude_api:* in=0 out=10000\n';

const capped = (t, cap, { prices = PRICES, ...options } = {}) => router(t, {
  order: ['deepseek', 'kimi'], sections: { deepseek: cap }, ...options,
  whole: (sim, r) => {
    r.write('prices', prices);
    return `${r.usualConfig()}\nprices_file = "${r.file('prices')}"\nkeys_file = "${r.file('keys')}"`;
  },
});

// Does something to keys, which is then in force in every responder; returns what was printed.
async function keys(r, ...words) {
  const run = await r.ctl('key', ...words);
  assert.equal(run.code, 0, run.stderr);
  const { code, stderr } = await r.ctl('reload');
  assert.equal(code, 0, stderr);
  return run.stdout;
}
const keyOf = async (r, ...words) => ({ 'x-router-key': (await keys(r, 'add', ...words)).split('\n')[0] });
const arrived = async (r, name) => (await r.sim.requests(name)).length;
const caps = async r => (await r.status()).caps;
// How many attempts at deepseek cost more than was reserved for them.
const exceeded = async r => Number((await r.get('/metrics')).text.match(/^claude_router_bound_exceeded_total\{provider="deepseek"\} (\d+)$/m)[1]);

check('a cap stops the provider, the next one serves, and a new day begins at zero', async t => {
  const r = await capped(t, 'daily_cap = 0.01');
  assert.equal(who(await r.post(message())), 'deepseek');
  for (let i = 0; i < 4; i++) assert.equal(who(await r.post(message())), 'kimi', 'in each process');
  assert.equal(await arrived(r, 'deepseek'), 1);
  const { providers: { deepseek } } = await r.status();
  assert.equal(deepseek.state, 'capped');
  assert.equal(deepseek.active, false);
  assert.match(deepseek.reason, /^deepseek has used its daily cap \(\$0\.01\), until .*00:00$/);
  const [cap] = await caps(r);
  assert.deepEqual([cap.scope, cap.period, cap.cap, cap.reserved], ['deepseek', 'day', 0.01, 0]);
  assert.ok(cap.used > 0.01 && cap.used < 1.01, JSON.stringify(cap));
  assert.equal(Date.parse(cap.until), Date.parse(deepseek.until));
  assert.match(r.log(), /passed=deepseek:capped/);
  assert.equal(r.log().match(/deepseek used 100 % of its daily cap \(\$0\.01\)/g).length, 1, 'told once');
  const status = await r.ctl('status');
  assert.match(status.stdout, /cap deepseek, day: \$[0-9.]+ of \$0\.01, \$0\.00 reserved/);
  r.clock.forward('24h');
  assert.equal(who(await r.post(message())), 'deepseek');
  assert.equal(await exceeded(r), 0);
});

check('one of several machines holds its part of each cap', async t => {
  const r = await capped(t, 'daily_cap = 0.04', { config: 'share_hosts = 4' });
  assert.equal(who(await r.post(message())), 'deepseek');
  assert.equal(who(await r.post(message())), 'kimi');
  assert.equal((await caps(r))[0].cap, 0.01);
  assert.match((await r.status()).providers.deepseek.reason, /^deepseek has used its daily cap \(\$0\.01\)/);
});

check('what costs more than was reserved is counted', async t => {
  const r = await capped(t, 'daily_cap = 100', { prices: 'deepseek:* in=10 out=10\n', order: ['deepseek'] });
  await r.post(message());
  assert.equal(await exceeded(r), 0);
  await r.post(message('SIM:INPUT 50000'));
  assert.equal(await exceeded(r), 1);
});

check('a request that is sent with a higher limit, or without one, is reserved so', async t => {
  const r = await capped(t, '', {
    prices: 'openai:* in=0 out=10000\n', order: ['openai'], tokens: { ...stored, openai: 'sk-stored-openai' },
    sections: { openai: 'dialect = "openai"\ndaily_cap = 2' },
  });
  const amount = async requests => {
    await r.sim.gate('openai', { hold: true });
    const reply = r.stream(message()).then(s => s.rest());
    await r.sim.requests('openai', { wait: requests });
    const [{ reserved }] = await caps(r);
    await r.sim.gate('openai', { hold: false });
    await reply;
    return reserved;
  };
  assert.equal(await amount(1), 10.24, 'a model that reasons gets room to think');
  await r.sim.next('openai', { fault: 'bad_request', message: 'max_tokens is too large: 100. This model supports at most 50 completion tokens.' });
  assert.equal(await amount(3), 1280);
});

check('a switch by hand does not lift it', async t => {
  const r = await capped(t, 'monthly_cap = 0.01');
  await r.post(message());
  const answer = await r.switchTo('deepseek');
  assert.equal(answer.status, 200, answer.text);
  assert.match(answer.json.warning, /has used its monthly cap/);
  assert.equal(who(await r.post(message())), 'kimi');
});

check('one cap for all: only what costs money is stopped, and the 429 says why', async t => {
  const r = await capped(t, '', { config: 'daily_cap = 0.01\nhold = 0', order: ['deepseek', 'claude_api'] });
  assert.equal(who(await r.post(message())), 'deepseek');
  const none = await r.post(message());
  assert.equal(none.status, 429, none.text);
  assert.match(none.json.error.message, /deepseek costs money, and the daily cap of all providers \(\$0\.01\) is used, until .*00:00/);
  assert.ok(Number(none.headers['retry-after']) > 0);
  assert.equal((await r.post({ ...message(), max_tokens: undefined }, {}, '/v1/messages/count_tokens')).status, 200, 'a count is free');
  const own = await r.post(message(), { 'x-api-key': 'sk-ant-api03-e2e-clients-own-key' });
  assert.equal(who(own), 'claude_api', "a client's own key");
});

check('two processes at once exceed it by less than one request', async t => {
  const r = await capped(t, 'daily_cap = 2.50');
  await r.sim.gate('deepseek', { hold: true });
  const replies = many(20, async () => (await r.stream(message())).rest());
  await r.sim.requests('kimi', { wait: 17 });
  await r.sim.requests('deepseek', { wait: 3 });
  assert.equal(await arrived(r, 'deepseek'), 3, 'three are reserved with a dollar each');
  const [{ used, reserved }] = await caps(r);
  assert.deepEqual([used, reserved], [0, 3]);
  await r.sim.gate('deepseek', { hold: false });
  await replies;
  await eventually('it is settled', async () => (await caps(r))[0].reserved === 0);
  assert.equal(who(await r.post(message())), 'deepseek', 'what was not used is free again');
  assert.equal(await exceeded(r), 0);
});

check('what a killed process has reserved stays reserved, until somebody gives it back', async t => {
  const r = await capped(t, 'daily_cap = 2.50');
  await r.sim.gate('deepseek', { hold: true });
  const replies = many(6, async () => (await r.stream(message())).rest().catch(() => {}));
  await r.sim.requests('kimi', { wait: 3 });
  await r.sim.requests('deepseek', { wait: 3 });
  for (const pid of r.pids()) process.kill(pid, 'SIGKILL');
  await replies.catch(() => {});
  await r.sim.gate('deepseek', { hold: false });
  await eventually('it serves again', async () => (await r.post(message()).catch(() => ({}))).status === 200);
  await eventually('nobody who lives has reserved it', async () => (await caps(r))[0].unsettled === 3);
  assert.equal((await caps(r))[0].reserved, 3);
  assert.equal(await arrived(r, 'deepseek'), 3);
  assert.match((await r.ctl('budget')).stdout, /^deepseek +day +\$2\.50 +\$0\.00 +\$3\.00  [^]*budget release\ngives it back/m);
  assert.deepEqual(JSON.parse((await r.ctl('budget', '--json')).stdout), await caps(r));
  assert.equal((await r.ctl('budget', 'release', 'kimi')).code, 64, 'a provider without a cap');
  assert.equal((await r.ctl('budget', 'give')).code, 64);
  const given = await r.ctl('budget', 'release', 'deepseek');
  assert.deepEqual([given.code, given.stdout], [0, 'deepseek, day: $3.00 given back\n'], given.stderr);
  assert.equal(who(await r.post(message())), 'deepseek');
});

check('nothing is given back while a request runs that has reserved something', async t => {
  const r = await capped(t, 'daily_cap = 2.50');
  await r.sim.gate('deepseek', { hold: true });
  const stream = r.stream(message());
  await r.sim.requests('deepseek', { wait: 1 });
  assert.deepEqual((await caps(r)).map(c => [c.reserved, c.unsettled]), [[1, null]]);
  const refused = await r.ctl('budget', 'release');
  assert.equal(refused.code, 75);
  assert.match(refused.stderr, /requests are running .* try again when they have ended/);
  await r.sim.gate('deepseek', { hold: false });
  await (await stream).rest();
  await eventually('it is settled', async () => (await caps(r))[0].unsettled === 0);
  assert.match((await r.ctl('budget', 'release')).stdout, /^deepseek, day: \$0\.00 given back$/m);
});

check('what is not billed is given back', async t => {
  const r = await capped(t, 'daily_cap = 0.50');
  await r.sim.next('deepseek', { fault: 'overloaded_event', times: 2 });
  const s = await r.stream(message());
  assert.equal(who(s), 'kimi', 'an error in place of a message');
  await s.rest();
  r.clock.forward('10m');
  await r.sim.next('deepseek', { fault: 'balance' });
  assert.equal(who(await r.post(message())), 'kimi');
  const [{ used, reserved }] = await caps(r);
  assert.deepEqual([used, reserved], [0, 0]);
});

check('without a price nothing is sent where a cap binds', async t => {
  const r = await capped(t, 'daily_cap = 5', { prices: 'deepseek:other in=1 out=1\n', order: ['deepseek'] });
  const none = await r.post(message());
  assert.equal(none.status, 503, none.text);
  assert.match(none.json.error.message, /deepseek has a cap, and no price for deepseek-\S+: add a line to prices_file/);
  assert.equal(await arrived(r, 'deepseek'), 0);
});

// --- a client key's budget ------------------------------------------------------------------------------------------

check("a key's budget stops what is billed for its holder, and nobody else", async t => {
  const r = await capped(t, '', { order: ['deepseek', 'kimi', 'claude_api'] });
  const alice = await keyOf(r, 'alice', '--daily', '0.01', '--monthly', '20'), bert = await keyOf(r, 'bert');
  assert.match((await r.ctl('key', 'list')).stdout, /alice +[0-9-]+  \$0\.01 a day, \$20\.00 a month\n  bert +[0-9-]+\n/);
  assert.equal(who(await r.post(message(), alice)), 'deepseek');
  // kimi's tokens are free, but it is paid, too: a budget binds all that is billed.
  for (let i = 0; i < 4; i++) {
    const none = await r.post(message(), alice);
    assert.equal(none.status, 429, none.text);
    assert.match(none.json.error.message, /^alice's budget for today \(\$0\.01\) is used up; it begins anew .*00:00\.$/);
    assert.equal(none.json.error.type, 'rate_limit_error');
    assert.ok(Number(none.headers['retry-after']) > 0);
  }
  assert.equal(await arrived(r, 'deepseek') + await arrived(r, 'kimi'), 1);
  assert.equal(who(await r.post(message(), bert)), 'deepseek', 'another key');
  assert.equal(who(await r.post(message())), 'deepseek', 'no key');
  const own = await r.post(message(), { ...alice, 'x-api-key': 'sk-ant-api03-e2e-clients-own-key' });
  assert.equal(who(own), 'claude_api', "alice's own credential");
  const [day, month, ...others] = await caps(r);
  assert.deepEqual([day.scope, day.period, day.cap, day.reserved], ['key:alice', 'day', 0.01, 0]);
  assert.deepEqual([month.scope, month.period, month.cap, month.used], ['key:alice', 'month', 20, day.used]);
  assert.deepEqual(others, []);
  assert.equal(r.log().match(/client alice has used 100 % of the budget for today \(\$0\.01\)/g).length, 1, 'told once');
  assert.match(r.log(), /event=request .*client=alice .*passed=deepseek:capped/);
  assert.match((await r.ctl('status')).stdout, /cap key:alice, day: \$[0-9.]+ of \$0\.01, \$0\.00 reserved/);
  r.clock.forward('24h');
  assert.equal(who(await r.post(message(), alice)), 'deepseek', 'a new day');
});

check("at a key's budget the plan serves, and the words say when it does again", async t => {
  const r = await capped(t, '', { order: ['claude_pro', 'deepseek'], config: 'hold = 0' });
  const alice = await keyOf(r, 'alice', '--monthly', '0.01');
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  assert.equal(who(await r.post(message(), alice)), 'deepseek');
  const none = await r.post(message(), alice);
  assert.equal(none.status, 429, none.text);
  assert.match(none.json.error.message, /^alice's budget for this month \(\$0\.01\) is used up; Claude Pro serves again [^;]*\d\d:\d\d\./);
  assert.ok(Number(none.headers['retry-after']) <= 3605, none.headers['retry-after']);
  r.clock.forward('2h');
  assert.equal(who(await r.post(message(), alice)), 'claude_pro', 'the plan costs nothing');
});

check('two processes at once exceed the budget of a key by less than one request', async t => {
  const r = await capped(t, 'daily_cap = 100', { order: ['deepseek'], config: 'hold = 0' });
  const alice = await keyOf(r, 'alice', '--daily', '2.50');
  await r.sim.gate('deepseek', { hold: true });
  let refused = 0;
  const replies = many(20, async () => {
    const s = await r.stream(message(), alice);
    refused += s.status === 429;
    await s.rest();
  });
  await r.sim.requests('deepseek', { wait: 3 });
  await eventually('the others are refused', () => refused === 17);
  assert.equal(await arrived(r, 'deepseek'), 3, 'three are reserved with a dollar each');
  const reserved = (await caps(r)).map(c => [c.scope, c.used, c.reserved]);
  assert.deepEqual(reserved, [['deepseek', 0, 3], ['key:alice', 0, 3]]);
  await r.sim.gate('deepseek', { hold: false });
  await replies;
  await eventually('it is settled', async () => (await caps(r)).every(c => c.reserved === 0));
  assert.equal(await exceeded(r), 0);
});

check('a budget is changed while the key stays, and a bad word leaves the old keys in force', async t => {
  const r = await capped(t, '', { order: ['deepseek'], config: 'hold = 0' });
  const alice = await keyOf(r, 'alice', '--daily', '0.01');
  await r.post(message(), alice);
  assert.equal((await r.post(message(), alice)).status, 429);
  await keys(r, 'budget', 'alice', '--daily', '500', '--monthly', '600');
  assert.equal(who(await r.post(message(), alice)), 'deepseek');
  await keys(r, 'budget', 'alice', '--daily', 'off');
  assert.deepEqual((await caps(r)).map(c => [c.scope, c.period, c.cap]), [['key:alice', 'month', 600]]);
  r.write('keys', readFileSync(r.file('keys'), 'utf8').replace('monthly=600', 'monthly=lots'));
  await eventually('it is reported', async () =>
    /keys:2: write NAME HASH DATE.* daily=2 and monthly=20, dollars/.test(String((await r.status()).keys_file.error)));
  assert.equal(who(await r.post(message(), alice)), 'deepseek', 'the old keys');
  assert.deepEqual((await caps(r)).map(c => c.cap), [600]);
  for (const words of [['budget', 'alice'], ['budget', 'alice', '--daily', '0'], ['add', 'bert', '--monthly', '-1'],
    ['remove', 'alice', '--daily', '1'], ['budget', '--daily', '1']]) {
    assert.equal((await r.ctl('key', ...words)).code, 64, words.join(' '));
  }
});

// --- what was spent before a cap could count it ----------------------------------------------------------------------

// What the ledger has: of today, of the first of the month, and of what no cap binds.
async function spentBefore(r) {
  const day = dayOf(r.clock.now()), first = Math.floor(day / 100) * 100 + 1;
  await fill(r.file('usage.db'), {
    day: [
      { day, client: 'alice', cost: 2 * DOLLAR },
      { day, provider: 'kimi', served: 'kimi-k3', cost: DOLLAR },
      { day: first, served: 'earlier', cost: 8 * DOLLAR },
      { day: first - 70, served: 'last month', cost: 90 * DOLLAR },
      { day, provider: 'claude_pro', billed: 0, client: 'alice', cost: 70 * DOLLAR },
    ],
  });
  return day === first ? 10 : 2;
}
const used = async r => (await caps(r)).map(c => [c.scope, c.period, c.used, c.reserved]);

check('a cap that is new begins with what the ledger has, and so does a state file made anew', async t => {
  const r = await capped(t, '', { config: 'hold = 0' });
  const alice = await keyOf(r, 'alice');
  const today = await spentBefore(r);
  const before = [['all', 'day', today + 1, 0], ['all', 'month', 11, 0], ['deepseek', 'day', today, 0], ['key:alice', 'day', 2, 0]];
  Object.assign(r.options, { config: 'daily_cap = 50\nmonthly_cap = 50\nhold = 0', sections: { deepseek: `daily_cap = ${today}` } });
  r.writeConfig();
  await keys(r, 'budget', 'alice', '--daily', '2');
  assert.deepEqual(await used(r), before);
  assert.match(r.log(), new RegExp(`cap deepseek: \\$${today}\\.00 of today and \\$10\\.00 of this month are taken from the ledger`));
  assert.equal(who(await r.post(message())), 'kimi', 'deepseek is capped');
  assert.equal((await r.post(message(), alice)).status, 429, 'so is alice');
  unlinkSync(r.state);
  for (const pid of r.pids()) process.kill(pid, 'SIGKILL');
  await eventually('it serves again', async () => who(await r.post(message()).catch(() => ({ headers: {} }))) === 'kimi');
  assert.deepEqual(await used(r), before);
  assert.equal((await r.post(message(), alice)).status, 429);
  assert.equal(await arrived(r, 'deepseek'), 0);
});

check('a cap that was off for a while counts what was spent meanwhile', async t => {
  const r = await capped(t, 'daily_cap = 1');
  const off = async section => {
    r.options.sections = { deepseek: section };
    r.writeConfig();
    assert.equal((await r.ctl('reload')).code, 0);
  };
  await off('');
  const today = await spentBefore(r);
  await off('daily_cap = 1');
  assert.deepEqual(await used(r), [['deepseek', 'day', today, 0]]);
  assert.equal(who(await r.post(message())), 'kimi');
});

check('a state file that is replaced under running processes begins with the ledger, too', async t => {
  const r = await capped(t, 'daily_cap = 100', { config: 'ledger_flush = 1' });
  await spentBefore(r);
  unlinkSync(r.state);
  assert.equal((await r.ctl('switch', 'auto')).code, 0, 'another process makes it');
  await eventually('all processes count it', async () =>
    (await many(8, () => r.post(message()))).every(answer => who(answer) === 'kimi'));
});

check('without a ledger a cap begins at nothing, and the log says so', async t => {
  const r = await capped(t, 'daily_cap = 1', { config: 'ledger = "off"' });
  assert.match(r.log(), /level=notice msg="caps begin at \$0\.00: what was spent before is not known \(ledger = /);
  assert.deepEqual(await used(r), [['deepseek', 'day', 0, 0]]);
  assert.equal(who(await r.post(message())), 'deepseek');
});

check('a budget that the state file has no room for is an error that names it, and nothing is billed', async t => {
  const r = await capped(t, '', { order: ['deepseek'], config: 'hold = 0' });
  const key = `crk_${'b'.repeat(32)}`, hash = text => createHash('sha256').update(text).digest('hex');
  const team = name => Array.from({ length: 47 }, (_, i) => `${name}${i} ${hash(i === 46 ? key : name + i)} daily=1\n`).join('');
  for (const name of ['old', 'new']) {
    writeFileSync(r.file('keys'), team(name), { mode: 0o640 });
    assert.equal((await r.ctl('reload')).code, 0);
  }
  assert.match(r.log(), /level=err(or)? msg="cap key:new46: the state file has no room for it beside 64 others.*that file removed/);
  const none = await r.post(message(), { 'x-router-key': key });
  assert.equal(none.status, 503, none.text);
  assert.match(none.json.error.message, /deepseek has a cap, and the state file has no room for one more/);
  assert.equal(await arrived(r, 'deepseek'), 0);
  unlinkSync(r.state);
  for (const pid of r.pids()) process.kill(pid, 'SIGKILL');
  await eventually('there is room', async () => (await r.post(message(), { 'x-router-key': key }).catch(() => ({}))).status === 200);
});

// --- a clock that was wrong --------------------------------------------------------------------------------------------

const DAY = 86_400_000;

// The clock at noon of a day from today on, so that no midnight comes in between.
function noon(r, days) {
  const now = r.clock.now();
  r.clock.forward((Math.floor(now / DAY) + days + 0.5) * DAY - now);
}

// So long, as a responder sees at its next tick, which the request wakes it for.
async function tick(r, span) {
  r.clock.pass(span);
  return (await r.status()).caps;
}
const written = (r, n) => eventually(`the ledger has ${n}`, async () => (await read(r.file('usage.db'), 'SELECT * FROM request')).length === n);
const anew = /cap deepseek: the clock was far ahead, and it begins anew: \$([0-9.]+) of today and \$[0-9.]+ of this month are taken from the ledger/g;

for (const days of [400, 401]) {
  check(`a request while the clock is ${days} days ahead spoils no day after it is set back`, async t => {
    const r = await capped(t, 'daily_cap = 3', { procs: 1, config: 'ledger_flush = 1' });
    noon(r, 0);
    assert.equal(who(await r.post(message())), 'deepseek');
    const [{ used: one }] = await caps(r);
    noon(r, days);
    assert.equal(who(await r.post(message())), 'deepseek');
    await written(r, 2);
    noon(r, -days);
    await tick(r, '1s');
    assert.equal(r.log().match(anew), null, 'a clock that is only waiting to be set');
    const [today] = await tick(r, '11m');
    await eventually('it begins anew', async () => r.log().match(anew) !== null);
    assert.deepEqual(r.log().match(anew).length, 1, 'once');
    assert.equal((await caps(r))[0].used, one, 'what the ledger has of today');
    assert.ok(Date.parse(today.until) - r.clock.now() < DAY);
    for (let day = 1; day <= 4; day++) {
      noon(r, 1);
      assert.equal((await caps(r))[0].used, 0, `day ${day}`);
      assert.equal(who(await r.post(message())), 'deepseek');
      assert.equal((await caps(r))[0].used, one, `day ${day}`);
    }
  });
}

check('a clock that is not set yet after a start takes nothing from the day that it comes to', async t => {
  const r = await capped(t, 'daily_cap = 0.01', { procs: 1, config: 'ledger_flush = 1' });
  noon(r, 0);
  await r.post(message());
  await written(r, 1);
  noon(r, -20);
  assert.equal(who(await r.post(message())), 'kimi', 'of the same place');
  for (let i = 0; i < 2; i++) await tick(r, '11m');
  await eventually('it begins anew', async () => r.log().match(anew) !== null);
  assert.equal(who(await r.post(message())), 'deepseek');
  noon(r, 20);
  await eventually('the ledger is read again', async () => (await tick(r, '1s'))[0].used > 0.01);
  assert.equal(who(await r.post(message())), 'kimi');
});
