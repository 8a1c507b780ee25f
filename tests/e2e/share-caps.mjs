// SPDX-License-Identifier: MIT
// A cap of which several hosts take what they need (share_caps = closed): all of it can be spent, on any of them, and never more.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { asked, who } from './lib/scene.mjs';
import { hosts, together } from './lib/share.mjs';

// A message costs 90 cents, and a dollar is reserved for it.
const say = r => r.post(message('SIM:LONG 90'));
const COST = 0.9;

// Hosts whose deepseek has a cap; kimi costs nothing. The server is one that they know.
async function capped(t, cap, { config = 'share_caps = closed', ...options } = {}) {
  const all = await hosts(t, {
    config, order: ['deepseek', 'kimi'], sections: { deepseek: `daily_cap = ${cap}` }, away: true, ...options,
    whole: (sim, r) => {
      r.write('prices', 'deepseek:* in=0 out=10000\nkimi:* in=0 out=0\n');
      return `${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
    },
  });
  const { LD_PRELOAD, TEST_CLOCK_FILE } = all[0].clockEnv;
  await all.server.start({ LD_PRELOAD, TEST_CLOCK_FILE });
  await all.server.cli(['set', 'cr:part:birth', '0123456789abcdef']);
  await together(all);
  return all;
}

const billed = async all => (await asked(all, 'deepseek'))[0];
const capOf = async r => (await r.status()).caps[0];
const sum = async (all, what) => (await Promise.all(all.map(capOf))).reduce((n, cap) => n + cap[what], 0);

// All of them answer, by whomever; how many by deepseek.
async function crowd(all, n) {
  const answers = await Promise.all(Array.from({ length: n }, (_, i) => say(all[i % all.length])));
  for (const answer of answers) assert.equal(answer.status, 200, answer.text);
  return answers.filter(answer => who(answer) === 'deepseek').length;
}

check('what one host does not use, another can; all of it, and no cent more', async t => {
  const all = await capped(t, 9);
  for (let i = 0; i < 5; i++) assert.equal(who(await say(all[0])), 'deepseek', `message ${i}: more than a third of the cap`);
  for (let i = 0; i < 4; i++) await crowd(all, 12);
  // What was reserved at once by several, and is not spent, is given back.
  await eventually('all of it is spent', async () => {
    await crowd(all, 3);
    return await billed(all) === 9;
  });
  assert.equal(await crowd(all, 12), 0, 'then nothing more, on none');
  assert.equal(await billed(all), 9);
  const parts = await sum(all, 'part'), used = await sum(all, 'used');
  assert.ok(used <= parts + 1e-9 && parts <= 9, `${used} used, of ${parts} taken`);
  for (const r of all) assert.equal((await capOf(r)).cap, 9, 'each shows the whole');
  all[0].clock.forward('24h');
  assert.equal(who(await say(all[1])), 'deepseek', 'a new day');
});

// Another machine, which the test plays: what it has, and what it has spent; one of an older version does not tell that.
async function another(all, { has, spent }) {
  const hash = (await all.server.content()).match(/^cr:part:[0-9a-f]+:day:\d+$/m)[0], nano = dollars => String(dollars * 1e9);
  await all.server.cli(['hset', hash, 'feedfeedfeedfeed', nano(has)]);
  if (spent !== undefined) await all.server.cli(['hset', `${hash}:spent`, 'feedfeedfeedfeed', nano(spent)]);
}

// How many the server has run.
const scripts = async all => Number((await all.server.cli(['info', 'commandstats'])).match(/cmdstat_eval:calls=(\d+)/)[1]);

check('what the others have spent is said at once, and until when; a request that still fits is served', async t => {
  const all = await capped(t, 9), [first, second] = all;
  const stateOf = async r => (await r.status()).providers.deepseek;
  await eventually('the first spends it', async () => { await say(first); return await billed(all) === 9; });
  await eventually('it is told', async () => /:spent\n[0-9a-f]{16}\n8100000000\n/.test(await all.server.content()));
  assert.equal((await stateOf(second)).state, 'ready', 'it has not asked');
  assert.equal(who(await say(second)), 'kimi');
  const { state, reason, until } = await stateOf(second), cap = await capOf(second);
  assert.deepEqual([state, until, cap.used, cap.others], ['capped', cap.until, 0, 8.1]);
  assert.match(reason, /^deepseek has too little left of its daily cap \(\$9\.00\), of which all machines have spent \$8\.10, until /);
  assert.match((await second.ctl('status')).stdout, /cap deepseek, day: \$0\.00 of \$9\.00, \$0\.00 reserved, \$8\.10 spent by other machines, until/);

  const before = await scripts(all);
  for (let i = 0; i < 9; i++) assert.equal(who(await say(second)), 'kimi');
  assert.ok(await scripts(all) - before < 9, 'the server is not asked for each');

  assert.equal(who(await second.post(message('SIM:LONG 40', { max_tokens: 50 }))), 'deepseek', 'half a dollar is left');
  all[0].clock.forward('24h');
  assert.equal(who(await say(second)), 'deepseek', 'a new day');
});

check('what the others hold may be given back, and is waited for; what they have spent is not', async t => {
  const all = await capped(t, 9, { order: ['deepseek'], n: 1 }), [r] = all;
  assert.equal(who(await say(r)), 'deepseek');
  await another(all, { has: 8 });
  const answer = say(r), before = await scripts(all);
  await eventually('it waits, and asks again', async () => await scripts(all) > before + 2);
  assert.equal((await r.status()).providers.deepseek.state, 'ready');
  await eventually('it holds nothing ahead itself', async () => (await capOf(r)).part === 0.9);
  await another(all, { has: 0 });
  assert.equal(who(await answer), 'deepseek');
  await another(all, { has: 8, spent: 7 });
  const then = await scripts(all), refused = await say(r);
  assert.equal(refused.status, 429);
  assert.ok(await scripts(all) <= then + 2, 'it does not ask again');
  assert.match(refused.text, /deepseek has too little left of its daily cap \(\$9\.00\), of which all machines have spent \$8\.80, until /);
});

check('without the server a host spends what it has taken, and says why no more', async t => {
  const all = await capped(t, 9), [first, second] = all;
  assert.equal(who(await say(first)), 'deepseek');
  const inHand = async () => { const cap = await capOf(first); return cap.part - cap.used; };
  await eventually('what is held for nobody is given back, but a slice', async () => await inHand() < 0.15 && /\n10[34]\d{7}\n/.test(await all.server.content()));
  await all.server.kill();
  await eventually('it is alone', async () => (await first.status()).share.connected === null);
  for (const r of all) assert.equal(who(await say(r)), 'kimi');
  await eventually('it says why', async () => /^deepseek has to wait: of its daily cap \(\$9\.00\) this machine can take no more while it is not connected/.test((await second.status()).providers.deepseek.reason));

  // The server has forgotten all: it gives nothing before every host has told what it has.
  await all.server.start();
  await together(all);
  await eventually('it was told', async () => /:day:\d+\n[0-9a-f]{16}\n[1-9]\d{8,}\n/.test(await all.server.content()));
  assert.equal(who(await say(second)), 'kimi', 'not yet');
  all[0].clock.forward('16s');
  for (let i = 0; i < 3; i++) await eventually('then it gives again', async () => who(await say(second)) === 'deepseek');
  assert.ok(await sum(all, 'part') <= 9);
});

check('killed processes, a server that hangs, dies and forgets: never more than the cap', { timeout: 120 }, async t => {
  const all = await capped(t, 9, { procs: 4 });
  const troubles = [
    () => process.kill(all[0].pids()[0], 'SIGKILL'),
    () => all.server.suspend(),
    () => all.server.resume(),
    () => process.kill(all[1].pids()[0], 'SIGKILL'),
    () => all.server.kill(),
    async () => { await all.server.start(); all[0].clock.forward('16s'); },
    () => all[2].messenger.kill('SIGKILL'),
  ];
  for (const trouble of troubles) {
    const answers = Promise.allSettled(Array.from({ length: 12 }, (_, i) => say(all[i % 3])));
    await trouble();
    await answers;
  }
  await together(all.slice(0, 2));
  await crowd(all, 12);
  const n = await billed(all);
  assert.ok(n * COST <= 9, `${n} messages`);
  assert.ok(n >= 3, `${n} messages`);
});
