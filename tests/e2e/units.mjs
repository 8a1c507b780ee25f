// SPDX-License-Identifier: MIT
// What confines the responder: the systemd units and the AppArmor profile that we ship are sound, and it agrees with them.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { command } from './lib/parts.mjs';
import { BUILD } from './lib/simulator.mjs';

// Copies whose program is the built one and whose man pages need not be installed: a directory.
function units(t, change = text => text) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-units-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const name of ['claude-router.service', 'claude-router.socket', 'claude-router-share.service']) {
    const text = readFileSync(path.join(BUILD, 'conf/systemd', name), 'utf8')
      .replace(/^ExecStart=.*\/(.*)$/m, (line, program) => `ExecStart=${path.join(BUILD, program)}`).replace(/^Documentation=.*\n/m, '');
    writeFileSync(path.join(dir, name), change(text));
  }
  return dir;
}

const file = (dir, kind) => path.join(dir, `claude-router.${kind}`);

check('all are sound', async t => {
  const dir = units(t);
  const run = await command('systemd-analyze', ['verify', '--man=no', file(dir, 'socket'), file(dir, 'service'), path.join(dir, 'claude-router-share.service')]);
  assert.equal(run.code, 0, run.stderr);
  assert.doesNotMatch(run.stderr, /claude-router/, 'no warning of ours');
});

// The messenger's begins as root, to become the owner of the state.
for (const [name, tenths] of [['claude-router.service', 15], ['claude-router-share.service', 22]]) {
  check(`${name} is exposed by ${tenths / 10} at most`, async t => {
    const analyse = dir => command('systemd-analyze', ['security', '--offline=true', `--threshold=${tenths}`, path.join(dir, name)]);
    const run = await analyse(units(t));
    assert.equal(run.code, 0, run.stdout.split('\n').filter(line => !line.startsWith('✓')).join('\n'));
    assert.notEqual((await analyse(units(t, text => text.replace(/CapabilityBoundingSet=.*\n/, '')))).code, 0, 'and it is looked at');
  });
}


const UNPACKED = path.join(BUILD, '../unpacked/apparmor');
const parser = existsSync(UNPACKED) ? path.join(UNPACKED, 'sbin/apparmor_parser') : '';

check('the AppArmor profile is sound, and only complains', { skip: !parser && 'apparmor is not in build/unpacked' }, async t => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-apparmor-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const text = readFileSync(path.join(BUILD, 'conf/apparmor/claude-router'), 'utf8');
  const parse = (name, changed) => {
    writeFileSync(path.join(dir, name), changed);
    return command(parser, ['--skip-kernel-load', '--skip-cache', '--base', path.join(UNPACKED, 'etc/apparmor.d'), path.join(dir, name)]);
  };
  const run = await parse('sound', text);
  assert.equal(run.code, 0, run.stderr);
  assert.notEqual((await parse('broken', text.replace(' rwkl,', ' rwzz,'))).code, 0, 'and it is looked at');
  assert.match(text, /^profile claude-router \/\S+\/claude-router flags=\(complain\) \{$/m);
  assert.doesNotMatch(text, /@[a-z]+@/);
});
