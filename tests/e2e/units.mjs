// SPDX-License-Identifier: MIT
// The systemd units that we ship: sound, hardened, and in agreement with the responder.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { command } from './lib/parts.mjs';
import { BUILD } from './lib/simulator.mjs';

// Copies whose program is the built one and whose man pages need not be installed: a directory.
function units(t, change = text => text) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-units-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const name of ['claude-router.service', 'claude-router.socket']) {
    const text = readFileSync(path.join(BUILD, 'conf/systemd', name), 'utf8')
      .replace(/^ExecStart=.*$/m, `ExecStart=${path.join(BUILD, 'claude-router')}`).replace(/^Documentation=.*\n/m, '');
    writeFileSync(path.join(dir, name), change(text));
  }
  return dir;
}

const file = (dir, kind) => path.join(dir, `claude-router.${kind}`);

check('both are sound', async t => {
  const dir = units(t);
  const run = await command('systemd-analyze', ['verify', '--man=no', file(dir, 'socket'), file(dir, 'service')]);
  assert.equal(run.code, 0, run.stderr);
  assert.doesNotMatch(run.stderr, /claude-router/, 'no warning of ours');
});

check('the service is exposed by 1.5 at most', async t => {
  const analyse = dir => command('systemd-analyze', ['security', '--offline=true', '--threshold=15', file(dir, 'service')]);
  const run = await analyse(units(t));
  assert.equal(run.code, 0, run.stdout.split('\n').filter(line => !line.startsWith('✓')).join('\n'));
  assert.notEqual((await analyse(units(t, text => text.replace('CapabilityBoundingSet=\n', '')))).code, 0, 'and it is looked at');
});

