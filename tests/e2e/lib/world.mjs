// SPDX-License-Identifier: MIT
// A network for a file of cases: this process becomes a host of it, and others are made beside it. Each host has interfaces,
// mounts and so files of its own; nothing of the machine's is touched, and all of it is gone when the process is.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Part, command, plainEnv } from './parts.mjs';

const MARK = 'CHECK_WORLD';
const unshare = ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child'];

// Begins this program anew in a world of its own and returns there: undefined, or why there can be none here.
export async function world() {
  if (process.env[MARK]) {
    run('ip', 'link', 'set', 'lo', 'up');
    return undefined;
  }
  if (process.getuid() !== 0) return 'only root can make networks';
  const tried = spawnSync('unshare', [...unshare, 'true'], { encoding: 'utf8' });
  if (tried.status !== 0) return `no networks can be made here: ${tried.error?.message ?? tried.stderr.trim()}`;
  const results = process.env.CHECK_RESULTS ? [Number(process.env.CHECK_RESULTS)] : [];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...unshare, '--', process.execPath, ...process.argv.slice(1)],
    { env: { ...process.env, [MARK]: '1' }, stdio: ['inherit', 'inherit', 'inherit', ...results] });
  process.exit(await new Promise(resolve => { child.on('close', (code, signal) => resolve(signal ? 1 : code)); }));
}

function run(name, ...args) {
  const done = spawnSync(name, args, { env: plainEnv, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${done.error?.message ?? done.stderr.trim()}`);
  return done.stdout;
}

const namespace = (pid, kind) => readlinkSync(`/proc/${pid}/ns/${kind}`);

export class Host {
  // Another host, which lives as long as the case.
  static async other(t, name) {
    const part = new Part(name, 'unshare', ['--net', '--mount', 'sleep', 'infinity']);
    const host = new Host(t, name, ['nsenter', '-t', String(part.pid), '-n', '-m', '--'], part.pid);
    t.after(() => part.stop('SIGKILL'));
    await part.until(() => ['net', 'mnt'].every(kind => namespace(part.pid, kind) !== namespace('self', kind)));
    host.ip('link', 'set', 'lo', 'up');
    return host;
  }

  // This process's own.
  static self(t, name) { return new Host(t, name, [], process.pid); }

  constructor(t, name, inside, pid) {
    Object.assign(this, { t, name, inside, pid, dir: mkdtempSync(path.join(tmpdir(), `cr-${name}-`)) });
    t.after(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  // Runs a short command; an error when it fails. Returns what it printed.
  run(...words) { const [name, ...args] = [...this.inside, ...words]; return run(name, ...args); }
  ip(...args) { return this.run('ip', ...args); }

  // Like command() and new Part(), in here; env: of all that runs here.
  command(name, args, { env, ...options } = {}) {
    const [first, ...rest] = [...this.inside, name, ...args];
    return command(first, rest, { ...options, env: { ...this.env, ...env } });
  }

  // A program that runs on; ended with the case.
  start(name, args, options) {
    const [first, ...rest] = [...this.inside, name, ...args];
    const part = new Part(`${name} on ${this.name}`, first, rest, { ...options, env: { ...this.env, ...options?.env } });
    this.t.evidence(part.name, () => part.output);
    this.t.after(() => part.stop('SIGTERM').catch(() => {}));
    return part;
  }

  // An empty directory of this host's at a path.
  empty(at) {
    this.run('mkdir', '-p', at);
    this.run('mount', '-t', 'tmpfs', 'none', at);
    this.t.after(() => this.run('umount', '-l', at));
  }

  // A file of this host's at a path: over the machine's, where it has one, else in one of our empty directories.
  write(at, text, mode = 0o644) {
    const own = path.join(this.dir, at);
    mkdirSync(path.dirname(own), { recursive: true });
    writeFileSync(own, text, { mode });
    this.run('sh', '-c', '[ -e "$1" ] || : >"$1"', 'sh', at);
    this.run('mount', '--bind', own, at);
    this.t.after(() => this.run('umount', '-l', at));
  }

  // A cable to another host: [name, address] of each end.
  cable(host, [name, address], [otherName, otherAddress]) {
    run('ip', 'link', 'add', name, 'netns', String(this.pid), 'type', 'veth', 'peer', 'name', otherName, 'netns', String(host.pid));
    for (const [at, dev, ip] of [[this, name, address], [host, otherName, otherAddress]]) {
      at.ip('address', 'add', ip, 'dev', dev);
      at.ip('link', 'set', dev, 'up');
    }
    this.t.after(() => this.ip('link', 'del', name));
  }
}
