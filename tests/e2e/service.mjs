// SPDX-License-Identifier: MIT
// The responder as a service of its own: on a Unix socket, drained when told to end; started by spawn-fcgi, by systemd; by itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message, textOf } from './lib/client.mjs';
import { Part, command, connects, eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { BUILD } from './lib/simulator.mjs';

const program = path.join(BUILD, 'claude-router');
const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };

// lighttpd's configuration for a responder that somebody else starts.
const external = text => text.replace(/^ *"(bin-path|max-procs|bin-environment|bin-copy-environment)" =>[^"\n]*("[^\n]*)?\n/gm, '')
  .replace(/^ *"ROUTER_TOKENS_FILE"[^\n]*\n/gm, '');

// A router whose responder is ours to start and stop: r.service. How: [command, …arguments], given the socket's path and
// the responder's environment.
async function service(t, how, options = {}) {
  return router(t, {
    ...options,
    lighttpd: async (text, r) => {
      r.socket = r.file('router.sock');
      r.startService = async () => {
        const [name, ...args] = how(r.socket, r.env);
        r.service = new Part('claude-router', name, args, { env: r.env });
        t.after(() => r.service.stop('SIGKILL'));
        await r.service.until(() => existsSync(r.socket));
      };
      await r.startService();
      return external(text);
    },
  });
}

const ours = socket => [program, '--socket', socket];

// A stream that has begun, and goes on when the gate is opened.
async function begun(r, text) {
  await r.sim.gate('claude_pro', { hold: true });
  const opening = r.stream(message(text), oauth);
  await r.sim.requests('claude_pro', { wait: 1 });
  await r.sim.gate('claude_pro', { release: 4 });
  const s = await opening;
  return [s, await s.next()];
}

check('on a Unix socket that only its group may open', async t => {
  const r = await service(t, ours);
  assert.equal((await r.post(message(), oauth)).status, 200);
  assert.equal((statSync(r.socket).mode & 0o777).toString(8), '660');
});

check('a second one does not take the socket away', async t => {
  const r = await service(t, ours);
  const second = await command(program, ['--socket', r.socket], { env: r.env });
  assert.notEqual(second.code, 0);
  assert.match(second.stderr, /in use/i);
  assert.equal((await r.post(message(), oauth)).status, 200);
});

check('a stale socket is replaced', async t => {
  const r = await service(t, ours);
  await r.service.stop('SIGKILL');
  assert.ok(existsSync(r.socket));
  await r.startService();
  await eventually('it serves again', async () => (await r.post(message(), oauth)).status === 200);
});

check('SIGTERM lets a running stream end, and takes nobody new', async t => {
  const r = await service(t, ours);
  const [s, first] = await begun(r, 'SIM:SAY still here');
  r.service.kill('SIGTERM');
  await eventually('nobody new is taken', async () => (await r.get('/health')).status >= 500);
  await r.sim.gate('claude_pro', { hold: false });
  const events = [first, ...await s.rest(20)];
  assert.equal(textOf(events), 'still here');
  assert.equal(await r.service.ended, 0);
  assert.ok(!existsSync(r.socket), 'the socket is gone with it');
});

check('drain = 0 ends at once', async t => {
  const r = await service(t, ours, { config: 'drain = 0' });
  await begun(r, 'SIM:LONG 50');
  const began = Date.now();
  r.service.kill('SIGTERM');
  assert.equal(await r.service.ended, 0);
  assert.ok(Date.now() - began < 3000);
});

const record = (type, content = Buffer.alloc(0)) =>
  Buffer.concat([Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]), content]);
const parameters = values => Buffer.concat(Object.entries(values).map(([k, v]) => Buffer.from([k.length, v.length, ...Buffer.from(k + v)])));
const asked = params => Buffer.concat([record(1, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])), record(4, params), record(4), record(5)]);

const HEALTH = { REQUEST_METHOD: 'GET', REQUEST_URI: '/health?live=1', SERVER_PROTOCOL: 'HTTP/1.1', REMOTE_ADDR: '127.0.0.1', HTTP_HOST: 'localhost' };

// A connection as a web server's; what comes back, whole.
async function connected(socket) {
  const connection = net.connect(socket);
  await once(connection, 'connect');
  let text = '';
  connection.on('data', bytes => { text += bytes.toString('latin1'); });
  const answer = once(connection, 'close').then(() => text);
  return { ask: params => { connection.write(asked(params)); return answer; } };
}

check('what is malformed gets a 400, and without any descriptor left a request is still read', async t => {
  const r = await router(t);
  const socket = r.file('second.sock');
  const part = new Part('claude-router', program, ['--socket', socket], { env: r.env });
  t.after(() => part.stop('SIGKILL'));
  await part.until(() => existsSync(socket));
  const files = () => readdirSync(`/proc/${part.pid}/fd`).length;
  const before = files();
  const [first, second] = [await connected(socket), await connected(socket)];
  await eventually('they are accepted', () => files() >= before + 2);
  assert.equal((await command('prlimit', [`--pid=${part.pid}`, '--nofile=3:'])).code, 0);
  assert.match(await first.ask(parameters(HEALTH)), /Status: 200/);
  assert.match(await second.ask(Buffer.from([200, 200, 65])), /Status: 400/);
});

check('started by spawn-fcgi', async t => {
  const r = await service(t, socket => ['spawn-fcgi', '-n', '-s', socket, '--', program]);
  assert.equal((await r.post(message(), oauth)).status, 200);
  r.service.kill('SIGTERM');
  await r.service.ended;
});

const bySystemd = (socket, env) => ['systemd-socket-activate', '-l', socket, ...Object.entries(env).map(([k, v]) => `--setenv=${k}=${v}`), program];

check('by a socket of systemd: it serves, lets a running stream end on SIGTERM, and leaves the socket where it is', async t => {
  const r = await service(t, bySystemd);
  assert.equal((await r.post(message(), oauth)).status, 200);
  const [s, first] = await begun(r, 'SIM:SAY still here');
  assert.equal(readFileSync(`/proc/${r.service.pid}/comm`, 'utf8'), 'claude-router\n', 'the pid is the responder’s');
  r.service.kill('SIGTERM');
  await r.sim.gate('claude_pro', { hold: false });
  assert.equal(textOf([first, ...await s.rest(20)]), 'still here');
  assert.equal(await r.service.ended, 0);
  assert.ok(existsSync(r.socket), 'systemd’s');
});

for (const [what, env, args, words] of [
  ['and one of its own', {}, ['--socket', '/nowhere/router.sock'], /omit --socket/],
  ['more than one', { LISTEN_FDS: '2' }, [], /pass one only/],
  ['none that listens', { LISTEN_FDS: '1' }, [], /not a listening socket/],
]) {
  check(`a socket of systemd, ${what}: it says so and ends`, async t => {
    const r = await router(t);
    const socket = r.file('second.sock');
    if (what === 'and one of its own') {
      const part = new Part('claude-router', ...start(bySystemd(socket, r.env), args), {});
      t.after(() => part.stop('SIGKILL'));
      await eventually('it listens', () => existsSync(socket));
      net.connect(socket).on('error', () => {});
      assert.equal(await part.ended, 71);
      return assert.match(part.stderr, words);
    }
    const run = await command('sh', ['-c', 'LISTEN_PID=$$ exec "$0"', program], { env: { ...r.env, ...env } });
    assert.equal(run.code, 71);
    assert.match(run.stderr, words);
  });
}

const start = ([name, ...args], more) => [name, [...args, ...more]];

check('LISTEN_FDS that is meant for somebody else is nothing to us', async t => {
  const r = await service(t, ours, { env: { LISTEN_PID: '1', LISTEN_FDS: '1' } });
  assert.equal((await r.post(message(), oauth)).status, 200);
});

check('without a socket it says how it is started', async t => {
  const r = await router(t);
  const run = await command(program, [], { env: r.env });
  assert.notEqual(run.code, 0);
  assert.match(`${run.stderr}${r.log()}`, /--socket/);
});

check('an empty path is no socket, least of all one that anybody may open', async t => {
  const r = await router(t, { alone: true });
  const run = await command(program, ['--socket', ''], { env: r.env, timeout: 5 });
  assert.equal(run.code, 64, run.stderr);
  assert.match(run.stderr, /--socket: the path is empty/);
});

check('--version, --help and wrong usage', async t => {
  for (const name of ['claude-router', 'claude-router-check', 'claude-router-ctl']) {
    const file = path.join(BUILD, name);
    const version = await command(file, ['--version']);
    assert.match(version.stdout, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+\\n$`));
    const help = await command(file, ['--help']);
    assert.equal(help.code, 0);
    assert.match(help.stdout, /--config FILE/);
    assert.equal((await command(file, ['--nonsense'])).code, 64);
  }
});

// systemd's end of NOTIFY_SOCKET: prints what it is told, a line each.
const NOTIFIED = 'import socket, sys\ns = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\ns.bind(sys.argv[1])\nprint("bound", flush=True)\nwhile True: print(s.recv(4096).decode(), flush=True)';

check('systemd is told when it serves, and when it stops', async t => {
  const r = await router(t, { alone: true, env: {} });
  const notify = r.file('notify'), socket = r.file('second.sock');
  const systemd = new Part('systemd', '/usr/bin/python3', ['-c', NOTIFIED, notify]);
  t.after(() => systemd.stop());
  await systemd.until(() => systemd.stdout.includes('bound'));
  const env = { ...r.env, NOTIFY_SOCKET: notify };
  const unusable = await command(program, ['--config', r.file('none.conf'), '--socket', socket], { env });
  assert.equal(unusable.code, 78, unusable.stderr);
  const second = new Part('claude-router', program, ['--socket', socket], { env });
  t.after(() => second.stop('SIGKILL'));
  await second.until(() => systemd.stdout.includes('READY=1'));
  assert.ok(await connects(socket), 'it serves by then');
  assert.equal(systemd.stdout, 'bound\nREADY=1\n', 'nothing before, and of an unusable one nothing');
  second.kill('SIGTERM');
  assert.equal(await second.ended, 0);
  await eventually('it told that it stops', () => systemd.stdout === 'bound\nREADY=1\nSTOPPING=1\n');
});
