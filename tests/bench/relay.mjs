// SPDX-License-Identifier: MIT
// A line of some milliseconds each way, between a local port and a port of 127.0.0.1: what comes is passed on that much
// later, in order; and a connection takes a round trip before its first byte, as a real one does.
import net from 'node:net';

export function relay(port, delayMs) {
  const open = new Set();
  const server = net.createServer(client => {
    const provider = net.connect(port, '127.0.0.1');
    for (const socket of [client, provider]) {
      socket.setNoDelay(true);
      open.add(socket.on('error', () => {}).on('close', () => open.delete(socket)));
    }
    pass(client, provider, delayMs, 2 * delayMs);
    pass(provider, client, delayMs, 0);
  });
  return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve({
    port: server.address().port,
    stop() { server.close(); for (const socket of open) socket.destroy(); },
  })));
}

// extraMs: what the first bytes wait besides, for the handshake that this side did not see.
function pass(from, to, delayMs, extraMs) {
  let first = Date.now() + extraMs;
  const later = what => setTimeout(what, Math.max(delayMs, first + delayMs - Date.now()));
  from.on('data', bytes => later(() => to.write(bytes)));
  from.on('end', () => later(() => to.end()));
  from.on('close', () => later(() => to.destroy()));
}
