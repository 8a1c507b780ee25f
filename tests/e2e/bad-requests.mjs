// SPDX-License-Identifier: MIT
// Malformed requests: a clear error from the router or from the web server before it, no crash, and nobody else is asked.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message, raw } from './lib/client.mjs';
import { router } from './lib/router.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };

const body = JSON.stringify(message());
const head = (...lines) => ['POST /v1/messages HTTP/1.1', 'Host: localhost', 'Connection: close', 'Content-Type: application/json',
  `Content-Length: ${body.length}`, ...lines, '', body].join('\r\n');

for (const [name, lines, statuses] of [
  ['a credential twice', ['Authorization: Bearer sk-ant-oat01-a', 'Authorization: Bearer sk-ant-oat01-b'], [400]],
  ['a credential with a comma', ['Authorization: Bearer sk-ant-oat01-a,b'], [400]],
  ['an api key with a comma', ['x-api-key: sk-ant-api03-a, sk-ant-api03-b'], [400]],
  ['a control byte in a value', ['anthropic-beta: oauth\x01evil'], [400]],
  ['a header of 20 KB', [`anthropic-beta: ${'x'.repeat(20_000)}`], [400, 431]],
  ['a hundred headers', Array.from({ length: 100 }, (_, i) => `x-stainless-${i}: ${'y'.repeat(60)}`), [200, 400, 431]],
]) {
  check(`headers, ${name}: a clear answer, and the next one is served`, async t => {
    const r = await router(t);
    const answer = await raw(r, head(...lines));
    assert.ok(statuses.includes(answer.status), answer.text);
    assert.equal((await r.post(message(), oauth)).status, 200);
    if (answer.status === 400) assert.equal((await r.sim.requests('claude_pro')).length, 1, 'nobody else was asked');
  });
}

check('a body shorter than it says: nobody is asked', async t => {
  const r = await router(t);
  await raw(r, head().replace(/Content-Length: \d+/, `Content-Length: ${body.length + 50}`), { leave: true }).catch(() => {});
  assert.equal((await r.post(message(), oauth)).status, 200);
  assert.equal((await r.sim.requests('claude_pro')).length, 1);
});
