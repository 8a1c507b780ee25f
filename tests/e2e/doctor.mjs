// SPDX-License-Identifier: MIT
// claude-router-ctl doctor: silent on a healthy installation; each planted fault is found, with what to type.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { Clock } from './lib/clock.mjs';
import { message } from './lib/client.mjs';
import { dayOf, fill } from './lib/ledger.mjs';
import { Part, command, connects, eventually, freePort } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';
import { BUILD, Simulator } from './lib/simulator.mjs';
import { children } from './lib/servers/common.mjs';

const PROGRAM = path.join(BUILD, 'claude-router-ctl');
const user = os.userInfo().username;

// --- An installation ----------------------------------------------------------------------------------------------------

// A healthy one: a router, cron's entry, a cron, Claude Code's settings. options: of router(), and
//   mend    function (configuration's text, simulator, router) → text
async function installation(t, { mend = text => text, ...options } = {}) {
  const r = await router(t, {
    problems: true, // the doctor asks the providers for no message: they find fault with that
    whole: (sim, self) => mend(configuration(sim, self), sim, self),
    ...options,
  });
  return new Installation(r);
}

const configuration = (sim, self) => [
  `tokens_file = "${self.tokensFile}"`, `state_file = "${self.state}"`, 'retry_delay = 0.02',
  `provider claude_pro {\n  url = "${sim.url('claude_pro')}"\n}`,
  ...['deepseek', 'kimi', 'claude_api'].map(name => `provider ${name} {\n  url = "${sim.url(name)}"\n}`),
].join('\n');

class Installation {
  constructor(r) {
    this.r = r;
    this.crontab = r.file('crontab');
    this.settings = r.file('claude/settings.json');
    this.proc = r.file('proc');
    mkdirSync(r.file('claude'));
    this.writeProcesses();
    this.writeCrontab(`0-4 * * * * ${user} ROUTER_STATE_FILE=${r.state} ${BUILD}/claude-router-check --config ${r.configFile}`);
    this.writeSettings({ ANTHROPIC_BASE_URL: r.url });
  }

  writeCrontab(entry) { writeFileSync(this.crontab, `SHELL=/bin/sh\n${entry}\n`, { mode: 0o644 }); }
  writeSettings(env) { writeFileSync(this.settings, typeof env === 'string' ? env : JSON.stringify({ env })); }

  // The processes that the doctor sees: this case's own, and those that it makes up.
  writeProcesses({ names = ['cron'], uid = process.getuid() } = {}) {
    rmSync(this.proc, { recursive: true, force: true });
    mkdirSync(this.proc);
    for (const pid of new Set([this.r.server.part.pid, ...children(this.r.server.part.pid), ...this.r.pids()])) symlinkSync(`/proc/${pid}`, path.join(this.proc, String(pid)));
    names.forEach((name, i) => this.makeUp(2_000_000_000 + i, name, uid));
  }

  // A responder of another user's.
  makeUpFor(pid) {
    rmSync(path.join(this.proc, String(pid)));
    this.makeUp(pid, 'claude-router', 65534);
  }

  makeUp(pid, name, uid) {
    const dir = path.join(this.proc, String(pid));
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir);
    writeFileSync(path.join(dir, 'status'), `Name:\t${name}\nPPid:\t1\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    return dir;
  }

  // The same installation with another configuration beside the one that its responders read.
  otherConfig(mend) {
    const file = this.r.file('other.conf');
    writeFileSync(file, mend(readFileSync(this.r.configFile, 'utf8')));
    return file;
  }

  // url: null: where the doctor looks by itself; as: [program, argument…] to start it by
  run({ args = [], env = {}, url = this.r.url, config = this.r.configFile, clock, as = [] } = {}) {
    const all = ['--config', config, 'doctor', ...(url ? ['--url', url] : []), '--crontab', this.crontab, '--settings', this.settings, '--proc', this.proc, ...args];
    const clockEnv = clock ? { TEST_CLOCK_FILE: clock.file } : {};
    const [program, ...words] = [...as, PROGRAM, ...all];
    return command(program, words, { env: { ...this.r.clockEnv, ...clockEnv, ...env }, timeout: 50 });
  }

  // What is found, by id. No credential is told.
  async look(options = {}) {
    const { args = [], ...rest } = options;
    const run = await this.run({ args: ['--json', ...args], ...rest });
    for (const value of Object.values(stored)) assert.ok(!run.stdout.includes(value), `a credential is told:\n${run.stdout}`);
    assert.equal(run.stderr, '');
    const all = JSON.parse(run.stdout);
    return { code: run.code, all, find: id => all.find(one => one.id === id), ids: all.filter(one => one.severity !== 'note').map(one => one.id) };
  }

  // The fault is found, is wrong enough for the exit status, and its cure holds this text.
  async finds(id, cure, options) {
    const found = await this.look(options);
    const finding = found.find(id);
    assert.ok(finding, `${id} is not among ${JSON.stringify(found.all, null, 1)}`);
    assert.ok(finding.cure.includes(cure), `${id}: expected … ${cure} …, got ${finding.cure}`);
    assert.ok(['error', 'warning'].includes(finding.severity), `${id}: ${finding.severity}`);
    assert.equal(found.code, 1);
    return found;
  }
}

// Another web server in front or beside; .url
async function lighttpd(t, r, text) {
  const port = await freePort();
  const file = r.file(`lighttpd-${port}.conf`);
  writeFileSync(file, `server.bind = "127.0.0.1"\nserver.port = ${port}\nserver.document-root = "${r.dir}"\n${text}\n`);
  const part = new Part('lighttpd', 'lighttpd', ['-D', '-f', file]);
  t.after(() => part.stop());
  await part.until(() => connects(port));
  return `http://127.0.0.1:${port}`;
}

async function webServer(t, answer) {
  const server = http.createServer(answer);
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise(resolve => { server.closeAllConnections(); server.close(resolve); }));
  return `http://127.0.0.1:${server.address().port}`;
}

// --- Healthy ------------------------------------------------------------------------------------------------------------

// name: of its files; made: how long ago its certificate, for two days, was made
async function simulatorWithTls(t, r, name, ago = '0s') {
  const [key, certificate] = [r.file(`${name}.key`), r.file(`${name}.pem`)];
  const then = new Clock(r.file(`${name}.clock`));
  then.forward(`-${ago}`);
  const made = await command('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=simulator', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
  { env: { ...r.clockEnv, TEST_CLOCK_FILE: then.file } });
  assert.equal(made.code, 0, made.stderr);
  mkdirSync(r.file(name));
  const sim = await Simulator.start(t, r.file(name), { args: ['--tls-cert', certificate, '--tls-key', key] });
  return Object.assign(sim, { certificate });
}

check('a healthy installation: nothing is printed, exit status 0', async t => {
  const i = await installation(t);
  const run = await i.run();
  assert.equal(run.stdout, '');
  assert.equal(run.stderr, '');
  assert.equal(run.code, 0);
  assert.deepEqual((await i.look({ url: `${i.r.url}/` })).ids, []);
  const requests = await i.r.sim.requests('deepseek');
  assert.ok(requests.every(request => request.method === 'HEAD' && !request.headers.authorization && !request.headers['x-api-key']),
    'providers are asked for nothing, with no credential');
  assert.equal((await i.r.status()).failover_count, 0);
  assert.ok(!/self_test/.test(i.r.log()), 'no noise in the log');
});

check('for people: what is wrong, and the line to type', async t => {
  const i = await installation(t);
  chmodSync(i.r.tokensFile, 0o644);
  const run = await i.run();
  assert.equal(run.code, 1);
  assert.match(run.stdout, /^error: .*tokens\.txt: mode 0644 .*\(tokens-mode\)\n {4}sudo chmod 640 .*tokens\.txt\n/m);
});

// --- Files --------------------------------------------------------------------------------------------------------------

check('configuration: all mistakes at once', async t => {
  const i = await installation(t);
  const config = i.otherConfig(text => `max_retries = 99\nhold = "soon"\n${text}`);
  const found = await i.finds('config', `claude-router --config ${config} --check-config`, { config });
  const mistakes = found.all.filter(one => one.id === 'config').map(one => one.what);
  assert.equal(mistakes.length, 2);
  assert.match(mistakes[0], /:1: max_retries = 99/);
  assert.match(mistakes[1], /:2: hold/);
});

check('tokens.txt: missing, wrong mode, unknown name, no credential, an example', async t => {
  const i = await installation(t);
  const { r } = i;
  r.writeTokens('deepsek = sk-stored-deepseek\n');
  await i.finds('tokens-content', `claude-router --config ${r.configFile} --check-config`);
  await eventually('the responder has seen it', async () => (await r.status()).tokens_file.error !== null);
  const old = await i.finds('responder-tokens', 'within a second');
  assert.match(old.find('responder-tokens').what, /old credentials/);
  r.writeTokens('');
  await i.finds('tokens-none', `write into ${r.tokensFile}: deepseek =`);
  r.writeTokens('deepseek = YOUR_DEEPSEEK_KEY\n');
  const example = await i.finds('tokens-placeholder', 'deepseek =');
  assert.ok(!JSON.stringify(example.all).includes('YOUR_DEEPSEEK_KEY'), 'no value is told');
  for (const admin of ['A_LONG_RANDOM_TEXT', 'hunter2']) {
    r.writeTokens({ ...stored, admin_token: admin });
    const guessed = await i.finds('tokens-admin', 'openssl rand -hex 16');
    assert.ok(!JSON.stringify(guessed.all).includes(admin), 'no value is told');
  }
  r.writeTokens(stored);
  chmodSync(r.tokensFile, 0o604);
  await i.finds('tokens-mode', `chmod 600 ${r.tokensFile}`);
  rmSync(r.tokensFile);
  await i.finds('tokens-missing', `sudo install -m 0600 -o ${user} `);
});

check('files that the responder’s user may not use', async t => {
  const i = await installation(t);
  for (const pid of i.r.pids()) i.makeUpFor(pid);
  await i.finds('tokens-owner', 'sudo chown nobody:nogroup ' + i.r.tokensFile);
  await i.finds('state-directory', 'sudo install -d -o nobody -g nogroup -m 0750 ');
  await i.finds('state-owner', 'sudo chown nobody:nogroup ' + i.r.state);
});

check('what may not be read is reported, and is no fault: exit status 2', async t => {
  if (process.getuid() !== 0) t.skip('needs root, to become somebody else');
  const i = await installation(t);
  const as = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--'];
  const probe = await command(as[0], [...as.slice(1), PROGRAM, '--version'], { env: i.r.clockEnv });
  if (probe.code !== 0) t.skip(`nobody may not run the program here: ${probe.stderr.trim()}`);
  chmodSync(i.r.dir, 0o711);
  const run = await i.run({ as });
  assert.match(run.stdout, /^unknown: .*tokens\.txt: this user may not read it \(not-allowed\)\n {4}sudo claude-router-ctl doctor$/m);
  assert.doesNotMatch(run.stdout, /^(error|warning):/m);
  assert.equal(run.code, 2);
});

check('state: no directory, damaged, set aside, not the responders’', async t => {
  const i = await installation(t);
  const at = file => i.otherConfig(text => text.replace(/^state_file = .*/m, `state_file = "${file}"`));
  await i.finds('state-directory', `sudo install -d -o ${user} `, { config: at(i.r.file('nowhere/state')) });
  writeFileSync(i.r.file('damaged'), 'x'.repeat(212992));
  await i.finds('state-damaged', `sudo mv ${i.r.file('damaged')} `, { config: at(i.r.file('damaged')) });
  writeFileSync(`${i.r.state}.bad-1795460400`, '');
  await i.finds('state-set-aside', `sudo rm ${i.r.state}.bad-*`);
  const made = await command(path.join(BUILD, 'claude-router-check'), ['--config', at(i.r.file('another'))], { env: i.r.clockEnv });
  assert.equal(made.code, 0, made.stderr);
  await i.finds('state-other', 'state_file', { config: at(i.r.file('another')) });
});

check('a log that the responder’s user may not write', async t => {
  const i = await installation(t), log = file => i.otherConfig(text => `log = "${file}"\n${text.replace(/^log = .*/m, '')}`);
  await i.finds('log', `sudo install -d -o ${user} `, { config: log(i.r.file('nowhere/router.log')) });
  for (const pid of i.r.pids()) i.makeUpFor(pid);
  writeFileSync(i.r.file('theirs.log'), '', { mode: 0o600 });
  await i.finds('log', `sudo chown nobody:nogroup ${i.r.file('theirs.log')}`, { config: log(i.r.file('theirs.log')) });
});

check('a log that the responder’s user may not write', async t => {
  const i = await installation(t), log = file => i.otherConfig(text => `log = "${file}"\n${text.replace(/^log = .*/m, '')}`);
  await i.finds('log', `sudo install -d -o ${user} `, { config: log(i.r.file('nowhere/router.log')) });
  for (const pid of i.r.pids()) i.makeUpFor(pid);
  writeFileSync(i.r.file('theirs.log'), '', { mode: 0o600 });
  await i.finds('log', `sudo chown nobody:nogroup ${i.r.file('theirs.log')}`, { config: log(i.r.file('theirs.log')) });
});

check('access = "keys" without a key', async t => {
  const i = await installation(t);
  const config = i.otherConfig(text => `access = "keys"\nkeys_file = "${i.r.file('keys')}"\n${text}`);
  await i.finds('keys-missing', 'claude-router-ctl key add NAME', { config });
  writeFileSync(i.r.file('keys'), '# none yet\n', { mode: 0o600 });
  await i.finds('keys-missing', 'claude-router-ctl key add NAME', { config });
  writeFileSync(i.r.file('keys'), 'anna\n');
  await i.finds('keys-content', `claude-router --config ${config} --check-config`, { config });
});

check('access = "open" with a keys file that cannot be used', async t => {
  const i = await installation(t, { mend: (text, sim, self) => `keys_file = "${self.file('keys')}"\n${text}` });
  writeFileSync(i.r.file('keys'), '# none yet\n', { mode: 0o600 });
  assert.deepEqual((await i.look()).ids, [], 'nobody needs a key');
  writeFileSync(i.r.file('keys'), 'anna\n');
  await i.finds('keys-content', `claude-router --config ${i.r.configFile} --check-config`);
  await eventually('the responder has seen it', async () => (await i.r.status()).keys_file.error !== null);
  const found = await i.finds('responder-keys', 'within a second');
  assert.match(found.find('responder-keys').what, /keys:1/);
});

check('variables that differ from the file', async t => {
  const i = await installation(t);
  await i.finds('environment', 'unset ROUTER_STATE_FILE', { env: { ROUTER_STATE_FILE: i.r.file('another') } });
  await i.finds('environment', 'unset MAX_RETRIES', { env: { MAX_RETRIES: '9' } });
  assert.deepEqual((await i.look({ env: { ROUTER_STATE_FILE: i.r.state, RETRY_DELAY: '0.02' } })).ids, []);
});

// --- cron ---------------------------------------------------------------------------------------------------------------

check('cron: no entry, other times, another file, another user, a mode that cron refuses, no cron', async t => {
  const i = await installation(t);
  const { r } = i;
  const entry = readFileSync(i.crontab, 'utf8').split('\n')[1];
  const again = `claude-router-check --config ${r.configFile} --print-crontab | sudo tee ${i.crontab}`;
  const wrong = async (id, text, cure = again) => { i.writeCrontab(text); await i.finds(id, cure); };
  await wrong('cron-times', entry.replace('0-4', '30'));
  await wrong('cron-config', entry.replace(r.configFile, '/etc/other.conf'));
  await wrong('cron-state', entry.replace(r.state, '/var/other'));
  await wrong('cron-program', entry.replace(BUILD, '/nowhere'));
  await wrong('cron-user', entry.replace(` ${user} `, ' daemon '), `write ${user} instead of daemon in`);
  await wrong('cron-missing', `#${entry}`);
  rmSync(i.crontab);
  await i.finds('cron-missing', again);
  i.writeCrontab(entry);
  chmodSync(i.crontab, 0o664);
  await i.finds('cron-mode', `sudo chmod 644 ${i.crontab}`);
  chmodSync(i.crontab, 0o644);
  i.writeProcesses({ names: [] });
  await i.finds('cron-dead', 'sudo systemctl enable --now cron');
});

check('cron: Claude Pro is paused and no health check ran for hours', async t => {
  const i = await installation(t);
  await i.r.sim.next('claude_pro', { fault: 'usage_limit', reset: 18000 });
  await i.r.post(message());
  assert.deepEqual((await i.look()).ids.filter(id => id.startsWith('cron')), [], 'a rest is no fault');
  i.r.clock.forward('3h');
  await i.finds('cron-late', 'claude-router-check --dry-run');
});

// --- The web server -----------------------------------------------------------------------------------------------------

check('no web server, no responder behind it, another site, another program, an older router', async t => {
  const i = await installation(t);
  await i.finds('server-down', 'sudo systemctl restart lighttpd', { url: `http://127.0.0.1:${await freePort()}` });
  const dead = `server.modules = ( "mod_fastcgi" )\nfastcgi.server = ( "/" => ( ( "socket" => "${i.r.file('dead.sock')}", "check-local" => "disable" ) ) )`;
  await i.finds('responder-down', 'claude-router --check-config', { url: await lighttpd(t, i.r, dead) });
  await i.finds('server-other', 'lighty-enable-mod claude-router', { url: await lighttpd(t, i.r, '') });
  const older = await webServer(t, (request, response) => {
    const known = request.url.startsWith('/health');
    response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
    response.end(known ? '{"status":"healthy","failover_count":0}' : '{"type":"error","error":{"type":"not_found_error"}}');
  });
  await i.finds('responder-version', 'sudo systemctl restart lighttpd', { url: older });
});

check('a prefix that is not removed; a proxy in front', async t => {
  const i = await installation(t);
  const socket = readFileSync(i.r.file('lighttpd.conf'), 'utf8').includes('router.sock') && i.r.file('router.sock-0');
  assert.ok(existsSync(socket), socket);
  const prefixed = `server.modules = ( "mod_fastcgi" )\nfastcgi.server = ( "/claude-router/" => ( ( "socket" => "${socket}", "check-local" => "disable" ) ) )`;
  await i.finds('server-prefix', '"strip-request-uri" => "/claude-router"', { url: `${await lighttpd(t, i.r, prefixed)}/claude-router` });
  const port = i.r.url.split(':').at(-1);
  const front = `server.modules = ( "mod_proxy" )\nserver.stream-response-body = 2\nproxy.server = ( "" => ( ( "host" => "127.0.0.1", "port" => ${port} ) ) )`;
  const url = await lighttpd(t, i.r, front);
  const found = await i.finds('server-admin', 'trusted_proxies = { "127.0.0.1" }', { url });
  assert.ok(found.find('server-unasked'), 'and it says that it could not go on');
  i.r.writeTokens({ ...stored, admin_token: 'a-long-random-text-of-the-admin' });
  await eventually('the admin token gets it further', async () => (await i.look({ url })).find('server-unasked') === undefined);
});

// Somebody who answers as a router in front of which something stands; tells at its end what was shown to him. The rest
// of the command line is what to run beside him.
const LISTENER = `
  const shown = [];
  require('http').createServer((request, response) => {
    request.resume();
    shown.push(JSON.stringify(request.headers));
    const health = request.url.startsWith('/health');
    response.writeHead(health ? 200 : 403, { 'content-type': 'application/json' });
    response.end(health ? '{"status":"healthy","failover_count":0}' : '{}');
  }).listen(8000, '127.0.0.1', () => {
    const { LISTENER_PRELOAD, ...env } = process.env;
    require('child_process').spawn(process.argv[1], process.argv.slice(2), { env: { ...env, LD_PRELOAD: LISTENER_PRELOAD }, stdio: 'ignore' })
      .on('exit', () => { console.log(shown.join('\\n')); process.exit(0); });
  });`;

check('the admin token is not sent to another program that listens at the usual URL', async t => {
  const inside = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
  if ((await command(inside[0], [...inside.slice(1), 'true'])).code !== 0) t.skip('no network of its own may be made here');
  const i = await installation(t);
  i.r.writeTokens({ ...stored, admin_token: 'a-long-random-text-of-the-admin' });
  const env = { LD_PRELOAD: '', LISTENER_PRELOAD: i.r.clockEnv.LD_PRELOAD };
  const shown = async url => (await i.run({ url, env, as: [...inside, process.execPath, '-e', LISTENER] })).stdout;
  const unnamed = await shown(null);
  assert.match(unnamed, /Bearer doctor/, 'it got the requests');
  assert.doesNotMatch(unnamed, /a-long-random-text/);
  assert.match(await shown('http://127.0.0.1:8000'), /a-long-random-text/, 'to a place that was named it is');
});

check('errors that the router reports of its files are fit for a terminal', async t => {
  const i = await installation(t);
  const answers = {
    '/health': '{"status":"healthy","failover_count":0}',
    '/v1/self-test': 'event: request\ndata: {"at_ms":0,"pid":1,"authorization":true,"version":"?"}\n\n',
    '/v1/status': JSON.stringify({ providers: {}, tokens_file: { error: '\x1b[2Jtokens' }, keys_file: { error: '\x1b[2Jkeys' }, config: { error: '\x1b[2Jconfig' } }),
  };
  const url = await webServer(t, (request, response) => {
    request.resume();
    request.on('end', () => response.end(answers[request.url.split('?')[0]]));
  });
  const { stdout } = await i.run({ url });
  for (const name of ['tokens', 'keys', 'config']) assert.match(stdout, new RegExp(`\\[2J${name} \\(responder-${name}\\)`));
  assert.ok(!stdout.includes('\x1b'), JSON.stringify(stdout));
});

const changed = (from, to) => text => { assert.match(text, from); return text.replace(from, to); };

check('a web server that buffers events', async t => {
  const i = await installation(t, { lighttpd: changed(/server.stream-response-body = 2/, 'server.stream-response-body = 0') });
  await i.finds('server-buffers', 'server.stream-response-body = 2');
});

check('a web server that refuses large requests', async t => {
  const i = await installation(t, { lighttpd: changed(/server.max-request-size = 34816/, 'server.max-request-size = 1024') });
  await i.finds('server-body-limit', 'server.max-request-size = 34816');
});

check('a web server that removes Authorization', async t => {
  const i = await installation(t, {
    lighttpd: text => `${changed(/"mod_fastcgi" \)/, '"mod_setenv", "mod_fastcgi" )')(text)}\nsetenv.set-request-header = ( "Authorization" => "" )\n`,
  });
  await i.finds('server-authorization', 'Authorization');
});

check('a web server that does not report a disconnect', async t => {
  const i = await installation(t, { procs: 1, lighttpd: changed(/"tcp-fin-propagate" => "enable",/, '') });
  await i.finds('server-abort', '"tcp-fin-propagate" => "enable"');
});

check('a web server that ends silences', { timeout: 120 }, async t => {
  const i = await installation(t, { lighttpd: changed(/server.max-write-idle = 900/, 'server.max-write-idle = 2') });
  await i.finds('server-silence', 'server.max-write-idle = 900', { args: ['--silence', '20'] });
});

check('a silence that the web server allows', async t => {
  const i = await installation(t);
  assert.deepEqual((await i.look({ args: ['--silence', '2'] })).ids, []);
});

check('a responder that accepts less than the configuration says', async t => {
  const i = await installation(t, { mend: text => `max_request_bytes = "1M"\n${text}` });
  await i.finds('responder-config', 'restart', { config: i.otherConfig(text => text.replace('"1M"', '"2M"')) });
});

check('the self-test: event by event, for admins only, without a provider, ended by a disconnect', async t => {
  const r = await router(t, { procs: 1 });
  const test = (headers = {}, query = '') => r.post('x'.repeat(100_000), headers, `/v1/self-test${query}`);
  assert.equal((await test({ 'x-forwarded-for': '10.0.0.1' })).status, 403);
  assert.equal((await r.get('/v1/self-test')).status, 405);
  const answer = await test({ authorization: 'Bearer nothing-of-this-comes-back' });
  assert.equal(answer.headers['content-type'], 'text/event-stream');
  assert.ok(!answer.text.includes('nothing-of-this'));
  const events = answer.text.trim().split('\n\n');
  assert.deepEqual(events.map(event => event.split('\n')[0]), ['event: request', ...Array(4).fill('event: tick')]);
  const first = JSON.parse(events[0].split('data: ')[1]);
  assert.deepEqual({ ...first, at_ms: 0, version: '' }, { at_ms: 0, version: '', pid: r.pids()[0], body_bytes: 100_000, authorization: true, address: '127.0.0.1', silences: 0 });
  const leaving = await r.stream('{}', {}, '/v1/self-test?silence=600');
  await leaving.next();
  assert.match((await test()).text, /"silences":1/);
  leaving.leave();
  await eventually('it is forgotten', async () => /"silences":0/.test((await test()).text));
  const silent = await Promise.all(Array.from({ length: 16 }, () => r.stream('{}', {}, '/v1/self-test?silence=600')));
  await Promise.all(silent.map(s => s.next()));
  const refused = await test({}, '?silence=1');
  assert.equal(refused.status, 503, refused.text);
  assert.equal(refused.headers['retry-after'], '2');
  assert.match(r.log(), /event=refused .*path=\/v1\/self-test status=503 why="Too many self-tests are running/);
  assert.match((await test()).text, /"silences":16/, 'who is not silent is served');
  for (const s of silent) s.leave();
  await eventually('there is room again', async () => /"silences":0/.test((await test()).text));
  for (const name of ['claude_pro', 'deepseek']) assert.equal((await r.sim.requests(name)).length, 0);
  assert.equal((await r.status()).providers.claude_pro.requests, 0);
});

check('an invalid --silence: exit status 64, and what is allowed', async t => {
  const i = await installation(t);
  for (const silence of ['abc', '0', '601', '-5', '5s', '']) {
    const run = await i.run({ args: ['--silence', silence] });
    assert.equal(run.code, 64, `${silence}: ${run.stdout}`);
    assert.match(run.stderr, /1 to 600/);
  }
});

// --- Processes ----------------------------------------------------------------------------------------------------------

check('a responder whose program was replaced; scripts of the same user', async t => {
  const i = await installation(t);
  i.writeProcesses({ names: ['cron', 'php-fpm8.2'] });
  await i.finds('shared-user', '--socket');
  i.writeProcesses({ names: ['cron', 'php-fpm8.2'], uid: 12345 });
  const note = (await i.look()).find('shared-user');
  assert.deepEqual([note.id, note.severity], ['shared-user', 'note'], 'without scripts it is a note, and no fault');
  const [pid] = i.r.pids();
  rmSync(path.join(i.proc, String(pid)));
  symlinkSync('/usr/lib/claude-router/claude-router (deleted)', path.join(i.makeUp(pid, 'claude-router', process.getuid()), 'exe'));
  await i.finds('responder-replaced', 'sudo systemctl restart lighttpd');
});

// --- Providers ----------------------------------------------------------------------------------------------------------

check('providers: connection refused, no TLS, certificates that are untrusted, for another name, expired', async t => {
  const i = await installation(t);
  const [good, expired] = [await simulatorWithTls(t, i.r, 'good'), await simulatorWithTls(t, i.r, 'expired', '10d')];
  const asked = (url, more = '') => i.otherConfig(text => text.replace(/provider kimi \{\n[^}]*/, `provider kimi {\n  url = "${url}"\n  ${more}\n`));
  const tls = (sim, host = '127.0.0.1') => `https://${host}:${sim.ports.tls.kimi}`;
  // Cron's entry names the other configuration file: that is not what is looked at here.
  const trusting = sim => `ca_file = "${sim.certificate}"`;
  assert.deepEqual((await i.look({ config: asked(tls(good), trusting(good)) })).ids, ['cron-config'], 'all is well over TLS');
  await i.finds('provider-refused', 'url', { config: asked(`http://127.0.0.1:${await freePort()}`) });
  await i.finds('provider-proxy', 'fix proxy', { config: asked(tls(good), `proxy = "http://127.0.0.1:${await freePort()}"`) });
  await i.finds('provider-tls', 'https or http', { config: asked((await webServer(t, (request, response) => response.end())).replace('http', 'https')) });
  await i.finds('provider-certificate-unknown', 'ca_file', { config: asked(tls(good)) });
  await i.finds('provider-certificate-name', 'openssl s_client -connect localhost', { config: asked(tls(good, 'localhost'), trusting(good)) });
  await i.finds('provider-certificate-expired', 'date', { config: asked(tls(expired), trusting(expired)) });
});

check('a clock that is wrong', async t => {
  const i = await installation(t);
  const provider = await webServer(t, (request, response) => response.writeHead(404).end());
  const config = i.otherConfig(text => text.replace(/provider kimi \{\n[^}]*/, `provider kimi {\n  url = "${provider}"\n`));
  assert.equal((await i.look({ config })).find('clock'), undefined);
  const clock = new Clock(i.r.file('wrong-clock'));
  clock.forward('1h');
  const found = await i.finds('clock', 'sudo timedatectl set-ntp true', { config, clock });
  assert.match(found.find('clock').what, /(59|60|61) minutes ahead/);
});

check('a stored credential that is rejected', async t => {
  const i = await installation(t);
  await i.r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await i.r.sim.next('deepseek', { fault: 'unauthorized', times: -1 });
  await i.r.post(message());
  await i.finds('credential-refused', `deepseek = in ${i.r.tokensFile}`);
});

// --- Money --------------------------------------------------------------------------------------------------------------

check('the ledger: foreign, not the responders’, in a directory that is not theirs', async t => {
  const i = await installation(t);
  const elsewhere = i.r.file('elsewhere/usage.db');
  const config = i.otherConfig(text => `ledger = "${elsewhere}"\n${text}`);
  await i.finds('ledger-directory', `sudo install -d -o ${user} `, { config });
  writeFileSync(i.r.file('usage.db'), 'no database, but long enough to have a header '.repeat(100));
  const found = await i.finds('ledger-unusable', `sudo mv ${i.r.file('usage.db')}* `);
  assert.match(found.find('ledger-unusable').what, /not a database/);
  const off = await i.look({ config: i.otherConfig(text => `ledger = "off"\n${text}`) });
  assert.ok(!off.ids.some(id => id.startsWith('ledger')), String(off.ids));
  i.writeProcesses(); // by now all of them run
  for (const pid of i.r.pids()) i.makeUpFor(pid);
  await i.finds('ledger-owner', `sudo chown nobody:nogroup ${i.r.file('usage.db')}`);
});

check('a responder that cannot record usage', async t => {
  const i = await installation(t, { mend: (text, sim, self) => `ledger = "${self.file('nowhere/usage.db')}"\nledger_flush = "1s"\n${text}` });
  await i.r.post(message());
  await eventually('the responder has noticed', async () => {
    for (let n = 0; n < 4; n++) if ((await i.r.status()).ledger.why) return true; // it is one of two
    return false;
  });
  await eventually('the doctor, too', async () => (await i.look()).find('responder-ledger'));
  await i.finds('ledger-directory', i.r.file('nowhere'));
});

check('prices: a mistake, old ones, and a model that has none', async t => {
  const i = await installation(t, { mend: (text, sim, self) => `prices_file = "${self.file('prices')}"\n${text}` });
  const today = dayOf(i.r.clock.now());
  const prices = text => i.r.write('prices', text);
  await fill(i.r.file('usage.db'), { day: [
    { day: today, served: 'kimi-k4', provider: 'kimi', unknown: 1 },
    { day: today, served: 'kimi-k3', provider: 'kimi', unknown: 1 },
    { day: today, served: 'deepseek-v9', cost: 1 },
    { day: dayOf(i.r.clock.now() - 7 * 86_400_000), served: 'kimi-k2', provider: 'kimi', unknown: 1 },
  ] });
  prices(`checked ${new Date(i.r.clock.now()).toISOString().slice(0, 10)}\nkimi:kimi-k3 in=1 out=2\n`);
  const found = await i.finds('price-missing', `write into ${i.r.file('prices')}, in dollars for 1M tokens: kimi-k4 in=`);
  assert.deepEqual(found.ids, ['price-missing'], 'kimi-k3 has a price, kimi-k2 was used eight days ago');
  prices('kimi-* in=1 out=2\nchecked 2026-01-02\n');
  const old = await i.finds('prices-old', `write what has changed into ${i.r.file('prices')}`);
  assert.match(old.find('prices-old').what, /2026-01-02/);
  prices('kimi-* in=1\n');
  await i.finds('prices-content', 'man claude-router.conf');
});

check('caps: a model that has no price, and a provider that has no cap', async t => {
  const i = await installation(t);
  const hint = (await i.look()).find('cap-none');
  assert.equal(hint.severity, 'note');
  assert.match(hint.what, /costs money/);
  assert.match(hint.cure, /daily_cap = "5"/);
  i.r.write('prices', `checked ${new Date(i.r.clock.now()).toISOString().slice(0, 10)}\ndeepseek-* in=1 out=2\nkimi-k3 in=1 out=2\n`);
  const config = i.otherConfig(text => `daily_cap = "5"\nprices_file = "${i.r.file('prices')}"\n${text.replace(/(provider kimi \{)/, '$1\n  models = { "*=kimi-k3|kimi-k9" }')}`);
  const found = await i.finds('cap-price', `write into ${i.r.file('prices')}, in dollars for 1M tokens: kimi-k9 in=`, { config });
  assert.equal(found.find('cap-none'), undefined);
  assert.deepEqual(found.all.filter(one => one.id === 'cap-price').length, 1, 'the others’ models have prices');
});

// --- Claude Code --------------------------------------------------------------------------------------------------------

check('Claude Code’s variables: in the shell and in its settings', async t => {
  const i = await installation(t, { tokens: { deepseek: stored.deepseek } });
  const { url } = i.r;
  const key = 'sk-ant-api03-somebody';
  const found = await i.finds('claude-own-key', 'unset ANTHROPIC_API_KEY', { env: { ANTHROPIC_API_KEY: key } });
  assert.ok(!JSON.stringify(found.all).includes(key));
  await i.finds('claude-elsewhere', 'unset CLAUDE_CODE_USE_BEDROCK', { env: { CLAUDE_CODE_USE_BEDROCK: '1' } });
  await i.finds('claude-api-url', `export ANTHROPIC_BASE_URL=${url}`, { env: { ANTHROPIC_API_URL: url } });
  await i.finds('claude-proxy', 'export NO_PROXY=127.0.0.1', { env: { HTTP_PROXY: 'http://gateway.example:3128' } });
  assert.deepEqual((await i.look({ env: { HTTP_PROXY: 'http://gateway.example:3128', NO_PROXY: 'localhost,127.0.0.1' } })).ids, []);
  const settings = async (id, cure, env) => { i.writeSettings(env); await i.finds(id, cure); };
  await settings('claude-own-key', `delete ANTHROPIC_AUTH_TOKEN from env in ${i.settings}`, { ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: 'x' });
  await settings('claude-base-url', `export ANTHROPIC_BASE_URL=${url}`, { ANTHROPIC_BASE_URL: `${url}/v1/messages` });
  await settings('claude-base-url', `export ANTHROPIC_BASE_URL=${url}`, { ANTHROPIC_BASE_URL: `http://127.0.0.1:${await freePort()}` });
  await settings('claude-base-url-missing', `export ANTHROPIC_BASE_URL=${url}`, {});
  await settings('claude-settings', `python3 -m json.tool ${i.settings}`, '{ "env": { ');
  i.writeSettings({});
  assert.deepEqual((await i.look({ env: { ANTHROPIC_BASE_URL: url } })).ids, [], 'the shell’s is enough');
});
