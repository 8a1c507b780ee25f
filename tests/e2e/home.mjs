// SPDX-License-Identifier: MIT
// The recipes of doc/home-network.md, run as they stand between hosts of their own: over WireGuard by a name, and found on the LAN.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { all, check } from './lib/case.mjs';
import { person } from './lib/claude.mjs';
import { message } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { recipe } from './lib/recipe.mjs';
import { TOP, router, stored } from './lib/router.mjs';
import { BUILD } from './lib/simulator.mjs';
import { Host, world } from './lib/world.mjs';

const CANNOT = await world();
const block = recipe('home-network.md');
const ADMIN = 'the-admin-token-of-the-tests';
const tokens = { deepseek: stored.deepseek, kimi: stored.kimi, claude_api: stored.claude_api, admin_token: ADMIN };
const within = (name, body) => check(name, { timeout: 180, skip: CANNOT }, body);

// --- What both recipes share -----------------------------------------------------------------------------------------

// The router beside a site, with the recipe's listener and configuration; replace: what of them is another one here.
async function atHome(t, replace = {}) {
  const listener = replaced(block('/etc/lighttpd/conf-available/11-claude-router-home.conf'), replace);
  const config = replaced(block('/etc/claude-router/claude-router.conf'), replace);
  return router(t, {
    site: true, tokens,
    lighttpd: (text, r) => text + listener.replaceAll('/run/lighttpd', r.dir),
    whole: (sim, r) => `${config}\nkeys_file = "${r.file('keys')}"\n${r.usualConfig()}`,
  });
}

const replaced = (text, replace) => Object.entries(replace).reduce((whole, [from, to]) => whole.replaceAll(from, to), text);

async function key(r, name) {
  const made = (await r.ctl('key', 'add', name)).stdout.split('\n')[0];
  assert.match(made, /^crk_/);
  assert.equal((await r.ctl('reload')).code, 0);
  return made;
}

// What curl gets on a host: { status, text }; status 0: no connection. A body is posted.
async function ask(host, url, headers = {}, body) {
  const post = body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)];
  const run = await host.command('curl', ['-s', '--max-time', '20', '-w', '\n%{http_code}', ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]), ...post, url]);
  const end = run.stdout.lastIndexOf('\n');
  return { status: Number(run.stdout.slice(end + 1)), text: run.stdout.slice(0, end), code: run.code };
}

// Claude Code on a host with the one variable of a block, whose key is …
async function claudeSays(t, host, title, made) {
  const url = block(title).match(/^export ANTHROPIC_BASE_URL=(\S+)$/m)[1].replace('crk_…', made);
  const run = await person(t, { url }, { host }).claude('Hello');
  assert.equal(run.code, 0, `${run.stdout}\n${run.stderr}`);
  assert.match(run.text, /Hello from claude_pro/);
}

// --- 1. Over WireGuard, by a name ------------------------------------------------------------------------------------

// The Internet between them, and a laptop that finds the server's public name.
async function internet(t) {
  const server = Host.self(t, 'server'), laptop = await Host.other(t, 'laptop');
  server.cable(laptop, ['internet', '192.0.2.1/24'], ['wifi', '192.0.2.2/24']);
  server.empty('/etc/wireguard');
  laptop.empty('/etc/wireguard');
  for (const host of [server, laptop]) host.empty('/var/run/wireguard');
  laptop.write('/etc/hosts', '127.0.0.1 localhost\n192.0.2.1 home.example.org\n');
  laptop.write('/etc/resolv.conf', 'nameserver 192.0.2.53\n');
  return { server, laptop };
}

// wg-quick asks resolvconf for the line DNS; this one writes where a laptop's would.
const RESOLVCONF = '#!/bin/sh\n[ "$1" != -a ] || cat >/etc/resolv.conf\n';

function tunnelFiles(server, laptop) {
  const pair = () => {
    const secret = server.run('wg', 'genkey').trim();
    return [secret, server.run('sh', '-c', 'echo "$1" | wg pubkey', 'sh', secret).trim()];
  };
  const [ours, ourPublic] = pair(), [theirs, theirPublic] = pair();
  server.write('/etc/wireguard/wg0.conf', block('/etc/wireguard/wg0.conf on the server', { 'SERVER-PRIVATE-KEY': ours, 'LAPTOP-PUBLIC-KEY': theirPublic }), 0o600);
  laptop.write('/etc/wireguard/home.conf', block('/etc/wireguard/home.conf on the laptop', { 'LAPTOP-PRIVATE-KEY': theirs, 'SERVER-PUBLIC-KEY': ourPublic }), 0o600);
}

async function up(host, name) {
  mkdirSync(path.join(host.dir, 'bin'));
  writeFileSync(path.join(host.dir, 'bin/resolvconf'), RESOLVCONF, { mode: 0o755 });
  const run = await host.command('env', [`PATH=${path.join(host.dir, 'bin')}:${process.env.PATH}:/usr/sbin:/sbin`, 'wg-quick', 'up', name]);
  if (run.code !== 0 && /TUN device|\/dev\/net\/tun/.test(run.stderr)) host.t.skip(`no WireGuard here: ${run.stderr.trim().split('\n').at(-1)}`);
  assert.equal(run.code, 0, `${run.stdout}${run.stderr}`);
  host.t.after(() => host.ip('link', 'del', name));
}

const nameServers = {
  unbound(server) {
    const text = block('/etc/unbound/unbound.conf.d/claude-router.conf on the server');
    server.write('/etc/unbound/unbound.conf', `${text}    username: ""\n    chroot: ""\n    pidfile: ""\n    use-syslog: no\n    module-config: "iterator"\nremote-control:\n    control-enable: no\n`);
    return server.start('unbound', ['-d', '-p']);
  },
  dnsmasq(server) {
    server.write('/etc/resolv.conf', 'nameserver 192.0.2.53\n');
    const file = path.join(server.dir, 'dnsmasq.conf');
    writeFileSync(file, block('/etc/dnsmasq.d/claude-router.conf on the server'));
    return server.start('dnsmasq', ['--keep-in-foreground', '--log-facility=-', '--user=root', '--group=', '--pid-file=', `--conf-file=${file}`]);
  },
};

const NAME = 'http://router.home.arpa:8000';

within('over WireGuard, by a name: peers are clients by key, the server is its own admin, and nobody else is', async t => {
  const { server, laptop } = await internet(t);
  // All of it may begin before there is a tunnel.
  server.run('sysctl', '-qw', block('/etc/sysctl.d/60-claude-router.conf on the server').trim().replaceAll(' ', ''));
  const names = nameServers.unbound(server);
  const r = await atHome(t);
  const made = await key(r, 'alice');
  tunnelFiles(server, laptop);
  await up(server, 'wg0');
  await up(laptop, 'home');
  await eventually('the laptop finds the name', async () => (assert.ok(names.alive, names.output), (await ask(laptop, `${NAME}/health`)).status === 200), 30);

  assert.equal((await ask(laptop, `${NAME}/health`)).text.trim(), '{"status":"healthy"}');
  assert.match((await ask(laptop, `${NAME}/health`, { 'x-router-key': made })).text, /"current_provider":"claude_pro"/);
  assert.equal((await ask(laptop, `${NAME}/v1/messages`, {}, message())).status, 401);
  const served = await ask(laptop, `${NAME}/v1/messages`, { 'x-router-key': made }, message());
  assert.equal(served.status, 200, served.text);
  assert.match(served.text, /Hello from deepseek/);
  for (const url of [NAME, 'http://10.9.0.1:8000']) {
    assert.equal((await ask(laptop, `${url}/v1/status`, { 'x-router-key': made })).status, 403, `the laptop at ${url}`);
    assert.equal((await ask(laptop, `${url}/v1/status`, { 'x-router-admin': ADMIN })).status, 200, `the laptop at ${url}, as an admin`);
  }
  server.write('/etc/hosts', '127.0.0.1 localhost\n10.9.0.1 router.home.arpa\n');
  for (const url of [NAME, 'http://10.9.0.1:8000']) assert.equal((await ask(server, `${url}/v1/status`)).status, 200, `the server at ${url}`);

  assert.equal((await ask(laptop, 'http://192.0.2.1:8000/health')).code, 7, 'outside the tunnel nothing listens');
  assert.equal((await ask(server, `${r.siteUrl}/claude-router/health`)).status, 403, 'nor does the site let in');
  await claudeSays(t, laptop, "the laptop's shell", made);
  assert.equal((await r.sim.requests('claude_pro')).at(-1).headers['x-router-key'], undefined);

  // Another address than one's own is nobody.
  laptop.ip('address', 'flush', 'dev', 'home');
  laptop.ip('address', 'add', '10.9.0.66/24', 'dev', 'home');
  const run = await laptop.command('curl', ['-s', '--max-time', '1', 'http://10.9.0.1:8000/health']);
  assert.equal(run.code, 28, 'a peer that takes another address gets no answer');
});

within('by dnsmasq, and a laptop that changes its network in mid-stream hears the rest', async t => {
  const { server, laptop } = await internet(t);
  tunnelFiles(server, laptop);
  await up(server, 'wg0');
  await up(laptop, 'home');
  laptop.run('wg', 'set', 'home', 'peer', laptop.run('wg', 'show', 'home', 'peers').trim(), 'persistent-keepalive', '1'); // as 25, in less time
  const names = nameServers.dnsmasq(server);
  const r = await atHome(t);
  const made = await key(r, 'alice');
  await eventually('the laptop finds the name', async () => (assert.ok(names.alive, names.output), (await ask(laptop, `${NAME}/health`)).status === 200), 30);

  const words = 60;
  const body = JSON.stringify({ ...message(`SIM:LONG ${words} SIM:PACE 50`), stream: true });
  const reader = laptop.start('curl', ['-sN', '-H', `x-router-key: ${made}`, '-H', 'content-type: application/json', '-d', body, `${NAME}/v1/messages`]);
  await reader.until(() => reader.stdout.includes('"w5@'));
  laptop.ip('address', 'flush', 'dev', 'wifi');
  laptop.ip('address', 'add', '192.0.2.77/24', 'dev', 'wifi');
  // wireguard-go sends from the address that is gone until its next handshake, 15 s later; the apps of phones and desktops bind anew as here.
  if (!all) laptop.run('wg', 'set', 'home', 'listen-port', '51999');
  assert.ok(!reader.stdout.includes(`w${words}@`), 'it changed in mid-stream');
  await eventually('the whole stream is there', () => reader.stdout.includes('message_stop'), 45);
  for (let n = 1; n <= words; n++) assert.ok(reader.stdout.includes(`w${n}@`), `word ${n} is lost`);
  assert.match(server.run('wg', 'show', 'wg0', 'endpoints'), /192\.0\.2\.77:/);
});

// --- 2. Found on the LAN ---------------------------------------------------------------------------------------------

const LAN = { '10.9.0.1': '192.168.1.10', 'router.home.arpa': 'claude-router.local' };

// The part of libnss-mdns that asks avahi: ./dev check unpacks the package instead of installing it, since that would edit the machine's nsswitch.conf.
const UNPACKED = path.join(BUILD, '../unpacked/libnss-mdns/lib');
const MDNS = existsSync(UNPACKED) && path.join(UNPACKED, readdirSync(UNPACKED)[0]);

// server (192.168.1.10) - reflector - laptop (192.168.2.2), which are routed.
async function segments(t) {
  const server = Host.self(t, 'server'), reflector = await Host.other(t, 'reflector'), laptop = await Host.other(t, 'laptop');
  server.cable(reflector, ['lan', '192.168.1.10/24'], ['lan0', '192.168.1.1/24']);
  reflector.cable(laptop, ['iot0', '192.168.2.1/24'], ['wifi', '192.168.2.2/24']);
  reflector.run('sysctl', '-qw', 'net.ipv4.ip_forward=1');
  for (const [host, via] of [[server, '192.168.1.1'], [laptop, '192.168.2.1']]) host.ip('route', 'add', 'default', 'via', via);
  return { server, reflector, laptop };
}

// avahi on a host, with the text as its configuration, and the services that it announces.
async function avahi(host, text, { services = [], bus = false } = {}) {
  for (const at of ['/run/avahi-daemon', '/etc/avahi/services']) host.empty(at);
  for (const file of services) host.run('cp', path.join(TOP, file), '/etc/avahi/services/');
  if (bus) {
    host.empty('/run/dbus');
    const daemon = host.start('dbus-daemon', ['--system', '--nofork', '--nopidfile']);
    await daemon.until(() => host.run('sh', '-c', 'ls /run/dbus').includes('system_bus_socket'));
  }
  const file = path.join(host.dir, 'avahi.conf');
  writeFileSync(file, text.replace('[server]', `[server]\nenable-dbus=${bus ? 'yes' : 'no'}`));
  const daemon = host.start('avahi-daemon', ['--no-drop-root', '--no-chroot', '--no-rlimits', '-f', file]);
  await daemon.until(() => /startup complete/.test(daemon.output));
  return daemon;
}

within('found on the LAN: name and announcement cross the reflector, and Claude Code gets there', async t => {
  const installed = Host.self(t, 'machine').run('ldconfig', '-p').includes('libnss_mdns4_minimal.so.2');
  if (!MDNS && !installed) t.skip('libnss-mdns is neither installed nor in build/unpacked');
  const { server, reflector, laptop } = await segments(t);
  const r = await atHome(t, LAN);
  const made = await key(r, 'alice');
  await avahi(reflector, block('/etc/avahi/avahi-daemon.conf on the reflector'));
  await avahi(laptop, '[server]\nhost-name=laptop\nuse-ipv6=no\n', { bus: true });
  const announcer = await avahi(server, block('/etc/avahi/avahi-daemon.conf on the server'), { services: ['conf/avahi/claude-router.service'] });
  laptop.write('/etc/nsswitch.conf', `${block('/etc/nsswitch.conf on the laptop')}passwd: files\n`);
  laptop.write('/etc/resolv.conf', '');
  if (MDNS) laptop.env = { LD_LIBRARY_PATH: MDNS };

  await eventually('the name resolves', async () => /^192\.168\.1\.10\s/.test((await laptop.command('getent', ['ahostsv4', 'claude-router.local'])).stdout), 30);
  for (const type of ['_http._tcp', '_claude-router._sub._http._tcp']) {
    const seen = await laptop.command('avahi-browse', ['-prt', type]);
    assert.match(seen.stdout, /^=;wifi;IPv4;Claude\\032Router\\032on\\032claude-router;.*;claude-router\.local;192\.168\.1\.10;8000;/m, `${type}: ${seen.stdout}${seen.stderr}`);
    assert.match(seen.stdout, /"path=\/" "txtvers=1"|"txtvers=1" "path=\/"/);
    assert.doesNotMatch(seen.stdout, /\d+\.\d+\.\d+[^.;\d]/, 'no version');
  }
  const url = 'http://claude-router.local:8000';
  assert.equal((await ask(laptop, `${url}/health`)).text.trim(), '{"status":"healthy"}');
  assert.equal((await ask(laptop, `${url}/v1/messages`, {}, message())).status, 401);
  assert.equal((await ask(laptop, `${url}/v1/status`, { 'x-router-key': made })).status, 403);
  await claudeSays(t, laptop, 'the shell of a laptop on the LAN', made);

  const listener = laptop.start('avahi-browse', ['-p', '_http._tcp']);
  await listener.until(() => /^\+;wifi;/m.test(listener.stdout));
  await announcer.stop();
  await eventually('its goodbye crosses, too', () => /^-;wifi;/m.test(listener.stdout), 30);
});
