// SPDX-License-Identifier: MIT
// Stands between a client and the router, changes nothing, and remembers the SHA-256 of each body that went in.
import { createHash } from 'node:crypto';
import http from 'node:http';

export async function recorder(t, r) {
  const bodies = new Set();
  const agent = new http.Agent({ keepAlive: true });
  const server = http.createServer((req, res) => {
    const hash = createHash('sha256');
    const on = http.request({ host: '127.0.0.1', port: r.port, method: req.method, path: req.url, headers: req.rawHeaders, agent });
    req.on('data', part => hash.update(part)).on('end', () => bodies.add(hash.digest('hex'))).pipe(on);
    on.on('error', () => res.destroy());
    on.on('response', answer => {
      res.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(res);
      answer.on('error', () => res.destroy());
    });
    res.on('close', () => on.destroy());
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { agent.destroy(); server.closeAllConnections?.(); server.close(); });
  return { bodies, port: server.address().port, url: `http://127.0.0.1:${server.address().port}` };
}
