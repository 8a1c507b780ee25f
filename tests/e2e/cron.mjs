// SPDX-License-Identifier: MIT
// claude-router-check: by its command line, and by a real cron.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { Part, command, eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { BUILD } from './lib/simulator.mjs';

const who = answer => answer.headers['x-router-provider'];

// The stored login rests for an hour; what arrived so far is forgotten.
async function limited(t, options) {
  const r = await router(t, options);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  assert.equal(who(await r.post(message())), 'deepseek');
  await r.sim.control('DELETE', '/sim/claude_pro/requests');
  return r;
}

function silent(run, code) {
  assert.equal(run.code, code, `${run.code}: ${run.stdout}${run.stderr}`);
  assert.equal(run.stdout, '');
}

check('says and asks nothing while Claude Pro is well', async t => {
  const r = await router(t);
  silent(await r.check(), 0);
  assert.equal((await r.sim.requests('claude_pro')).length, 0);
});

check('ends a rest that is over', async t => {
  const r = await limited(t);
  silent(await r.check(), 0);
  const [ping] = await r.sim.requests('claude_pro');
  assert.equal(ping.json.max_tokens, 1);
  assert.match(ping.json.model, /haiku/);
  assert.match(ping.headers['anthropic-beta'], /oauth-2025-04-20/);
  assert.equal((await r.status()).providers.claude_pro.state, 'ready');
  assert.notEqual((await r.status()).last_health_check, null);
  assert.equal(who(await r.post(message())), 'claude_pro');
});

check('still limited: 1, and the rest lasts as long as the new answer says', async t => {
  const r = await limited(t);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 7200 });
  assert.equal((await r.check()).code, 1);
  const pro = (await r.status()).providers.claude_pro;
  assert.equal(pro.state, 'resting');
  assert.ok(Date.parse(pro.until) - r.clock.now() > 7000_000, pro.until);
});

check('could not check: 2', async t => {
  const r = await limited(t);
  await r.sim.next('claude_pro', { fault: 'reset', times: -1 });
  const run = await r.check();
  assert.equal(run.code, 2, run.stderr);
  assert.notEqual(run.stderr, '', 'it says why');
  assert.equal((await r.status()).providers.claude_pro.state, 'resting');
});

check('twice at once does no harm: one looks', async t => {
  const r = await limited(t);
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 700 });
  const runs = await Promise.all(Array.from({ length: 4 }, () => r.check()));
  for (const run of runs) assert.ok([0, 1].includes(run.code), `${run.code} ${run.stderr}`);
  assert.equal((await r.sim.requests('claude_pro')).length, 1);
  assert.equal((await r.status()).providers.claude_pro.state, 'ready');
});

check('a passed-through login: rests end by the clock, nothing is asked', async t => {
  const r = await router(t, { tokens: { deepseek: 'sk-stored-deepseek' } });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await r.post(message(), { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' });
  assert.equal((await r.check()).code, 1);
  r.clock.forward('65m');
  silent(await r.check(), 0);
  assert.equal((await r.sim.requests('claude_pro')).length, 1);
});

check('--dry-run tells and does nothing, --force looks all the same', async t => {
  const r = await limited(t);
  const dry = await r.check('--dry-run');
  assert.match(dry.stdout, /claude_pro/);
  assert.equal((await r.sim.requests('claude_pro')).length, 0);
  await r.check();
  assert.equal((await r.check('--force')).code, 0);
  assert.equal((await r.sim.requests('claude_pro')).length, 2);
  assert.equal((await r.check('--provider', 'deepseek', '--force')).code, 0);
  assert.equal((await r.sim.requests('deepseek')).length, 2);
});

check('switched off it does nothing', async t => {
  const r = await limited(t, { config: 'health_check_enabled = false' });
  silent(await r.check(), 0);
  assert.equal((await r.sim.requests('claude_pro')).length, 0);
});

check('wrong usage: 64, and it says what is right', async t => {
  const r = await router(t);
  for (const args of [['--nonsense'], ['too', 'many'], ['--provider'], ['--provider', 'nobody']]) {
    const run = await r.check(...args);
    assert.ok(run.code >= 64 && run.code < 128, `${args}: ${run.code}`);
    assert.notEqual(run.stderr, '');
  }
});

check('--print-crontab prints the entry for the configured times', async t => {
  const r = await router(t, { config: 'health_check_cron = "7 */2 * * *"' });
  const run = await r.check('--print-crontab');
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^7 \*\/2 \* \* \*\s+root\s.*\/claude-router-check/m);
  assert.ok(run.stdout.includes(r.configFile) && run.stdout.includes(r.state), run.stdout);
});

// What cron and the shell might read in a path: each is a directory with a state file and a configuration.
const STRANGE = ['plain', 'a b', '100%', '%%', "it's", 'a"b', '$HOME', '`id`', '\\', '\\\\', '\\%', "\\'", "'%\\", '; exit 7 #', '~', '*', '!!', '\\n', 'ünï', '& sleep', '$(id)', '{a,b}', '#', '=', '-'];

// The entries for them, which run a program of ours that notes down what it was called with.
async function entries(r, times) {
  const program = r.file('note');
  mkdirSync(r.file('notes'));
  writeFileSync(program, `#!/bin/sh\nprintf '%s\\0' "$ROUTER_STATE_FILE" "$@" >'${r.file('notes')}'/.$$ && mv '${r.file('notes')}'/.$$ '${r.file('notes')}'/$$\n`, { mode: 0o755 });
  return Promise.all(STRANGE.map(async name => {
    const dir = path.join(r.file('strange'), name), config = path.join(dir, 'conf'), state = path.join(dir, 'state');
    mkdirSync(dir, { recursive: true });
    writeFileSync(config, `health_check_cron = "${times}"\n`);
    const run = await command(path.join(r.build, 'claude-router-check'), ['--print-crontab', '--config', config], { env: { ...r.env, ROUTER_STATE_FILE: state } });
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^[^\n]+\n$/);
    const line = run.stdout.replace(/ \/\S+\/claude-router-check /, ` ${program} `);
    assert.ok(line.includes(program), line);
    return { line, noted: `${state}\0--config\0${config}\0` };
  }));
}

const notes = r => readdirSync(r.file('notes')).filter(name => !name.startsWith('.')).map(name => readFileSync(path.join(r.file('notes'), name), 'utf8'));

// What Debian's cron does to a command before the shell gets it; others also take one of two backslashes away.
for (const [name, escape] of Object.entries({ 'Debian’s cron': /\\(%)/g, 'another cron': /\\([%\\])/g })) {
  check(`--print-crontab: ${name} and the shell read the paths as they are`, async t => {
    const r = await router(t);
    for (const { line, noted } of await entries(r, '7 * * * *')) {
      const [, it] = line.match(/^7 \* \* \* \* root (.*)\n$/);
      assert.doesNotMatch(it.replaceAll(/\\[\\%]/g, ''), /%/, 'where cron would end the command');
      const run = await command('sh', ['-c', it.replaceAll(escape, '$1')], { env: {} });
      assert.equal(run.code, 0, `${it}: ${run.stderr}`);
      assert.ok(notes(r).includes(noted), `${it}\n${notes(r).join('\n')}`);
    }
  });
}

check('--print-crontab: no entry for what no entry can hold', async t => {
  const r = await router(t);
  for (const name of ['line\nend', 'x'.repeat(250)]) {
    const dir = path.join(r.file('strange'), name, name, name, name), config = path.join(dir, 'conf');
    mkdirSync(dir, { recursive: true });
    writeFileSync(config, '');
    const run = await r.check('--print-crontab', '--config', config);
    assert.equal(run.code, 78, run.stderr);
    assert.equal(run.stdout, '');
    assert.match(run.stderr, /too long, or contain a control byte/);
  }
});

check('--print-crontab: a real cron runs each entry', { timeout: 100 }, async t => {
  const r = await router(t);
  const all = await entries(r, '* * * * *');
  const cron = await realCron(t, r, all.map(one => one.line).join(''));
  await cron.until(() => notes(r).length >= all.length, 75);
  for (const { line, noted } of all) assert.ok(notes(r).includes(noted), `${line}\n${notes(r).join('\n')}`);
});

check('the responder does the same on request', async t => {
  const r = await limited(t);
  const answer = await r.post('', {}, '/v1/health-check');
  assert.equal(answer.status, 200, answer.text);
  assert.equal((await r.sim.requests('claude_pro')).length, 1);
  assert.equal(who(await r.post(message())), 'claude_pro');
});

// Debian's cron with this crontab alone, in a mount namespace where /etc/cron.d and the like are its own. Its clock is the
// case's, set to two seconds before a full hour, so that "0-4 * * * *" is due at once.
async function realCron(t, r, text) {
  if (process.getuid() !== 0) t.skip('needs root, for a cron of its own');
  const probe = await command('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']);
  if (probe.code !== 0) t.skip(`no mount namespace here: ${probe.stderr.trim()}`);
  writeFileSync(r.file('crontab'), text);
  const script = `set -e
    for dir in /etc/cron.d /var/spool/cron /run; do mount -t tmpfs -o mode=755 none $dir; done
    mkdir -p /var/spool/cron/crontabs
    : >'${r.file('empty')}' && mount --bind '${r.file('empty')}' /etc/crontab
    install -m 644 '${r.file('crontab')}' /etc/cron.d/claude-router
    exec cron -f -L 15`;
  const hour = 3_600_000;
  r.clock.forward(hour - (r.clock.now() % hour) - 2000);
  const cron = new Part('cron', 'unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script], { env: r.clockEnv });
  t.after(() => cron.stop());
  t.evidence('cron', () => cron.output);
  return cron;
}

check('a real cron brings Claude Pro back in the first minute of the hour', { timeout: 100 }, async t => {
  const r = await limited(t);
  const cron = await realCron(t, r, await crontab(r));
  await cron.until(async () => (await r.sim.requests('claude_pro')).length > 0, 75);
  await eventually('Claude Pro is back', async () => (await r.status()).providers.claude_pro.state === 'ready', 20);
  assert.equal(who(await r.post(message())), 'claude_pro');
});

// conf/claude-router.cron as it was built, with this case's files, user and environment.
async function crontab(r) {
  const shipped = readFileSync(path.join(BUILD, 'conf/claude-router.cron'), 'utf8');
  const entry = shipped.match(/^0-4 \* \* \* \* root \[ ! -x (\S+\/claude-router-check) \] \|\| \1$/m);
  assert.ok(entry, `the entry that we ship:\n${shipped}`);
  const env = Object.entries(r.env).map(([name, value]) => `${name}=${value}\n`).join('');
  return shipped.replace(/^(CLAUDE_ROUTER_CONFIG|ROUTER_STATE_FILE)=.*\n/gm, '')
    .replace(entry[0], `${env}0-4 * * * * root ${path.join(BUILD, 'claude-router-check')}`);
}
