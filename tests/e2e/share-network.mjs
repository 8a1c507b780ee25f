// SPDX-License-Identifier: MIT
// Machines that share their state over a network that fails: each has a link of its own to the server, which may be cut.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { ask, asked, timed, who } from './lib/scene.mjs';
import { LIMIT, crowd, everywhere, hosts, ready, resting, served, share, together } from './lib/share.mjs';
import { Host, world } from './lib/world.mjs';

const CANNOT = await world();
// The server on a host of its own, and a cable to it for each of three machines: { server, url, cut, mend }. A cable that is
// cut loses what is sent; nobody is told.
async function network(t) {
  const here = Host.self(t, 'here'), server = await Host.other(t, 'server');
  for (const i of [0, 1, 2]) here.cable(server, [`to${i}`, `10.30.${i}.2/24`], [`from${i}`, `10.30.${i}.1/24`]);
  const set = (i, how) => server.ip('link', 'set', `from${i}`, how);
  return { server, url: (s, i) => `valkey://10.30.${i}.1:${s.port}`, cut: i => set(i, 'down'), mend: i => set(i, 'up') };
}

check('a machine that is cut off goes on by itself, and when it is back all know what each has found', { skip: CANNOT, timeout: 90 }, async t => {
  const { server, url, cut, mend } = await network(t);
  const all = await hosts(t, { place: server, password: 'secret', url });
  const others = all.slice(0, 2), [,, alone] = all;
  cut(2);
  const quick = async (r, name) => {
    const { value, ms } = await timed(() => ask(r, true));
    assert.equal(who(value), name);
    assert.ok(ms < 900, `${ms} ms: the messenger waits for a second`);
  };
  for (let i = 0; i < 5; i++) await quick(alone, 'claude_pro');
  await everywhere([alone], 'it is cut off', status => status.share.connected === null, 20);
  assert.match(alone.messenger.output, /not connected.*the server does not answer/);
  assert.match((await alone.ctl('doctor')).stdout, /not connected since/);
  assert.ok((await share(all[0])).connected);

  // The others find one limit, and it another.
  await all.sim.next('claude_pro', LIMIT);
  assert.equal(who(await ask(all[0], true)), 'deepseek');
  await everywhere(others, 'they know it', resting('claude_pro'), 2);
  assert.ok(ready('claude_pro')(await alone.status()));
  await all.sim.next('deepseek', { fault: 'balance' });
  assert.equal((await alone.switchTo('deepseek')).status, 200);
  await quick(alone, 'claude_pro');
  assert.equal((await alone.switchTo('auto')).status, 200);
  for (const r of others) assert.ok(ready('deepseek')(await r.status()));

  mend(2);
  await together(all, 30);
  all.clock.pass('61s'); // what it said before the cut was noticed came late, over what the others had told: the next reading mends that
  await everywhere(all, 'both pauses are known', status => ['claude_pro', 'deepseek'].every(name => resting(name)(status)), 5);
  assert.equal(served(await crowd(all, 6), 'kimi'), 6);
  const [before] = await asked(all, 'claude_pro');
  all.clock.forward('12m');
  await all.sim.next('claude_pro', { fault: 'pass', delay_ms: 1500, times: -1 });
  const probes = served(await crowd(all, 24), 'claude_pro');
  assert.equal(probes || served(await crowd(all, 24), 'claude_pro'), 1, 'the probe'); // none, if each question was answered too late
  assert.deepEqual(await asked(all, 'claude_pro'), [before + 1]);
  await everywhere(all, 'claude_pro is back', ready('claude_pro'), 3);
});
