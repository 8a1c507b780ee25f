// SPDX-License-Identifier: MIT
// Apache with mod_proxy_fcgi: a port of its own and a prefix of every site; the responders are services of their own.
import { Apache, CANNOT } from './apache.mjs';
import { children, end, responders, shipped } from './common.mjs';

export class Server extends Apache {
  static cannot = CANNOT;

  async start() {
    const { r } = this;
    this.services = responders(r, r.file('router.sock'), this.user);
    this.run(['proxy', 'proxy_fcgi'], shipped('conf/apache/claude-router.conf.in')
      .replaceAll('@runstatedir@/claude-router', r.dir).replaceAll('127.0.0.1:8000', `127.0.0.1:${r.port}`));
  }

  died() { return this.services.alive ? undefined : `ended: ${this.services.output}`; }
  pids() { return children(this.services.pid); }
  log() { return this.r.text('router.log'); }

  // First Apache, so that nobody is left to drain for.
  async stop() {
    const pids = this.pids();
    try { await end(this.part, []); } finally { await end(this.services, pids); }
  }
}
