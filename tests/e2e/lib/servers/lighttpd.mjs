// SPDX-License-Identifier: MIT
// lighttpd, which starts the responders: the stand-alone configuration, or beside a site the drop-in.
import { Part } from '../parts.mjs';
import { end, respondersBelow, shipped, site } from './common.mjs';

export class Server {
  static cannot = {};
  static tellsAtOnce = true;

  constructor(r) { this.r = r; }

  async start() {
    const { r } = this;
    r.write('lighttpd.conf', await (r.options.lighttpd ?? (text => text))(r.site ? this.dropIn() : this.standAlone(), r));
    this.part = new Part('lighttpd', 'lighttpd', ['-D', '-f', r.file('lighttpd.conf')],
      { env: { ROUTER_HOST: '127.0.0.1', ROUTER_PORT: String(r.port) } });
  }

  standAlone() { return this.ours(shipped('lighttpd/claude-router.conf.in')); }

  dropIn() {
    const { r } = this;
    return `server.bind = "127.0.0.1"\nserver.port = ${r.site}\nserver.document-root = "${site(r)}"\nindex-file.names = ( "index.html" )
server.errorlog = "${r.file('lighttpd.log')}"\nserver.breakagelog = "${r.file('router.log')}"\nserver.upload-dirs = ( "${r.dir}" )
mimetype.assign = ( ".html" => "text/html" )\nserver.modules = ( "mod_access", "mod_accesslog" )
accesslog.filename = "${r.file('access.log')}"\n${this.ours(shipped('lighttpd/10-claude-router.conf.in'))}`;
  }

  // With this case's paths, number of processes and environment.
  ours(text) {
    const { r } = this;
    const env = Object.entries(r.env).map(([name, value]) => `"${name}" => "${value}"`).join(', ');
    return text.replaceAll('@runstatedir@/claude-router', r.dir).replaceAll('@localstatedir@/log/claude-router', r.dir)
      .replaceAll('/run/lighttpd', r.dir).replaceAll('@routerdir@', r.build).replaceAll('127.0.0.1:8000', `127.0.0.1:${r.port}`)
      .replace('"max-procs" => 2', `"max-procs" => ${r.procs}`)
      .replace('"bin-copy-environment"', `"bin-environment" => ( ${env} ),\n        "bin-copy-environment"`);
  }

  // lighttpd starts a responder that ends at once again and again, so its death is looked for here.
  died() { return this.errors().match(/child (exited: [1-9]\d*|signalled: \d+)/)?.[1]; }

  pids() { return respondersBelow(this.part.pid); }
  log() { return this.r.text('router.log'); }
  errors() { return this.r.text('lighttpd.log'); }
  stop() { return end(this.part, this.pids()); }
}
