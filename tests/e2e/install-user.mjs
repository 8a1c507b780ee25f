// SPDX-License-Identifier: MIT
// ./dev install-user: a person without root gets programs, a user unit and an entry in their crontab, and is rid of them again.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { all, check } from './lib/case.mjs';
import { get } from './lib/client.mjs';
import { Part, command, connects, freePort } from './lib/parts.mjs';
import { TOP } from './lib/router.mjs';
import { BUILD } from './lib/simulator.mjs';

// One path for all runs, since the programs are built for it.
const home = path.join(BUILD, '../user-home');
const at = (...names) => path.join(home, ...names);
const config = at('config/claude-router');

// It builds all of it, for the person's paths.
const byName = (process.env.CHECK_PATTERN ?? '').includes('install-user');
const skip = !all && !byName && 'it takes a minute: with --all, or by its name';

check('installed, served by its unit, checked by its crontab, and removed', { timeout: 900, skip }, async t => {
  rmSync(home, { recursive: true, force: true });
  for (const name of ['bin', 'run']) mkdirSync(at(name), { recursive: true });
  // The person's crontab; and whoever is not to be asked.
  const stub = (name, text) => writeFileSync(at('bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  stub('crontab', `case $1 in -l) cat ${at('crontab')} ;; -) cat >${at('crontab.new')} && mv ${at('crontab.new')} ${at('crontab')} ;; esac`);
  for (const name of ['sudo', 'systemctl', 'loginctl']) stub(name, `echo ${name} >>${at('asked')}; exit 1`);
  writeFileSync(at('crontab'), '5 4 * * * /usr/bin/true\n');
  const env = { HOME: home, PATH: `${at('bin')}:${process.env.PATH}`, XDG_CONFIG_HOME: at('config'), XDG_STATE_HOME: at('state'), XDG_RUNTIME_DIR: at('run') };
  const dev = async (...args) => {
    const run = await command(path.join(TOP, 'dev'), ['install-user', ...args], { env, timeout: 500 });
    assert.equal(run.code, 0, `${run.stdout}${run.stderr}`);
    return run.stdout;
  };

  assert.match(await dev(), /export ANTHROPIC_BASE_URL=http:\/\/127\.0\.0\.1:8000/);
  assert.equal(statSync(path.join(config, 'tokens.txt')).mode & 0o777, 0o600, 'a tokens.txt to fill in');
  writeFileSync(path.join(config, 'tokens.txt'), 'deepseek = sk-mine\n');
  await dev(); // again: nothing twice, and what the person wrote stays
  assert.ok(!existsSync(at('asked')), 'root was asked for, or a service started');
  const checker = at('.local/sbin/claude-router-check');
  assert.equal(readFileSync(at('crontab'), 'utf8'), `5 4 * * * /usr/bin/true\n0-4 * * * * ${checker}\n`);
  assert.equal(readFileSync(path.join(config, 'tokens.txt'), 'utf8'), 'deepseek = sk-mine\n');
  assert.equal(statSync(config).mode & 0o077, 0, 'nobody else looks in');

  const unit = at('config/systemd/user/claude-router.service');
  const messenger = at('config/systemd/user/claude-router-share.service');
  const sound = await command('systemd-analyze', ['verify', '--user', '--man=no', unit, messenger], { env });
  assert.doesNotMatch(sound.stderr, /claude-router/, 'no warning about it');
  const words = readFileSync(unit, 'utf8').match(/^ExecStart=(.*)$/m)[1].split(' ');
  const port = await freePort();
  const lighttpd = new Part('lighttpd', words[0], words.slice(1), { env: { HOME: home, ROUTER_HOST: '127.0.0.1', ROUTER_PORT: String(port) } });
  t.evidence('lighttpd', () => lighttpd.output);
  t.after(() => lighttpd.stop());
  await lighttpd.until(() => connects(port));
  const health = await get(`http://127.0.0.1:${port}/health`);
  assert.equal(health.status, 200, health.text);
  assert.deepEqual([health.json.current_provider, health.json.providers.kimi.active], ['claude_pro', false]);
  assert.match((await command(at('.local/bin/claude-router-ctl'), ['status'], { env })).stdout, /deepseek +ready/);
  assert.equal((await command('sh', ['-c', readFileSync(at('crontab'), 'utf8').match(/^0-4 \* \* \* \* (.*)$/m)[1]], { env })).code, 0);
  await lighttpd.stop('SIGINT');

  assert.match(await dev('--remove'), /stays/);
  assert.equal(readFileSync(at('crontab'), 'utf8'), '5 4 * * * /usr/bin/true\n');
  for (const gone of [checker, unit, messenger, at('.local/bin/claude-router-ctl')]) assert.ok(!existsSync(gone), gone);
  assert.ok(existsSync(path.join(config, 'tokens.txt')));
});
