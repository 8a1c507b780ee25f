// SPDX-License-Identifier: MIT
// nginx: the server on a port of its own, and the location of a site; the responders are services of their own.
import { mkdirSync } from 'node:fs';
import { Part } from '../parts.mjs';
import { children, end, responders, shipped, site } from './common.mjs';

export class Server {
  static cannot = {};
  static tellsAtOnce = true;

  constructor(r) { this.r = r; }

  async start() {
    const { r } = this;
    mkdirSync(r.file('snippets'), { recursive: true });
    r.write('snippets/claude-router-location.conf', this.ours(shipped('conf/nginx/claude-router-location.conf.in')));
    r.write('nginx.conf', (r.options.nginx ?? (text => text))(this.whole(this.ours(shipped('conf/nginx/claude-router.conf.in')))));
    this.services = responders(r, r.file('router.sock'));
    this.part = new Part('nginx', 'nginx', ['-p', r.dir, '-c', r.file('nginx.conf'), '-e', r.file('nginx.log')]);
  }

  ours(text) {
    const { r } = this;
    return text.replaceAll('@runstatedir@/claude-router', r.dir).replaceAll('@localstatedir@/log/nginx', r.dir)
      .replaceAll('127.0.0.1:8000', `127.0.0.1:${r.port}`).replaceAll('include fastcgi_params', 'include /etc/nginx/fastcgi_params');
  }

  // Around it what Debian's nginx.conf has.
  whole(text) {
    const { r } = this;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${r.file(`nginx-${kind}`)};`);
    return `daemon off;\n${process.getuid() === 0 ? 'user root;\n' : ''}pid ${r.file('nginx.pid')};\nworker_processes 2;
error_log ${r.file('nginx.log')};\nevents { worker_connections 768; }
http {\n${temporary.join('\n')}\naccess_log ${r.file('access.log')};\ngzip on;\n${text}\n${r.site ? this.besides() : ''}}\n`;
  }

  besides() {
    return `server {\nlisten 127.0.0.1:${this.r.site};\nroot ${site(this.r)};
location ^~ /claude-router/ { include snippets/claude-router-location.conf; }\n}\n`;
  }

  died() { return this.services.alive ? undefined : `ended: ${this.services.output}`; }
  pids() { return children(this.services.pid); }
  log() { return this.r.text('router.log'); }
  errors() { return this.r.text('nginx.log'); }

  // First nginx, so that nobody is left to drain for.
  async stop() {
    const pids = this.pids();
    try { await end(this.part, []); } finally { await end(this.services, pids); }
  }
}
