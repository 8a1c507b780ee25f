// SPDX-License-Identifier: MIT
// The programs that a case starts: their output is kept, they are waited for or found dead, and stopped by their pid.
import { spawn } from 'node:child_process';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const running = new Set();
process.on('exit', () => { for (const part of running) part.kill('SIGTERM'); });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

// The environment of everything we start: nothing of the person's or the machine's but where programs are.
export const plainEnv = { PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LANG: 'C.UTF-8', TZ: 'UTC' };

export class Part {
  output = '';
  // input: what it reads, null: what type() gives it; user: { uid, gid } to run as; passed: descriptors that it gets from 3 on.
  constructor(name, command, args, { env = {}, cwd, input, user, passed = [] } = {}) {
    this.name = name;
    // setpriv: should this process be killed, the part ends too. It becomes the command, so the pid is the command's.
    const as = user ? ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'] : [];
    this.child = spawn('setpriv', [...as, '--pdeathsig', 'TERM', '--', command, ...args],
      { env: { ...plainEnv, ...env }, cwd, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', ...passed] });
    this.stdout = '';
    this.stderr = '';
    for (const stream of ['stdout', 'stderr']) {
      this.child[stream].setEncoding('utf8').on('data', text => {
        this[stream] += text;
        this.output = (this.output + text).slice(-100_000);
      });
    }
    if (input !== undefined) this.child.stdin.on('error', () => {});
    if (input !== undefined && input !== null) this.child.stdin.end(input);
    running.add(this);
    this.ended = new Promise(resolve => {
      this.child.on('error', error => { this.output += error.message; this.code ??= 127; running.delete(this); resolve(127); });
      this.child.on('close', (code, signal) => { this.code = code ?? signal; running.delete(this); resolve(this.code); });
    });
  }

  get pid() { return this.child.pid; }
  get alive() { return this.child.exitCode === null && this.child.signalCode === null && this.code === undefined; }
  type(text) { this.child.stdin.write(text); }
  kill(signal) { if (this.alive) this.child.kill(signal); }

  // TERM, and KILL when that was not enough: the returned text says so.
  async stop(signal = 'SIGTERM', seconds = 8) {
    this.kill(signal);
    if (await Promise.race([this.ended.then(() => true), sleep(seconds * 1000, false, { ref: false })])) return;
    this.kill('SIGKILL');
    await this.ended;
    throw new Error(`${this.name} did not end within ${seconds} s of ${signal}`);
  }

  // Until ready() is true; if the part dies first, or time is up, what it wrote is the error.
  async until(ready, seconds = 15) {
    const end = Date.now() + seconds * 1000;
    while (!(await ready())) {
      if (!this.alive) throw new Error(`${this.name} ended with ${this.code} before it was ready:\n${this.output}`);
      if (Date.now() > end) throw new Error(`${this.name} was not ready within ${seconds} s:\n${this.output}`);
      await sleep(10);
    }
  }
}

// Runs a command to its end: { code, stdout, stderr }.
export async function command(name, args, { timeout = 30, ...options } = {}) {
  const part = new Part(name, name, args, options);
  const timer = setTimeout(() => part.kill('SIGKILL'), timeout * 1000);
  await part.ended;
  clearTimeout(timer);
  return { code: part.code, stdout: part.stdout, stderr: part.stderr };
}

const canListen = port => new Promise(resolve => {
  const server = net.createServer().on('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
});

// A port that is free, and stays so: it is below those that the kernel gives to connections and to who binds port 0, and each
// process of the tests begins at another one.
const PORTS = { from: 10_000, to: 32_000 };
let lastPort = PORTS.from + process.pid * 97 % (PORTS.to - PORTS.from);
export async function freePort() {
  for (;;) {
    const port = lastPort = lastPort + 1 < PORTS.to ? lastPort + 1 : PORTS.from;
    if (await canListen(port)) return port;
  }
}

// at: a port of the host, or a Unix socket's path.
export function connects(at, host = '127.0.0.1') {
  return new Promise(resolve => {
    const socket = net.connect(typeof at === 'string' ? { path: at } : { port: at, host }, () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

// Until what() returns something true; the last error or a sentence when time is up.
export async function eventually(sentence, what, seconds = 10) {
  const end = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    try {
      const value = await what();
      if (value) return value;
    } catch (error) { last = error; }
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${sentence}`, { cause: last });
    await sleep(20);
  }
}
