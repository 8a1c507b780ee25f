// SPDX-License-Identifier: MIT
// The blocks of doc/home-assistant.md: read, asked and rendered as Home Assistant's rest integration does it.
import assert from 'node:assert/strict';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { command, eventually } from './lib/parts.mjs';
import { recipe } from './lib/recipe.mjs';
import { TOP, router, stored } from './lib/router.mjs';
import { login } from './lib/scene.mjs';

const block = recipe('home-assistant.md');
const ADMIN = 'the-admin-token-of-the-tests';
const { claude_pro, ...keys } = stored;

async function atHome(t, access) {
  // Not an admin by its address: what it gets it gets by its key.
  const r = await router(t, {
    tokens: { ...keys, admin_token: ADMIN },
    whole: (sim, r) => `access = "${access}"\nadmin_from = { "192.0.2.1" }\nledger_flush = 1\nprices_file = "${TOP}/conf/prices"\nkeys_file = "${r.file('keys')}"\n${r.usualConfig()}`,
  });
  r.key = (await r.ctl('key', 'add', 'home-assistant')).stdout.split('\n')[0];
  assert.equal((await r.ctl('reload')).code, 0);
  return r;
}

// The entities of some blocks, after a switch was told on or off, or was only read.
async function entities(r, titles, told = 'read') {
  const secrets = block('secrets.yaml', { 'crk_…': r.key, ': …': `: ${ADMIN}` });
  const blocks = titles.map(title => block(`configuration.yaml, ${title}`).replaceAll('http://router.home.arpa:8000', r.url));
  const run = await command('/usr/bin/python3', [path.join(TOP, 'tests/e2e/lib/home_assistant.py'), told], { input: `${secrets}\n---\n${blocks.join('')}` });
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(run.stdout);
}

const stamp = text => {
  assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  return Date.parse(text);
};

for (const access of ['keys', 'open']) {
  check(`who serves, windows, resets and cost, by a client key (${access})`, async t => {
    const r = await atHome(t, access);
    const anna = { ...login, 'x-router-key': r.key };
    const fresh = await entities(r, ['sensors']);
    assert.equal(fresh['Claude Pro 5 h'].available, false, 'no window before Claude Pro has named one');
    assert.equal(fresh['Claude Pro paused until'].available, false);
    assert.deepEqual([fresh['Claude cost today'].available, fresh['Claude cost today'].state], [true, '0.0']);

    await r.sim.next('claude_pro', { fault: 'utilization', utilization: 0.62 });
    await r.post(message(), anna);
    const plan = await entities(r, ['sensors', 'automation']);
    assert.equal(plan['Claude Router'].state, 'claude_pro');
    assert.equal(plan['Claude Router'].attributes.line, 'Claude Pro · 62 % of 5 h');
    assert.equal(plan['Claude Pro is left'].state, plan['Claude Router'].attributes.line);
    assert.deepEqual([plan['Claude Pro 5 h'].available, Number(plan['Claude Pro 5 h'].state)], [true, 62]);
    assert.equal(plan['Claude Pro 7 d'].available, true);
    assert.ok(stamp(plan['Claude Pro 5 h reset'].state) > r.clock.now());
    assert.ok(stamp(plan['Claude Pro 7 d reset'].state) > r.clock.now());
    assert.equal(plan['Claude Router serves'].state, 'True');

    await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
    await r.post(message('SIM:SAY x SIM:INPUT 20000000'), anna);
    const paid = await eventually('the cost is there', async () => {
      const all = await entities(r, ['sensors']);
      return Number(all['Claude cost today'].state) > 0 && all;
    });
    assert.equal(paid['Claude Router'].state, 'deepseek');
    assert.ok(paid['Claude Pro paused until'].available);
    assert.ok(Math.abs(stamp(paid['Claude Pro paused until'].state) - r.clock.now() - 3_600_000) < 120_000);
  });
}

check('while nobody can serve the sensors stay, and say so', async t => {
  const r = await atHome(t, 'keys');
  r.writeTokens({ admin_token: ADMIN });
  r.writeConfig(r.options.whole(r.sim, r).replaceAll(/(provider claude_\w+ \{)/g, '$1\n  enabled = false'));
  assert.equal((await r.ctl('reload')).code, 0);
  const all = await entities(r, ['sensors']);
  assert.equal(all['Claude Router'].state, 'none');
  assert.equal(all['Claude Router serves'].state, 'False');
});

check('the switch, by the admin token', async t => {
  const r = await atHome(t, 'open');
  const state = async told => (await entities(r, ['switch'], told))['DeepSeek first'].state;
  assert.equal(await state('read'), 'False');
  assert.equal(await state('on'), 'True');
  assert.equal((await r.get('/health', { 'x-router-key': r.key })).json.current_provider, 'deepseek');
  assert.equal(await state('off'), 'False');
  assert.equal((await r.get('/health', { 'x-router-key': r.key })).json.current_provider, 'claude_pro');
});
