// SPDX-License-Identifier: MIT
// Apache with mod_fcgid, which starts the responders, one for each request at a time; a port of its own.
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { BUILD } from '../simulator.mjs';
import { Apache, CANNOT } from './apache.mjs';
import { end, respondersBelow, shipped } from './common.mjs';

export class Server extends Apache {
  static cannot = {
    ...CANNOT,
    ...Object.fromEntries([
      'dropin/a message by the prefix, and all else there is the router\'s too', 'logs/by a prefix of a site: answered, refused and orphaned',
    ].map(name => [name, 'mod_fcgid hands on the path of the client only, which a prefix makes another one'])),
    'credentials/64 clients at once: spread evenly, and each stays where it is': 'a process of mod_fcgid serves one request at a time, and counts its own',
    'dropin/the same processes serve both ways': 'mod_fcgid serves one way, with a process for each request',
  };

  // Apache's user may not be able to reach the build tree, so the programs are copied.
  async start() {
    const { r } = this;
    mkdirSync(r.file('bin'), { recursive: true });
    copyFileSync(path.join(BUILD, 'claude-router'), r.file('bin/claude-router'));
    copyFileSync(path.join(BUILD, 'tests/e2e/lib/clock.so'), r.file('bin/clock.so'));
    const env = Object.entries({ ...r.env, LD_PRELOAD: r.file('bin/clock.so') }).map(([name, value]) => `FcgidInitialEnv ${name} "${value}"\n`);
    this.run(['fcgid'], `FcgidIPCDir "${r.file('fcgid')}"\nFcgidProcessTableFile "${r.file('fcgid-processes')}"\n${env.join('')}${
      shipped('conf/apache/claude-router-fcgid.conf.in').replaceAll('@routerdir@', r.file('bin')).replaceAll('127.0.0.1:8000', `127.0.0.1:${r.port}`)}`);
  }

  died() { return undefined; }
  pids() { return respondersBelow(this.part.pid); }
  log() { return this.r.text('apache.log'); } // their standard error
  stop() { return end(this.part, this.pids()); }
}
