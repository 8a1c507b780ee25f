// SPDX-License-Identifier: MIT
// The image of the Dockerfile (tests/container/image), started with the settings of compose.yaml (tests/container/start).
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { get } from './client.mjs';
import { Part, command, connects } from './parts.mjs';
import { children } from './servers/common.mjs';

const TOP = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../..');
export const START = path.join(TOP, 'tests/container/start');

// Where the image lies; why there is none. ./dev check sets one of the two.
export const IMAGE = process.env.CONTAINER_IMAGE;
export const CANNOT = IMAGE ? false : process.env.CONTAINER_CANNOT ?? 'no image was built: ./dev check builds it';
export const ROOTFS = `${IMAGE}/rootfs`;
export const USER = 800; // the router's, in the image

// compose.yaml as an object.
export function compose() {
  const program = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)';
  return JSON.parse(execFileSync('python3', ['-c', program], { input: readFileSync(path.join(TOP, 'compose.yaml')) }));
}

// What compose.yaml lets its processes do, as tests/container/start and setpriv are told.
export function privileges() {
  const { cap_drop, cap_add, security_opt } = compose().services.router;
  if (String(cap_drop) !== 'ALL') throw new Error('compose.yaml does not drop all capabilities');
  return { caps: cap_add.map(name => `,+${name.toLowerCase()}`).join(''), noNewPrivs: security_opt.includes('no-new-privileges:true') };
}

// What the Dockerfile says of how the image is run: Env, Entrypoint, Healthcheck, StopSignal, User, Volumes.
export const imageConfig = () => JSON.parse(readFileSync(`${IMAGE}/image.json`, 'utf8')).Docker.config;

// The container of a case. dir: what stands for the directory of compose.yaml and for the volume is made there.
// access: of ROUTER_ACCESS, where not compose.yaml's; env: more of its environment; binds: more mounts.
export class Container {
  constructor(t, dir, { port, access, env = {}, binds = [] }) {
    Object.assign(this, { t, dir, port, more: binds, service: compose().services.router });
    this.host = path.join(dir, 'host');
    mkdirSync(this.host, { recursive: true });
    this.env = Object.fromEntries(imageConfig().Env.map(entry => entry.split(/=(.*)/s).slice(0, 2)));
    Object.assign(this.env, this.service.environment, { ROUTER_HOST: '127.0.0.1', ROUTER_PORT: String(port), HOSTNAME: 'container' }, env);
    if (access !== undefined) this.env.ROUTER_ACCESS = access;
    t.evidence('container', () => this.part?.output ?? '');
  }

  // A file beside compose.yaml, replaced as an editor does it.
  write(name, text, mode = 0o600) {
    writeFileSync(path.join(this.host, `.${name}`), text);
    chmodSync(path.join(this.host, `.${name}`), mode);
    renameSync(path.join(this.host, `.${name}`), path.join(this.host, name));
  }

  get settings() {
    const { service } = this;
    const { caps, noNewPrivs } = privileges();
    const args = ['--caps', caps, ...(noNewPrivs ? ['--no-new-privs'] : []), ...(service.read_only ? ['--read-only'] : [])];
    for (const entry of service.tmpfs) args.push('--tmpfs', entry);
    for (const entry of service.volumes) args.push(...this.mount(entry));
    for (const entry of this.more) args.push('--bind', entry);
    return [...args, ...this.environment.flatMap(entry => ['--env', entry])];
  }

  // "." stands for the directory of compose.yaml, a name without a slash for a volume.
  mount(entry) {
    const [source, ...rest] = entry.split(':');
    if (source === '.') return ['--bind', [this.host, ...rest].join(':')];
    return ['--volume', [path.join(this.dir, `volume-${source}`), ...rest].join(':')];
  }

  get environment() { return Object.entries(this.env).map(([name, value]) => `${name}=${value}`); }

  // before: a command that starts it, for a network of its own.
  begin(before = []) {
    const [program, ...args] = [...before, START, ROOTFS, ...this.settings, '--', ...imageConfig().Entrypoint];
    this.part = new Part('container', program, args);
    this.t.after(() => this.part.alive && this.part.stop('SIGKILL'));
    return this.part;
  }

  async start() {
    const url = `http://127.0.0.1:${this.port}/health?live=1`;
    await this.begin().until(async () => await connects(this.port) && (await get(url).catch(() => ({}))).status === 200);
  }

  // Its first process, as this machine counts; undefined before there is one.
  get pid() { return below(this.part.pid).find(pid => statusOf(pid).match(/^NSpid:.*\t1$/m)); }

  // All processes in it: { pid, name, uid, capabilities, … }.
  processes() { return [this.pid, ...below(this.pid)].map(described); }

  // docker exec.
  exec(...args) {
    const { caps, noNewPrivs } = privileges();
    return command('nsenter', ['--target', String(this.pid), '--mount', '--pid', '--ipc', '--uts', '--net', '--', 'env', '-i', ...this.environment,
      'setpriv', '--bounding-set', `-all${caps}`, '--inh-caps=-all', ...(noNewPrivs ? ['--no-new-privs'] : []), '--', ...args]);
  }

  // The HEALTHCHECK: its exit status.
  async health() {
    const [kind, ...args] = imageConfig().Healthcheck.Test;
    if (kind !== 'CMD') throw new Error(`a HEALTHCHECK of the kind ${kind}`);
    return (await this.exec(...args)).code;
  }

  // docker stop, the first half of it.
  signal() { process.kill(this.pid, this.service.stop_signal); }
  log() { return this.part.output; }
}

const below = pid => children(pid).flatMap(child => [child, ...below(child)]);

function statusOf(pid) {
  try { return readFileSync(`/proc/${pid}/status`, 'utf8'); } catch { return ''; }
}

function described(pid) {
  const status = statusOf(pid);
  const field = name => status.match(new RegExp(`^${name}:\\s+(\\S+)`, 'm'))?.[1];
  return { pid, name: field('Name'), uid: Number(field('Uid')), permitted: field('CapPrm'), bounding: field('CapBnd'), noNewPrivs: field('NoNewPrivs') };
}
