// SPDX-License-Identifier: MIT
// The container's lighttpd and responders: the image's files as root directory, the capabilities and mounts of
// compose.yaml, the configuration that the image has; each case's directory is mounted into it.
import { chownSync, copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOTFS, START, USER, privileges, compose } from '../container.mjs';
import { Part } from '../parts.mjs';
import { BUILD } from '../simulator.mjs';
import { children, respondersBelow } from './common.mjs';

const alone = 'the container has one server, on a port of its own';

export class Server {
  static cannot = Object.fromEntries(['dropin/the site is what it was', 'dropin/a message by the port', 'dropin/the same processes serve both ways',
    'dropin/a message by the prefix, and all else there is the router\'s too', 'logs/by a prefix of a site: answered, refused and orphaned',
  ].map(name => [name, alone]));
  static tellsAtOnce = true;

  constructor(r) { this.r = r; }

  async start() {
    const { r } = this;
    copyFileSync(path.join(BUILD, 'tests/e2e/lib/clock.so'), r.file('clock.so'));
    for (const file of [r.dir, r.configFile]) this.own(file);
    r.write('lighttpd.conf', await (r.options.lighttpd ?? (text => text))(this.configuration(), r));
    const { tmpfs, read_only } = compose().services.router;
    const { caps, noNewPrivs } = privileges();
    this.part = new Part('container', START, [ROOTFS, '--log', r.file('container.log'), '--caps', caps, ...(noNewPrivs ? ['--no-new-privs'] : []), ...(read_only ? ['--read-only'] : []),
      ...tmpfs.flatMap(entry => ['--tmpfs', entry]), '--bind', `${r.dir}:${r.dir}`, '--env', 'ROUTER_HOST=127.0.0.1', '--env', `ROUTER_PORT=${r.port}`,
      '--', 'setpriv', '--reuid', String(USER), '--regid', String(USER), '--clear-groups', '--', 'lighttpd', '-D', '-f', r.file('lighttpd.conf')]);
  }

  own(file) { chownSync(file, USER, USER); }

  // The image's two files as one, with this case's paths, number of processes and environment.
  configuration() {
    const { r } = this;
    const env = Object.entries({ ...r.env, LD_PRELOAD: r.file('clock.so') }).map(([name, value]) => `"${name}" => "${value}"`).join(', ');
    const image = name => readFileSync(path.join(ROOTFS, name), 'utf8');
    return image('usr/lib/claude-router/lighttpd.conf').replace(/^include "\/(.*)"$/m, (_, name) => image(name))
      .replace('"/run/claude-router"', `"${r.dir}"`)
      .replace('"max-procs" => 2', `"max-procs" => ${r.procs}`)
      .replace('"bin-copy-environment"', `"bin-environment" => ( ${env} ),\n        "bin-copy-environment"`);
  }

  died() { return this.errors().match(/child (exited: [1-9]\d*|signalled: \d+)/)?.[1]; }
  pids() { return respondersBelow(this.part.pid); }
  log() { return this.r.text('container.log'); }
  errors() { return this.log(); }

  // lighttpd is the first process in there, and takes all others along.
  async stop() {
    if (!this.part?.alive) return;
    const lighttpd = children(this.part.pid).find(pid => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'lighttpd\n');
    if (lighttpd) process.kill(lighttpd, 'SIGTERM');
    if (await Promise.race([this.part.ended.then(() => true), sleep(8000, false, { ref: false })])) return;
    await this.part.stop('SIGKILL');
    throw new Error('the container did not end within 8 s of lighttpd\'s SIGTERM');
  }
}
