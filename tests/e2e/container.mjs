// SPDX-License-Identifier: MIT
// The container: the image of the Dockerfile, started with exactly the settings of compose.yaml.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, get, message, post, stream, textOf } from './lib/client.mjs';
import { Clock } from './lib/clock.mjs';
import { CANNOT, Container, USER, compose } from './lib/container.mjs';
import { command, eventually, freePort } from './lib/parts.mjs';
import { TOP, providers } from './lib/router.mjs';
import { BUILD, Simulator } from './lib/simulator.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const tokens = 'claude_pro = sk-ant-oat01-stored-claude-pro\ndeepseek = sk-stored-deepseek\n';
const who = answer => answer.headers['x-router-provider'];

// A case with an image: given c, a container that was not started yet, and the simulated providers in its configuration.
function within(name, options, body) {
  check(name, { timeout: 120, skip: CANNOT }, async t => {
    const dir = mkdtempSync(path.join(tmpdir(), 'cr-container-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const sim = await Simulator.start(t, dir);
    const c = new Container(t, dir, { port: await freePort(), ...options });
    c.sim = sim;
    c.url = `http://127.0.0.1:${c.port}`;
    c.configure();
    await body(c, t);
  });
}

// The container's own configuration, as a person continues it beside compose.yaml.
Container.prototype.configure = function (more = '') {
  const sections = providers.map(name => `provider ${name} {\n  url = "${this.sim.url(name)}"\n}\n`).join('');
  this.write('claude-router.conf', readFileSync(path.join(TOP, 'conf/container/claude-router.conf'), 'utf8') + more + sections, 0o644);
};
Container.prototype.ask = function (headers = {}) { return post(`${this.url}/v1/messages`, message(), headers); };

// Its state as the host sees the volume.
const stateFile = c => path.join(c.dir, 'volume-state/state');

within('a message through it, and its line in the log', {}, async c => {
  c.write('tokens.txt', tokens);
  await c.start();
  const answer = await c.ask();
  assert.equal(answer.status, 200, answer.text);
  assert.equal(who(answer), 'claude_pro');
  assert.equal((await c.sim.requests('claude_pro'))[0].headers.authorization, 'Bearer sk-ant-oat01-stored-claude-pro');
  await eventually('the request is in the log', () => /event=request .* provider=claude_pro .* status=200/.test(c.log()));
  assert.equal((await c.exec('claude-router-ctl', 'status')).code, 0);
  const doctor = await c.exec('claude-router-ctl', 'doctor', '--url', c.url);
  assert.equal(doctor.code, 0, doctor.stdout);
});

within('only the small part is root, and that with few capabilities', {}, async c => {
  c.write('tokens.txt', tokens);
  await c.start();
  const numbers = { chown: 0, dac_override: 1, kill: 5, setgid: 6, setuid: 7 };
  const mask = compose().services.router.cap_add.reduce((sum, name) => sum + 2 ** numbers[name.toLowerCase()], 0);
  await eventually('the messenger, which has nothing to share, ends', () => !c.processes().some(p => p.name.startsWith('claude-router-s')));
  const processes = c.processes();
  assert.deepEqual(processes.filter(p => p.uid === 0).map(p => p.name).sort(), ['cron', 'start']);
  assert.deepEqual(processes.filter(p => p.uid === USER).map(p => p.name).sort(), ['claude-router', 'claude-router', 'lighttpd', 'router-respawn', 'router-respawn']);
  assert.equal(processes.length, 7);
  for (const p of processes) {
    assert.equal(parseInt(p.bounding, 16), mask, p.name);
    assert.equal(p.noNewPrivs, '1', p.name);
    if (p.uid !== 0) assert.equal(parseInt(p.permitted, 16), 0, p.name);
  }
});

// /dev, /proc and the two files of /etc are what an engine mounts by itself.
within('nothing of it can be written but the state, /run and /tmp', {}, async c => {
  await c.start();
  const { stdout } = await c.exec('find', '/', '-xdev', '-writable', '-not', '-type', 'l', '-print');
  const mounted = ['/dev', '/etc/hosts', '/etc/resolv.conf', '/proc', '/run', '/tmp', '/var/lib/claude-router', '/var/lib/claude-router/state'];
  assert.deepEqual(stdout.trim().split('\n').sort(), mounted);
  for (const place of ['/usr/lib/claude-router/x', '/etc/cron.d/x', '/media/host/x']) assert.notEqual((await c.exec('touch', place)).code, 0, place);
});

within('tokens: the owner\'s file is handed over, mode 0600, and changes are taken up', {}, async c => {
  c.write('tokens.txt', tokens);
  chownSync(path.join(c.host, 'tokens.txt'), 1000, 1000);
  await c.start();
  const handed = await c.exec('stat', '-c', '%a %u %g', '/run/config/tokens.txt');
  assert.equal(handed.stdout.trim(), `600 ${USER} ${USER}`);
  c.write('tokens.txt', tokens.replace('stored-claude-pro', 'replaced'));
  await eventually('the new one is used', async () => {
    await c.ask();
    return (await c.sim.requests('claude_pro')).at(-1).headers.authorization === 'Bearer sk-ant-oat01-replaced';
  });
  writeFileSync(path.join(c.host, 'tokens.txt'), tokens.replace('stored-claude-pro', 'in-place'));
  await eventually('so is one written in place', async () => {
    await c.ask();
    return (await c.sim.requests('claude_pro')).at(-1).headers.authorization === 'Bearer sk-ant-oat01-in-place';
  });
  assert.ok(!/sk-/.test(c.log()), c.log());
});

within('the router\'s user cannot look where the host\'s files are', {}, async c => {
  c.write('tokens.txt', tokens, 0o644);
  await c.start();
  const look = await c.exec('setpriv', '--reuid', 'claude-router', '--regid', 'claude-router', '--init-groups', 'ls', '/media/host');
  assert.match(look.stderr, /Permission denied/);
  await eventually('who leaves it to others is told', () => c.log().includes('chmod 600 tokens.txt'));
});

within('without tokens.txt it says so, and passes a login through', {}, async c => {
  await c.start();
  assert.match(c.log(), /there is no tokens\.txt/);
  assert.equal((await c.ask(oauth)).status, 200);
  assert.equal((await c.ask()).status, 403);
  c.write('tokens.txt', tokens);
  await eventually('one that comes later is taken up', async () => (await c.ask()).status === 200);
  rmSync(path.join(c.host, 'tokens.txt'));
  await eventually('one that goes is taken back', async () => (await c.ask()).status === 403);
});

within('its own configuration, where the directory has none', {}, async c => {
  rmSync(path.join(c.host, 'claude-router.conf'));
  await c.start();
  const status = (await get(`${c.url}/v1/status`)).json;
  assert.deepEqual(Object.keys(status.providers), ['claude_pro', 'deepseek', 'kimi', 'openai', 'claude_api']);
});

within('a configuration that cannot be used is told, and it ends', {}, async c => {
  c.write('claude-router.conf', 'no_such_option = 1\n', 0o644);
  assert.equal(await c.begin().ended, 78);
  assert.match(c.log(), /no_such_option/);
});

within('a ROUTER_ACCESS that it does not know ends it', { access: 'everybody' }, async c => {
  assert.equal(await c.begin().ended, 78);
  assert.match(c.log(), /ROUTER_ACCESS=everybody/);
});

within('HEALTHCHECK: well, and not', {}, async c => {
  await c.start();
  assert.equal(await c.health(), 0);
  await c.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await c.ask(oauth);
  assert.equal((await get(`${c.url}/health`)).status, 503);
  assert.equal(await c.health(), 0, 'providers that rest are no illness');
  const lighttpd = c.processes().find(p => p.name === 'lighttpd').pid;
  process.kill(lighttpd, 'SIGSTOP');
  assert.notEqual(await c.health(), 0);
  process.kill(lighttpd, 'SIGCONT');
  await eventually('well again', async () => await c.health() === 0);
});

// A stream that has begun, and goes on when the gate is opened.
async function begun(c, text) {
  await c.sim.gate('claude_pro', { hold: true });
  const opening = stream(`${c.url}/v1/messages`, message(text), oauth);
  await c.sim.requests('claude_pro', { wait: 1 });
  await c.sim.gate('claude_pro', { release: 4 });
  const s = await opening;
  return [s, await s.next()];
}

within('the stop signal lets a running stream end; then nothing is left', {}, async c => {
  await c.start();
  const inside = c.processes().map(p => p.pid);
  const [s, first] = await begun(c, 'SIM:SAY still here');
  c.signal();
  await eventually('nobody new is taken', () => get(`${c.url}/health`).then(() => false, () => true));
  assert.ok(c.part.alive);
  await c.sim.gate('claude_pro', { hold: false });
  assert.equal(textOf([first, ...await s.rest(20)]), 'still here');
  assert.equal(await c.part.ended, 0);
  for (const pid of inside) assert.ok(!existsSync(`/proc/${pid}`), `${pid} is left`);
});

within('a second signal cuts', {}, async c => {
  await c.start();
  await begun(c, 'SIM:LONG 50');
  c.signal();
  await eventually('nobody new is taken', () => get(`${c.url}/health`).then(() => false, () => true));
  c.signal();
  assert.equal(await c.part.ended, 0);
});

within('lighttpd\'s end is the container\'s, cron\'s is not', {}, async c => {
  await c.start();
  const named = name => c.processes().find(p => p.name === name);
  const cron = named('cron').pid;
  process.kill(cron, 'SIGKILL');
  await eventually('another cron', () => named('cron') && named('cron').pid !== cron);
  process.kill(named('lighttpd').pid, 'SIGKILL');
  assert.notEqual(await c.part.ended, 0);
  assert.match(c.log(), /lighttpd ended by itself/);
});

within('a new container goes on with the state', {}, async c => {
  c.write('tokens.txt', tokens);
  await c.start();
  await c.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  assert.equal(who(await c.ask()), 'deepseek');
  c.signal();
  await c.part.ended;
  assert.equal(statSync(stateFile(c)).uid, USER);
  await c.start();
  assert.equal((await get(`${c.url}/v1/status`)).json.providers.claude_pro.state, 'resting');
  assert.equal(who(await c.ask()), 'deepseek');
});

within('a state directory of the host\'s becomes the router\'s', {}, async c => {
  await command('install', ['-d', '-o', '0', '-m', '755', path.dirname(stateFile(c))]);
  await c.start();
  assert.equal((await c.ask(oauth)).status, 200);
  assert.ok(existsSync(stateFile(c)));
});

// Cron's clock is the case's, two seconds before a full hour, so that "0-4 * * * *" is due at once.
within('cron runs the checker as the router\'s user, and what it says is in the log', {
  env: { LD_PRELOAD: '/mnt/clock.so', TEST_CLOCK_FILE: '/mnt/clock' },
}, async c => {
  chmodSync(c.dir, 0o755);
  copyFileSync(path.join(BUILD, 'tests/e2e/lib/clock.so'), path.join(c.dir, 'clock.so'));
  const clock = new Clock(path.join(c.dir, 'clock'));
  c.more.push(`${c.dir}:/mnt:ro`);
  c.write('tokens.txt', tokens);
  const hour = 3_600_000;
  clock.forward(hour - (clock.now() % hour) - 15_000);
  await c.start();
  await c.sim.next('claude_pro', { fault: 'usage_limit', reset: 7200 });
  assert.equal(who(await c.ask()), 'deepseek');
  await c.sim.control('DELETE', '/sim/claude_pro/requests');
  await c.sim.next('claude_pro', { fault: 'reset', times: -1 });
  await c.sim.requests('claude_pro', { wait: 1, timeout: 80 });
  await eventually('why it failed is in the log', () => /could not check claude_pro/.test(c.log()), 20);
  assert.equal(statSync(stateFile(c)).uid, USER);
});

within('ROUTER_ACCESS=keys: nobody without a key; one made by docker exec works, also in a new container', { access: 'keys' }, async c => {
  c.write('tokens.txt', tokens);
  await c.start();
  assert.equal((await c.ask()).status, 401);
  const made = await c.exec('claude-router-ctl', 'key', 'add', 'alice');
  assert.equal(made.code, 0, made.stderr);
  const [key] = made.stdout.split('\n');
  await eventually('the key is taken up', async () => (await c.ask({ 'x-router-key': key })).status === 200);
  assert.equal((await c.ask()).status, 401);
  assert.equal(statSync(path.join(path.dirname(stateFile(c)), 'keys')).uid, USER);
  c.signal();
  await c.part.ended;
  await c.start();
  assert.equal((await c.ask({ 'x-router-key': key })).status, 200);
  assert.ok(!c.log().includes(key));
});

// --- Who is local: a network of its own, where the host is the gateway and has strangers beside it -------------------

for (const [access, gateway] of [['host', 200], ['keys', 403], ['', 403]]) {
  within(`ROUTER_ACCESS=${access}: the gateway is ${gateway === 200 ? 'an' : 'no'} admin, a stranger never is`, { access, env: { ROUTER_HOST: '0.0.0.0' } }, async (c, t) => {
    const probe = await command('unshare', ['--net', 'ip', 'link', 'add', 'name', 'outside', 'type', 'veth', 'peer', 'name', 'inside']);
    if (probe.code !== 0) t.skip(`no network of its own here: ${probe.stderr.trim()}`);
    const part = c.begin([path.join(TOP, 'tests/container/network'), c.dir]);
    await part.until(async () => c.pid && await c.health() === 0);
    const status = async address => Number((await command('nsenter', ['--target', String(part.pid), '--net', 'curl', '-s', '-o', '/dev/null',
      '-w', '%{http_code}', '--noproxy', '*', '--interface', address, `http://198.51.100.2:${c.port}/v1/status`])).stdout);
    assert.equal(await status('198.51.100.1'), gateway);
    assert.equal(await status('198.51.100.9'), 403);
    const configuration = (await c.exec('cat', '/run/config/claude-router.conf')).stdout;
    assert.equal(configuration.includes('198.51.100.1'), access === 'host');
    assert.match(configuration, new RegExp(`^access = "${access === 'keys' ? 'keys' : 'open'}"$`, 'm'));
    assert.match(configuration, new RegExp(`^allow_open = ${access === 'host'}$`, 'm'));
  });
}
