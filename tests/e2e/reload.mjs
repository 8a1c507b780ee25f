// SPDX-License-Identifier: MIT
// Configuration and credentials change under a running router: what has begun ends as it began, what comes next goes by
// the new ones, and what cannot be used leaves the old ones in force and is shown until it is mended.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { message, textOf } from './lib/client.mjs';
import { Part, eventually } from './lib/parts.mjs';
import { router as started, stored } from './lib/router.mjs';
import { ask, assembled, asked, attempts, keys, login, who } from './lib/scene.mjs';
import { BUILD } from './lib/simulator.mjs';

// With all its responders at work: one that is still starting would read what a case has changed already.
async function router(t, options) {
  const r = await started(t, options);
  await eventually('all responders run', async () => (await r.status()).processes === r.procs);
  return r;
}

// Another configuration: the options of router.mjs that differ.
function configure(r, options) {
  Object.assign(r.options, options);
  r.writeConfig();
}

// By the control program: all responders have taken it up when this returns.
async function reload(r, options = {}) {
  configure(r, options);
  const run = await r.ctl('reload');
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stdout, r.procs === 1 ? '1 responder reloaded\n' : `${r.procs} responders reloaded\n`);
}

const lines = (r, text) => r.log().split('\n').filter(line => line.includes(text));
const reloads = r => lines(r, 'claude-router.conf: reloaded').length;
const errors = async r => { const s = await r.status(); return [s.config.error, s.tokens_file.error]; };
const many = (n, what) => Promise.all(Array.from({ length: n }, (_, i) => what(i)));

// --- What runs -----------------------------------------------------------------------------------------------------

check('a stream goes on to its end while its provider is taken out of the configuration', async t => {
  const r = await router(t, { tokens: keys });
  await r.sim.gate('claude_pro', { hold: true });
  const opening = r.stream(message('SIM:SAY still the same provider'), login);
  await r.sim.requests('claude_pro', { wait: 1 });
  await r.sim.gate('claude_pro', { release: 4 });
  const s = await opening;
  const first = await s.next();
  await reload(r, { order: ['kimi'] });
  assert.equal(who(await r.post(message(), login)), 'kimi', 'whoever comes now');
  await reload(r, { order: ['deepseek'] });
  await r.sim.gate('claude_pro', { hold: false });
  const events = [first, ...await s.rest()];
  assembled(events);
  assert.equal(textOf(events), 'still the same provider');
  assert.equal(s.headers['x-router-provider'], 'claude_pro');
  const [line] = await eventually('it is logged', () => { const l = lines(r, 'provider=claude_pro'); return l.length && l; });
  assert.match(line, /attempts="?claude_pro:200:pass/);
});

check('a retry asks the provider that was asked first, with the credential that it was asked with', async t => {
  const r = await router(t, { order: ['deepseek'], config: 'retry_delay = 4' });
  await r.sim.next('deepseek', { fault: 'unavailable' });
  const asking = r.post(message());
  await r.sim.requests('deepseek', { wait: 1 });
  r.writeTokens({ kimi: stored.kimi });
  await reload(r, { order: ['kimi'], config: 'retry_delay = 0' });
  assert.equal((await asked(r, 'deepseek'))[0], 1, 'the retry is still to come');
  const answer = await asking;
  assert.equal(answer.status, 200, answer.text);
  assert.equal(who(answer), 'deepseek');
  assert.equal(attempts(answer), 2);
  assert.deepEqual(await asked(r, 'deepseek', 'kimi'), [2, 0]);
  assert.equal(who(await r.post(message())), 'kimi');
});

check('a request that waits for the earliest provider gets it, though the configuration has it no more', async t => {
  const r = await router(t, { order: ['deepseek'], tokens: keys, config: 'hold = 20' });
  await r.sim.next('deepseek', { fault: 'throttle', retry_after: 4 });
  const asking = r.post(message());
  await r.sim.requests('deepseek', { wait: 1 });
  await reload(r, { order: ['kimi'], config: 'hold = 0' });
  assert.equal((await asked(r, 'deepseek'))[0], 1, 'it still waits');
  const answer = await asking;
  assert.equal(answer.status, 200, answer.text);
  assert.equal(who(answer), 'deepseek');
});

check('a request whose body is still on its way goes by what is in force when it has arrived', async t => {
  const r = await router(t, { tokens: keys, order: ['deepseek'] });
  const body = JSON.stringify(message('SIM:SAY at last'));
  const headers = { ...login, 'content-type': 'application/json', 'content-length': String(body.length) };
  const req = http.request(`${r.url}/v1/messages`, { method: 'POST', headers });
  const answering = once(req, 'response');
  req.write(body.slice(0, 20));
  await reload(r, { order: ['kimi'] });
  req.end(body.slice(20));
  const [answer] = await answering;
  answer.resume();
  assert.equal(who(answer), 'kimi');
  assert.deepEqual(await asked(r, 'deepseek', 'kimi'), [0, 1]);
});

check('a check of a provider that is taken out of the configuration ends', async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 2500 });
  const checking = r.post('"claude_pro"', {}, '/v1/health-check');
  await r.sim.requests('claude_pro', { wait: 1 });
  await reload(r, { order: ['deepseek'] });
  const found = (await checking).json;
  assert.equal(found.provider, 'claude_pro');
  assert.equal(found.result, 'healthy', JSON.stringify(found));
  assert.equal((await r.post('"claude_pro"', {}, '/v1/health-check')).status, 400, 'now nobody knows it');
});

// --- What is taken up ----------------------------------------------------------------------------------------------

check('a changed file is taken up by itself, by each of the responders', async t => {
  const r = await router(t, { tokens: keys });
  assert.equal(who(await r.post(message(), login)), 'claude_pro');
  configure(r, { order: ['kimi', 'claude_pro'] });
  await eventually('both say so', () => reloads(r) === 2);
  const answers = await many(20, () => r.post(message('SIM:SLEEP 20'), login));
  assert.deepEqual([...new Set(answers.map(who))], ['kimi']);
  assert.deepEqual(await errors(r), [null, null]);
});

check('a new provider and its token are there at once, in whichever order they are written', async t => {
  const r = await router(t, { order: ['deepseek'] });
  const backup = `provider backup {\n  dialect = "anthropic"\n  url = "${r.sim.url('backup')}"\n  paid = true\n}\n`;
  const tokens = { ...stored, backup: 'sk-ant-api03-stored-backup' };
  r.writeTokens(tokens);
  await eventually('its name means nothing yet', async () => /:5: unknown name/.test((await errors(r))[1]));
  configure(r, { whole: (sim, r) => `tokens_file = "${r.tokensFile}"\n${backup}` });
  await eventually('both are in force', () => reloads(r) === 2);
  assert.deepEqual(await errors(r), [null, null]);
  assert.equal(who(await r.post(message())), 'backup');
  assert.equal((await r.sim.requests('backup')).at(-1).headers['x-api-key'], tokens.backup);
  configure(r, { whole: undefined });
  await eventually('the other one is in force', () => reloads(r) === 4);
  assert.match((await errors(r))[1], /:5: unknown name/, 'a name too many is told, and keeps nobody from it');
  assert.equal(who(await r.post(message())), 'deepseek');
});

check('limits, log and notices go by the new configuration', async t => {
  const r = await router(t, { tokens: keys, config: 'log_level = "error"\nmax_retries = 0\nhold = 0' });
  await r.post(message(), login);
  assert.equal(lines(r, 'event=request').length, 0);
  const script = r.file('told.sh');
  writeFileSync(script, `#!/bin/sh\necho "$ROUTER_EVENT $ROUTER_PROVIDER" >> ${r.dir}/told\n`);
  chmodSync(script, 0o755);
  await reload(r, { config: `log = "${r.file('own.log')}"\nlog_format = "json"\non_change = "${script}"\nretry_delay = 0\nmax_retries = 2\nhold = 0`, order: ['deepseek'] });
  await r.sim.next('deepseek', { fault: 'unavailable', times: 3 });
  assert.equal((await r.post(message(), login)).status, 429);
  assert.equal((await asked(r, 'deepseek'))[0], 3, 'two retries');
  const told = await eventually('the command is told', () => existsSync(r.file('told')) && readFileSync(r.file('told'), 'utf8'));
  assert.equal(told, 'left deepseek\n');
  const requests = readFileSync(r.file('own.log'), 'utf8').trim().split('\n').map(line => JSON.parse(line)).filter(l => l.event === 'request');
  assert.equal(requests.length, 1);
  assert.match(requests[0].attempts, /deepseek:503:retry deepseek:503:retry deepseek:503:cool/);
});

check('CLAUDE_API_KEY and what else the environment says stays', async t => {
  const key = 'sk-ant-api03-of-the-environment';
  const r = await router(t, { order: ['deepseek'], tokens: null, env: { CLAUDE_API_KEY: key, MAX_RETRIES: '0', RETRY_DELAY: '0' } });
  await reload(r, { order: ['claude_api'], config: 'max_retries = 5\nhold = 0' });
  await r.sim.next('claude_api', { fault: 'unavailable' });
  await r.post(message());
  const arrived = await r.sim.requests('claude_api');
  assert.deepEqual(arrived.map(a => a.headers['x-api-key']), [key], 'once, with that key');
});

check('who was chosen by hand and is no more is chosen no more', async t => {
  const r = await router(t, { tokens: keys });
  await r.switchTo('kimi');
  await reload(r, { order: ['deepseek', 'claude_pro', 'kimi'] });
  assert.equal((await r.status()).mode, 'manual');
  await reload(r, { order: ['deepseek', 'claude_pro'] });
  assert.equal((await r.status()).mode, 'auto');
  assert.ok(lines(r, 'kimi, chosen by hand, is no longer configured; switching back to automatic').length >= 1);
  assert.equal(who(await r.post(message(), login)), 'deepseek');
  await reload(r, { order: ['deepseek', 'kimi'] });
  assert.equal((await r.status()).mode, 'auto', 'and does not come back by itself');
});

check('a rest outlives the configuration that had its provider', async t => {
  const r = await router(t, { tokens: keys, order: ['deepseek', 'kimi'] });
  await r.sim.next('deepseek', { fault: 'balance' });
  assert.equal(who(await r.post(message())), 'kimi');
  await reload(r, { order: ['kimi'] });
  await reload(r, { order: ['deepseek', 'kimi'] });
  assert.equal((await r.status()).providers.deepseek.state, 'resting');
  assert.equal(who(await r.post(message())), 'kimi');
});

check('another state file waits for the next start, and the status says so', async t => {
  const whole = (sim, r) => `state_file = "${r.file(r.other ?? 'state')}"\n${r.usualConfig()}`;
  const r = await router(t, { tokens: keys, whole, env: { ROUTER_STATE_FILE: '' } });
  assert.equal((await r.status()).config.restart, null);
  r.other = 'other';
  configure(r, { order: ['kimi'] });
  await eventually('the rest of it is taken up', () => reloads(r) === 2);
  assert.equal((await r.status()).config.restart, `state_file = ${r.file('other')}: waits for the next start; until then ${r.file('state')}`);
  assert.equal(who(await r.post(message())), 'kimi');
  const run = await r.ctl('reload');
  assert.equal(run.code, 69, run.stderr);
  assert.match(run.stderr, /no responder runs with this state file/);
  r.other = 'state';
  await reload(r);
  assert.equal((await r.status()).config.restart, null);
});

// --- What cannot be used -------------------------------------------------------------------------------------------

check('a broken configuration leaves the old one in force and is shown until it is mended', async t => {
  const r = await router(t, { tokens: keys, order: ['kimi'] });
  const loaded = (await r.status()).config.loaded;
  writeFileSync(r.configFile, 'max_retries = 99\nretry_delay = "soon"\nprovider deepseek { }\n');
  await eventually('both log it', () => lines(r, 'the old configuration stays in force').length === 2);
  const { config, tokens_file } = await r.status();
  assert.match(config.error, /:1: max_retries = 99: .*\n.*:2: retry_delay = soon: /, 'all that is wrong');
  assert.equal(config.loaded, loaded);
  assert.match((await r.get('/metrics')).text, /^\S*config_last_reload_successful 0$/m);
  assert.equal(tokens_file.error, null);
  assert.equal(who(await r.post(message())), 'kimi');
  writeFileSync(r.configFile, 'provider deepseek {'); // half of it, as an editor may leave it for a moment
  await eventually('another error is another line', async () => /:1: /.test((await errors(r))[0]) && lines(r, 'the old configuration').length === 4);
  assert.equal(who(await r.post(message())), 'kimi');
  configure(r, { order: ['deepseek'] });
  await eventually('mended', () => reloads(r) === 2);
  assert.deepEqual(await errors(r), [null, null]);
  assert.equal(lines(r, 'the old configuration').length, 4, 'each error was told once by each process');
  assert.equal(who(await r.post(message())), 'deepseek');
});

check('a configuration that is gone is no reason for the defaults', async t => {
  const r = await router(t, { tokens: keys, order: ['kimi'] });
  rmSync(r.configFile);
  await eventually('the status tells', async () => (await errors(r))[0]);
  assert.equal(who(await r.post(message())), 'kimi');
  configure(r, {});
  await eventually('it is back', async () => (await errors(r))[0] === null);
});

check('tokens that are gone are gone', async t => {
  const r = await router(t, { tokens: keys, order: ['kimi'], procs: 1 });
  rmSync(r.tokensFile);
  await eventually('nobody has a credential', async () => (await r.post(message())).status === 403);
  r.writeTokens(keys);
  await eventually('they are back', async () => (await r.post(message())).status === 200);
});

check('a log that cannot be opened is an error of the configuration', async t => {
  const r = await router(t, { tokens: keys, order: ['kimi'], procs: 1 });
  configure(r, { config: `log = "${r.file('none/own.log')}"`, order: ['deepseek'] });
  const error = await eventually('the status tells', async () => (await errors(r))[0]);
  assert.match(error, /own\.log: No such file/);
  assert.equal(who(await r.post(message())), 'kimi');
  assert.equal(lines(r, 'event=request').length, 1, 'the log goes on where it was');
  const run = await r.ctl('reload');
  assert.equal(run.code, 75);
  assert.equal(run.stdout, '0 responders reloaded\n');
  assert.match(run.stderr, /process \d+ could not reload/);
  configure(r, { config: `log = "${r.file('own.log')}"` });
  await eventually('mended', async () => (await errors(r))[0] === null);
  assert.equal(who(await r.post(message())), 'deepseek');
});

// --- By order ------------------------------------------------------------------------------------------------------

check('ctl reload says all that is wrong, and asks nobody to take it up', async t => {
  const r = await router(t, { tokens: keys, order: ['kimi'] });
  writeFileSync(r.configFile, 'max_retries = 99\nretry_delay = "soon"\n');
  const bad = await r.ctl('reload');
  assert.equal(bad.code, 78);
  assert.equal(bad.stdout, '');
  assert.match(bad.stderr, /:1: max_retries = 99: .*\n.*:2: retry_delay = soon: /);
  configure(r, { order: ['deepseek'] });
  r.writeTokens('deepseek = sk-stored-deepseek\nkimi\n');
  const worse = await r.ctl('reload');
  assert.equal(worse.code, 78);
  assert.match(worse.stderr, /tokens\.txt:2: write name = value/);
  r.writeTokens(keys);
  await reload(r);
  assert.deepEqual(await errors(r), [null, null]);
  assert.equal(who(await r.post(message())), 'deepseek');
});

check('ctl reload takes up what looks unchanged, and waits for each of four', async t => {
  const r = await router(t, { tokens: keys, procs: 4 });
  await reload(r);
  assert.ok(reloads(r) >= 4, 'each has read it again');
  await reload(r);
  assert.ok(reloads(r) >= 8);
});

check('ctl reload without a responder says so', async t => {
  const r = await router(t, { tokens: keys });
  await r.server.part.stop();
  await eventually('nobody runs', async () => JSON.parse((await r.ctl('--json', 'status')).stdout).processes === 0);
  const run = await r.ctl('reload');
  assert.equal(run.code, 69);
  assert.match(run.stderr, /no responder runs/);
});

check('ctl reload names a responder that does not answer', async t => {
  const r = await router(t, { tokens: keys });
  const [, stopped] = r.pids();
  process.kill(stopped, 'SIGSTOP');
  try {
    const run = await r.ctl('reload');
    assert.equal(run.code, 75);
    assert.equal(run.stdout, '1 responder reloaded\n');
    assert.match(run.stderr, new RegExp(`process ${stopped} did not reload within 3 s`));
  } finally { process.kill(stopped, 'SIGCONT'); }
});

check('SIGHUP to a responder reloads it; to lighttpd, whose logs it cycles, it does no harm', async t => {
  const r = await router(t, { tokens: keys, order: ['deepseek'] });
  const before = r.pids();
  configure(r, { order: ['kimi'] });
  for (const pid of before) process.kill(pid, 'SIGHUP');
  await eventually('both take it up', () => reloads(r) >= 2);
  assert.equal(who(await r.post(message())), 'kimi');
  r.server.part.kill('SIGHUP');
  const answers = await many(20, () => ask(r, true));
  assert.deepEqual([...new Set(answers.map(a => a.status))], [200]);
  assert.deepEqual(r.pids(), before);
});

check('SIGHUP reloads a service of its own, and does not end it', async t => {
  const r = await router(t, { tokens: keys });
  const socket = r.file('own.sock');
  const service = new Part('claude-router', path.join(BUILD, 'claude-router'), ['--socket', socket], { env: r.env });
  t.after(() => service.stop('SIGKILL'));
  await eventually('it runs beside lighttpd’s', async () => (await r.status()).processes === r.procs + 1);
  service.kill('SIGHUP');
  await eventually('it takes up', () => service.output.includes('claude-router.conf: reloaded'));
  assert.ok(service.alive);
  service.kill('SIGTERM');
  assert.equal(await service.ended, 0);
});

check('50 reloads under load lose no request and leak nothing', { timeout: 240 }, async t => {
  const orders = [['claude_pro', 'deepseek', 'kimi'], ['kimi', 'claude_pro'], ['deepseek'], ['deepseek', 'kimi', 'claude_api', 'claude_pro']];
  const r = await router(t, { tokens: keys });
  let over = false, served = 0;
  const load = many(12, async i => {
    while (!over) {
      const answer = await ask(r, i % 3 !== 0, `SIM:SAY load ${i}`);
      assert.equal(answer.status, 200, String(answer.bytes));
      assert.equal(answer.text, `load ${i}`);
      served++;
    }
  });
  let failed;
  load.catch(error => { failed = error; });
  for (let n = 0; n < 50 && !failed; n++) {
    const [wanted, errors] = [reloads(r) + r.procs, lines(r, 'stays in force').length];
    const broken = n % 5 === 4;
    if (broken) writeFileSync(r.configFile, `provider nobody${n} { }\n`);
    else configure(r, { order: orders[n % orders.length], config: n % 2 ? 'max_retries = 2' : '' });
    r.writeTokens(n % 3 ? keys : { ...keys, claude_pro: stored.claude_pro });
    for (const pid of r.pids()) process.kill(pid, 'SIGHUP');
    await eventually(`reload ${n}`, () => failed || (broken ? lines(r, 'stays in force').length >= errors + r.procs : reloads(r) >= wanted), 20);
  }
  over = true;
  await load;
  assert.ok(served > 50, `${served} requests were served meanwhile`);
});
