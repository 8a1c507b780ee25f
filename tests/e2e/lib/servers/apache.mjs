// SPDX-License-Identifier: MIT
// What both ways of Apache share: the configuration around the one that we ship, and a user for it.
import { chownSync } from 'node:fs';
import { Part } from '../parts.mjs';
import { plainUser, site } from './common.mjs';

const MODULES = ['mpm_event', 'authz_core', 'alias', 'dir', 'env', 'setenvif', 'reqtimeout'];

export const CANNOT = {
  'abort/by an orderly close in mid-stream': 'Apache goes on sending to a client that has closed only its own direction (one that has closed both is the reset above)',
};

export class Apache {
  static tellsAtOnce = false;
  static tells = 'Apache looks at a client only when there is something to write to it';

  user = plainUser();

  constructor(r) { this.r = r; }

  // Starts it with these modules beside the usual ones, and this text of ours.
  run(modules, text) {
    const { r } = this;
    this.own(r.dir);
    r.write('apache.conf', (r.options.apache ?? (whole => whole))(this.whole(modules, text)));
    this.part = new Part('apache2', 'apache2', ['-D', 'FOREGROUND', '-f', r.file('apache.conf')], { user: this.user });
  }

  // Gives a file to Apache's user.
  own(file) { if (this.user) chownSync(file, this.user.uid, this.user.gid); }

  // As Debian's apache2.conf and mods-enabled have it, as far as it concerns us.
  whole(modules, text) {
    const { r } = this;
    const load = [...MODULES, ...modules].map(name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`);
    return `ServerRoot "${r.dir}"\nServerName localhost\nPidFile "${r.file('apache.pid')}"\nMutex file:${r.dir} default\nDefaultRuntimeDir "${r.dir}"
ErrorLog "${r.file('apache.log')}"\nLogLevel warn\nDefine APACHE_LOG_DIR "${r.dir}"\n${load.join('\n')}
Timeout 300\nRequestReadTimeout header=20-40,minrate=500\nRequestReadTimeout body=10,minrate=500
StartServers 2\nMinSpareThreads 25\nMaxSpareThreads 75\nThreadLimit 64\nThreadsPerChild 25\nMaxRequestWorkers 150
<Directory />\nAllowOverride None\nRequire all denied\n</Directory>\n${text}\n${r.site ? this.besides() : ''}`;
  }

  besides() {
    const { r } = this;
    const root = site(r);
    return `Listen 127.0.0.1:${r.site}\n<VirtualHost 127.0.0.1:${r.site}>\nDocumentRoot "${root}"\n<Directory "${root}">\nRequire all granted\n</Directory>
CustomLog "${r.file('access.log')}" "%h \\"%r\\" %>s" env=!claude_router_key\n</VirtualHost>\n`;
  }

  errors() { return this.r.text('apache.log') + (this.part?.output ?? ''); }
}
