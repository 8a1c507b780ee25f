// SPDX-License-Identifier: MIT
// Hosts that share one failover state: each a router with a state file and a messenger of its own, and the real server between them.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Part, command, eventually, freePort } from './parts.mjs';
import { router } from './router.mjs';
import { ask, keys, who } from './scene.mjs';

// The server is in its package of tools, too, as the program that checks its files: which it is, its name tells it.
const product = ['valkey', 'redis'].find(name => existsSync(`/usr/bin/${name}-check-rdb`)) ?? 'redis';
export const KEY = '5ec4e7'.repeat(11).slice(0, 64);

// --- The server -----------------------------------------------------------------------------------------------------

// It keeps nothing on the disk. password: of the default user.
// tls: the files of its certificate and key, if it has TLS. place: the host that it runs on (lib/world.mjs).
export class Server {
  static async make(t, password, tls, place = { inside: [] }) {
    const s = new Server();
    Object.assign(s, { t, password, tls, place, port: await freePort(), dir: mkdtempSync(path.join(tmpdir(), 'cr-server-')) });
    symlinkSync(`/usr/bin/${product}-check-rdb`, s.program);
    t.after(() => s.end());
    t.evidence('the server', () => s.part?.output);
    return s;
  }

  get program() { return path.join(this.dir, `${product}-server`); }

  // env: the clock that it goes by, from now on.
  async start(env = this.env) {
    const password = this.password ? ['--requirepass', this.password] : [], port = String(this.port);
    const ports = this.tls ? ['--port', '0', '--tls-port', port, '--tls-auth-clients', 'no', '--tls-cert-file', this.tls.certificate, '--tls-key-file', this.tls.key] : ['--port', port];
    this.env = env;
    const bind = this.place.inside.length ? '*' : '127.0.0.1';
    this.part = new Part(`${product}-server`, ...this.#there(this.program, ...ports, '--bind', bind, '--save', '', '--appendonly', 'no', '--dir', this.dir, ...password), { env });
    await this.part.until(() => this.cli(['ping']).catch(() => false));
    this.listener = new Part('subscriber', ...this.#there(`${product}-cli`, ...this.#cli('--csv', 'psubscribe', '*')));
    await this.listener.until(() => this.listener.stdout.includes('psubscribe'));
  }

  // A command there, as Part and command() take it.
  #there(...words) {
    const [program, ...args] = [...this.place.inside, ...words];
    return [program, args];
  }

  #cli(...args) { return ['-p', String(this.port), ...(this.tls ? ['--tls', '--cacert', this.tls.certificate] : []), ...(this.password ? ['--no-auth-warning', '-a', this.password] : []), ...args]; }

  // Its answer; input: one more argument, of any bytes.
  async cli(args, input) {
    const run = await command(...this.#there(`${product}-cli`, ...this.#cli('-e', ...(input === undefined ? [] : ['-x']), ...args)), { input });
    if (run.code !== 0) throw new Error(`${args.join(' ')}: ${run.stdout}${run.stderr}`);
    return run.stdout.replace(/\n$/, '');
  }

  // What it says to a user.
  async as(user, password, args) {
    const run = await command(`${product}-cli`, ['-p', String(this.port), '--no-auth-warning', '--user', user, '--pass', password, ...args]);
    return run.stdout + run.stderr;
  }

  publish(text) { return this.cli(['publish', 'cr:facts'], text); }

  // The text of all that was published since it started.
  get published() { return [...this.listener.stdout.matchAll(/^"pmessage","\*","[^"]*","(.*)"$/gm)].map(([, text]) => text.replace(/\\(.)/g, '$1')); }

  // All that it keeps, as one text.
  async content(db = 0) {
    const ask = args => this.cli(['-n', String(db), ...args]);
    let text = '';
    for (const key of (await ask(['--scan'])).split('\n').filter(Boolean)) {
      const hash = await ask(['type', key]) === 'hash';
      text += `${key}\n${await ask([hash ? 'hgetall' : 'get', key])}\n`;
    }
    return text;
  }

  suspend() { this.part.kill('SIGSTOP'); }
  resume() { this.part?.kill('SIGCONT'); }

  // Dies at once, with all that it kept.
  async kill() {
    await this.part.stop('SIGKILL');
    await this.listener.ended;
  }

  async end() {
    this.resume();
    await this.part?.stop();
    await this.listener?.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

// A fact as a messenger writes it, with the hash by a key.
export function fact(value, key = KEY) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `${createHmac('sha256', Buffer.from(key, 'hex')).update(`claude-router fact\n${text}`).digest('hex')} ${text}`;
}

// --- The hosts ------------------------------------------------------------------------------------------------------

// options: of each router (lib/router.mjs), and
//   n         hosts (3)
//   clocks    true: each host has a clock of its own, and the server's is the real one; else there is one for all
//   password  of the server
//   tls       the files of the server's certificate and key
//   tokens    of tokens.txt beside share_key and the password (default: all keys, no login)
//   url       function of the server and a host's number → share
//   away      true: the server is not started (hosts.server.start()), and nobody waits for a connection
//   place     the host on which the server runs (lib/world.mjs), where it needs a password
// The routers as a list, which has server, sim and clock, too; of each, .messenger.
export async function hosts(t, { n = 3, clocks = false, password, tls, tokens = keys, config = '', url = s => `valkey://127.0.0.1:${s.port}`, away = false, place, ...options } = {}) {
  const server = await Server.make(t, password, tls, place);
  const each = i => ({ ...options, config: `share = "${url(server, i)}"\n${config}`, tokens: { ...tokens, share_key: KEY, ...(password && { share: password }) } });
  const first = await router(t, each(0)), { sim, clock, clockEnv: { LD_PRELOAD, TEST_CLOCK_FILE } } = first;
  const others = Array.from({ length: n - 1 }, (_, i) => router(t, { ...each(i + 1), sim, clock: clocks ? undefined : clock }));
  const all = Object.assign([first, ...await Promise.all(others)], { server, sim, clock });
  server.env = clocks ? {} : { LD_PRELOAD, TEST_CLOCK_FILE };
  if (!away) await server.start();
  await Promise.all(all.map(r => startMessenger(t, r)));
  if (!away) await together(all);
  return all;
}

// Whether the messenger's library has TLS.
export async function hasTls() {
  return (await command('ldd', [path.join(process.env.BUILD_DIR, 'claude-router-share')])).stdout.includes('hiredis_ssl');
}

export async function startMessenger(t, r) {
  r.messenger = messenger(t, r);
  await r.messenger.until(() => existsSync(`${r.state}.share`));
}

export function messenger(t, r) {
  const part = new Part('claude-router-share', path.join(r.build, 'claude-router-share'), [], { env: r.env });
  t.after(async () => {
    part.kill('SIGCONT');
    await part.stop();
    const found = part.output.match(/(ERROR: (Address|Leak)Sanitizer|runtime error:)[^]*/);
    if (found) throw new Error(`a sanitizer found something in a messenger:\n${found[0].slice(0, 4000)}`);
  });
  t.evidence('messenger', () => part.output);
  return part;
}

export const share = async r => (await r.status()).share;

// Until all of them are connected.
export async function together(all, seconds) {
  for (const r of all) await eventually('it is connected', async () => (await share(r)).connected, seconds);
}

// Until what holds of one host's status holds of every one.
export async function everywhere(all, sentence, holds, seconds = 10) {
  for (const [i, r] of all.entries()) await eventually(`host ${i}: ${sentence}`, async () => holds(await r.status(), r), seconds);
}

// --- What the cases do ----------------------------------------------------------------------------------------------

export const LIMIT = { fault: 'usage_limit', reset: 600 };
export const resting = name => status => status.providers[name].state === 'resting';
export const ready = name => status => status.providers[name].state === 'ready';

// n requests over all hosts at once; none fails.
export async function crowd(all, n) {
  const answers = await Promise.all(Array.from({ length: n }, (_, i) => ask(all[i % all.length], i % 2 === 0, `SIM:SAY answer ${i}`)));
  for (const [i, answer] of answers.entries()) {
    assert.equal(answer.status, 200, `client ${i}: ${answer.bytes}`);
    assert.equal(answer.text, `answer ${i}`);
  }
  return answers;
}

export const served = (answers, by) => answers.filter(answer => who(answer) === by).length;

// Claude Pro's limit is seen by the first host, and all know it.
export async function limited(all, fault = LIMIT) {
  await all.sim.next('claude_pro', fault);
  assert.equal(who(await ask(all[0], true)), 'deepseek');
  await everywhere(all, 'claude_pro rests', resting('claude_pro'), 1);
}
