// SPDX-License-Identifier: MIT
// Started by root, the checker, the control program and the messenger go on as the owner of the state's directory.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { Part, command } from './lib/parts.mjs';
import { BUILD, Simulator } from './lib/simulator.mjs';

const NOBODY = 65534; // has an entry in the user database
const STRANGER = 41234; // has none

// An installation whose state directory belongs to uid, and which no program has used yet.
async function installation(t, uid, { log = '', more = '', tokens = '' } = {}) {
  if (process.getuid() !== 0) t.skip('needs root');
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-owner-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  chmodSync(dir, 0o755);
  const sim = await Simulator.start(t, dir);
  const state = path.join(dir, 'state.d');
  mkdirSync(state);
  chownSync(state, uid, uid);
  chmodSync(state, 0o750);
  writeFileSync(path.join(dir, 'tokens'), `claude_pro = sk-ant-oat01-stored-claude-pro\n${tokens}`, { mode: 0o640 });
  chownSync(path.join(dir, 'tokens'), 0, uid);
  writeFileSync(path.join(dir, 'conf'), `tokens_file = "${dir}/tokens"\nstate_file = "${state}/state"
    ${log && `log = "${state}/${log}"`}\n${more}\nprovider claude_pro { url = "${sim.url('claude_pro')}" }\n`, { mode: 0o600 });
  // The leak check needs ptrace, which a process without root and not dumpable does not get.
  const env = { CLAUDE_ROUTER_CONFIG: path.join(dir, 'conf'), ASAN_OPTIONS: 'abort_on_error=1:detect_leaks=0' };
  const run = (name, ...args) => command(path.join(BUILD, name), args, { env });
  return { dir, sim, state, run, env };
}

function belongsTo(file, uid) {
  const st = statSync(file);
  assert.deepEqual([st.uid, st.gid], [uid, uid], file);
}

for (const [who, uid] of [['a user', NOBODY], ['a number without an entry', STRANGER], ['root', 0]]) {
  check(`all that the checker makes belongs to the owner: ${who}`, async t => {
    const i = await installation(t, uid, { log: 'log' });
    const run = await i.run('claude-router-check', '--force');
    assert.equal(run.code, 0, run.stderr + run.stdout);
    assert.equal((await i.sim.requests('claude_pro')).length, 1);
    assert.deepEqual(readdirSync(i.state).sort(), ['log', 'state']);
    for (const name of ['log', 'state']) belongsTo(path.join(i.state, name), uid);
  });
}

check('a damaged state is set aside and made anew for the owner, by the control program', async t => {
  const i = await installation(t, NOBODY);
  writeFileSync(path.join(i.state, 'state'), 'no state file at all', { mode: 0o640 });
  chownSync(path.join(i.state, 'state'), NOBODY, NOBODY);
  const run = await i.run('claude-router-ctl', 'switch', 'auto');
  assert.equal(run.code, 0, run.stderr);
  belongsTo(path.join(i.state, 'state'), NOBODY);
});

check('nothing of root is kept: user, groups, capabilities', async t => {
  const i = await installation(t, NOBODY);
  await i.sim.next('claude_pro', { fault: 'pass', delay_ms: 5000 });
  const part = new Part('checker', path.join(BUILD, 'claude-router-check'), ['--force'], { env: i.env });
  t.after(() => part.stop());
  await part.until(async () => (await i.sim.requests('claude_pro')).length > 0 || existsSync(path.join(i.state, 'state')));
  const { stdout } = await command('cat', [`/proc/${part.pid}/status`]);
  assert.match(stdout, /^Uid:\t65534\t65534\t65534\t65534$/m);
  assert.match(stdout, /^Gid:\t65534\t65534\t65534\t65534$/m);
  assert.match(stdout, /^Groups:\t65534 $/m);
  assert.match(stdout, /^CapPrm:\t0+$/m);
  assert.match(stdout, /^CapEff:\t0+$/m);
});

check('the messenger as its unit starts it: root, with no right but to become the owner', async t => {
  const i = await installation(t, NOBODY, { more: 'share = "unix:///nonexistent"', tokens: `share_key = ${'5e'.repeat(32)}\n` });
  const part = new Part('messenger', 'setpriv', ['--bounding-set', '-all,+setuid,+setgid', '--no-new-privs', path.join(BUILD, 'claude-router-share')], { env: i.env });
  t.after(() => part.stop());
  await part.until(() => existsSync(path.join(i.state, 'state.share')));
  for (const name of ['state', 'state.share']) belongsTo(path.join(i.state, name), NOBODY);
});

check('looking only, too: what the owner may not read is not shown', async t => {
  const i = await installation(t, NOBODY);
  assert.equal((await i.run('claude-router-ctl', 'switch', 'auto')).code, 0);
  assert.equal((await i.run('claude-router-ctl', 'tokens')).code, 0);
  chmodSync(path.join(i.dir, 'tokens'), 0o600);
  const run = await i.run('claude-router-ctl', 'tokens');
  assert.equal(run.code, 78, run.stdout);
  assert.match(run.stderr, /tokens/);
});

check('no directory: an error, and no file of root', async t => {
  const i = await installation(t, NOBODY, { log: 'log' });
  rmSync(i.state, { recursive: true });
  for (const [name, ...args] of [['claude-router-check', '--force'], ['claude-router-ctl', 'status']]) {
    const run = await i.run(name, ...args);
    assert.equal(run.code, 77, run.stderr);
    assert.match(run.stderr, /cannot run as the owner of .*state\.d: No such file/);
  }
  assert.ok(!existsSync(i.state));
});
