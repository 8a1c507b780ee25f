// SPDX-License-Identifier: MIT
// Nothing is lost by the thousand: requests of all kinds, with faults, under valgrind; and memory and descriptors that stay.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { all, check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { fastcgi, requestBytes } from './lib/fastcgi.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';

const headers = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20', 'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)' };
const ask = (text, fields, more) => ({ headers, body: JSON.stringify(message(text, fields)), ...more });
const get = uri => ({ method: 'GET', uri, headers: {} });
const config = 'retry_delay = 0\nhold = 0\nfirst_byte_timeout = 2\nidle_timeout = 2\nconnect_timeout = 2\nlog_level = error';

const kinds = [
  ask('SIM:SAY plain'), ask('SIM:SAY a stream', { stream: true }), ask('SIM:TOOLS 1', { stream: true, tools: [{ name: 'Bash', input_schema: { type: 'object' } }] }),
  ask('SIM:SAY parts', {}, { records: 5 }), ask('SIM:SAY large', { system: 'x'.repeat(60_000) }), ask('count', { max_tokens: undefined }, { uri: '/v1/messages/count_tokens' }),
  get('/v1/models'), get('/v1/models/claude-opus-5-5'), get('/v1/status'), get('/health'), get('/metrics'), get('/'), get('/nowhere'),
  { headers, body: '{"model":' }, { headers, body: '' }, { uri: '/v1/switch-provider', headers: {}, body: '"auto"' },
];
const faults = [
  { fault: 'throttle', retry_after: 1 }, { fault: 'internal' }, { fault: 'reset' }, { fault: 'close', at: 'text' }, { fault: 'html_200' }, { fault: 'overloaded_event' },
  { fault: 'error_event', at: 'text' }, { fault: 'garbage', at: 'start' }, { fault: 'huge_header' }, { fault: 'truncated_gzip' }, { fault: 'bad_request' }, { fault: 'refuse' }, { fault: 'usage_limit', reset: 60 },
];

// A client that leaves in the middle of its stream, or of its request.
const leaves = (r, n) => new Promise(resolve => {
  const bytes = requestBytes(ask('SIM:LONG 2000', { stream: true }));
  const socket = net.connect(r.socket, () => socket.write(n % 2 ? bytes : bytes.subarray(0, bytes.length >> 1)));
  socket.on('error', resolve).on('close', resolve).on('data', () => socket.destroy());
  if (n % 2 === 0) setTimeout(() => socket.destroy(), 2);
});

// n requests, so many at once, of all kinds; now and then a provider fails and the clock goes on.
async function many(r, n, atOnce) {
  let next = 0;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < n) {
      const i = next++;
      if (i % 20 === 7) await r.sim.next(i % 40 === 7 ? 'claude_pro' : 'deepseek', faults[Math.floor(i / 20) % faults.length]);
      if (i % 60 === 30) r.clock.forward('10m');
      if (i % 50 === 49) { await leaves(r, i); continue; }
      const answer = await fastcgi(r.socket, kinds[i % kinds.length], { timeout: 60 });
      assert.ok(answer.ended, `request ${i} was cut: ${answer.text}`);
    }
  }));
  await eventually('all clients are gone', async () => (await fastcgi(r.socket, get('/v1/status'))).json.streams <= 1);
}

// claude_pro's faults are known; what the simulated providers say of cut requests is no news.
const options = { alone: true, plain: true, problems: true, config, order: ['claude_pro', 'deepseek', 'kimi'] };

check(`valgrind finds nothing in ${all ? '10 000' : '300'} requests of all kinds`, { timeout: all ? 3000 : 240 }, async t => {
  const r = await router(t, { ...options, under: ['valgrind', '-q', '--leak-check=full', '--errors-for-leak-kinds=definite,possible', '--error-exitcode=99', '--track-fds=yes'] });
  await many(r, all ? 10_000 : 300, 4);
  await r.service.stop('SIGTERM', 60);
  assert.equal(r.service.code, 0, r.service.output);
  assert.doesNotMatch(r.service.stderr, /definitely lost|possibly lost|Invalid (read|write)|uninitialised/);
});

check(`memory and descriptors stay over ${all ? '100 000' : '5 000'} requests of all kinds`, { timeout: all ? 3000 : 240 }, async t => {
  const r = await router(t, options), n = all ? 100_000 : 5000;
  const size = () => Number(readFileSync(`/proc/${r.service.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
  const open = () => readdirSync(`/proc/${r.service.pid}/fd`).length;
  await many(r, n / 4, 16);
  const before = [size(), open()], sizes = [];
  for (let i = 0; i < 3; i++) {
    await many(r, n / 4, 16);
    sizes.push(size());
  }
  const told = `${before[0]} KB after ${n / 4} requests, then ${sizes.join(', ')} KB; ${before[1]} descriptors, then ${open()}`;
  if (all) console.log(`# ${told}`);
  assert.ok(sizes[2] - before[0] < 1536, told);
  assert.ok(open() <= before[1] + 40, told);
});
