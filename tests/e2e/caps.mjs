// SPDX-License-Identifier: MIT
// Caps: what a provider may cost in a day or a month, for all processes together.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';

const who = answer => answer.headers['x-router-provider'];
const many = (n, what) => Promise.all(Array.from({ length: n }, (_, i) => what(i)));

// deepseek's tokens cost a cent of output each, so that message() is reserved with one dollar.
const PRICES = 'deepseek:* in=0 out=10000\nkimi:* in=0 out=0\nclaude_api:* in=0 out=10000\n';

const capped = (t, cap, { prices = PRICES, ...options } = {}) => router(t, {
  order: ['deepseek', 'kimi'], sections: { deepseek: cap }, ...options,
  whole: (sim, r) => {
    r.write('prices', prices);
    return `${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
  },
});
const arrived = async (r, name) => (await r.sim.requests(name)).length;
const caps = async r => (await r.status()).caps;

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
});

check('what a killed process has reserved stays reserved', async t => {
  const r = await capped(t, 'daily_cap = 2.50');
  await r.sim.gate('deepseek', { hold: true });
  const replies = many(6, async () => (await r.stream(message())).rest().catch(() => {}));
  await r.sim.requests('kimi', { wait: 3 });
  await r.sim.requests('deepseek', { wait: 3 });
  for (const pid of r.pids()) process.kill(pid, 'SIGKILL');
  await replies.catch(() => {});
  await r.sim.gate('deepseek', { hold: false });
  await eventually('it serves again', async () => (await r.post(message()).catch(() => ({}))).status === 200);
  assert.equal((await caps(r))[0].reserved, 3);
  assert.equal(await arrived(r, 'deepseek'), 3);
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
