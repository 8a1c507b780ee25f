// SPDX-License-Identifier: MIT
// A client that goes away ends the upstream request at once, or, under a web server that tells of it only when something
// is written, with the provider's next events: nobody pays for tokens that nobody reads.
import assert from 'node:assert/strict';
import net from 'node:net';
import { check } from './lib/case.mjs';
import { LOGIN, begin, bearer, message } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { abortBytes, fastcgi, requestBytes } from './lib/fastcgi.mjs';
import { router } from './lib/router.mjs';
import { Server } from './lib/servers/index.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };

async function aborted(r, provider = 'claude_pro') {
  await eventually(`${provider} sees its peer leave`, async () => (await r.sim.requests(provider)).at(-1)?.aborted, 3);
}

// A stream that has begun and then waits at the provider, with nothing but pings where a write is needed.
async function waiting(r) {
  await r.sim.next('claude_pro', { at: 'text', ...(Server.tellsAtOnce ? { fault: 'stall' } : { fault: 'pings', delay_ms: 50 }) });
  const s = await r.stream(message('SIM:LONG 100'), oauth);
  while ((await s.next()).event !== 'content_block_delta');
  return s;
}

check('by a reset in mid-stream', async t => {
  const r = await router(t);
  (await waiting(r)).abort();
  await aborted(r);
});

check('by an orderly close in mid-stream', async t => {
  const r = await router(t);
  (await waiting(r)).leave();
  await aborted(r);
});

check('before the first byte', { skip: !Server.tellsAtOnce && Server.tells }, async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 60_000 });
  // Large, because lighttpd does not watch a new connection whose whole request came in its first read (SERVERS.md).
  const request = begin(r.url + '/v1/messages', message('x'.repeat(400_000)), oauth);
  await r.sim.requests('claude_pro', { wait: 1 });
  request.abort();
  await aborted(r);
});

check('before the first byte, at the latest when the answer begins', async t => {
  const r = await router(t);
  await r.sim.gate('claude_pro', { hold: true });
  const request = begin(r.url + '/v1/messages', { ...message('SIM:LONG 100'), stream: true }, oauth);
  await r.sim.requests('claude_pro', { wait: 1 });
  request.abort();
  await eventually('claude_pro sees its peer leave', async () => {
    await r.sim.gate('claude_pro', { release: 1 });
    return (await r.sim.requests('claude_pro')).at(-1).aborted;
  }, 3);
});

check('and is no failure of the provider', async t => {
  const r = await router(t);
  (await waiting(r)).abort();
  await aborted(r);
  const { providers } = await r.status();
  assert.equal(providers.claude_pro.state, 'ready');
  assert.equal(providers.claude_pro.failures, 0);
  assert.equal((await r.post(message(), oauth)).headers['x-router-provider'], 'claude_pro');
});

// By a web server's FCGI_ABORT_REQUEST, without a close: of one that waits for its answer's first byte, of a stream, of one
// that waits for a provider to come back.
for (const [when, fault, asked] of [
  ['before the first byte', { fault: 'stall' }, { stream: false }],
  ['before the first content', { fault: 'stall', at: 'message_start' }, { stream: true }],
  ['in mid-stream', { fault: 'stall', at: 'text' }, { stream: true }],
]) {
  check(`by FCGI_ABORT_REQUEST ${when}: the upstream request ends, and the request with it`, async t => {
    const r = await router(t, { alone: true });
    const body = JSON.stringify(message('SIM:LONG 100', asked));
    await r.sim.next('claude_pro', fault);
    const arrived = r.sim.requests('claude_pro', { wait: 1 });
    const others = arrived.then(() => Buffer.concat([abortBytes(7), abortBytes()]));
    const answer = await fastcgi(r.socket, { headers: oauth, body }, { then: others });
    assert.ok(answer.ended, 'END_REQUEST came');
    await aborted(r);
    assert.match(r.service.output, /status=499/);
    assert.equal((await fastcgi(r.socket, { headers: oauth, body: JSON.stringify(message()) })).status, 200);
    await eventually('nobody is left', async () => (await fastcgi(r.socket, { method: 'GET', uri: '/v1/status' })).json.streams <= 1);
  });
}

check('by FCGI_ABORT_REQUEST while it waits for a provider to come back', async t => {
  const r = await router(t, { alone: true, order: ['claude_pro'], config: 'hold = 60' });
  await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 30, times: -1 });
  const body = JSON.stringify(message());
  const answer = await fastcgi(r.socket, { headers: oauth, body }, { then: r.sim.requests('claude_pro', { wait: 1 }).then(() => abortBytes()) });
  assert.ok(answer.ended && answer.status === undefined, answer.text);
  assert.match(r.service.output, /status=499/);
});

check('by FCGI_ABORT_REQUEST in one piece with the request: it is ended, and nobody is asked for long', async t => {
  const r = await router(t, { alone: true });
  await r.sim.next('claude_pro', { fault: 'stall' });
  const socket = net.connect(r.socket);
  t.after(() => socket.destroy());
  socket.write(Buffer.concat([requestBytes({ headers: oauth, body: JSON.stringify(message()) }), abortBytes()]));
  await new Promise((resolve, reject) => socket.resume().on('end', resolve).on('error', reject));
  assert.ok((await r.sim.requests('claude_pro')).every(request => request.aborted));
});
