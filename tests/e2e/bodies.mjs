// SPDX-License-Identifier: MIT
// Request bodies: as large as allowed, larger, and broken.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { fastcgi } from './lib/fastcgi.mjs';
import { providers, router, stored } from './lib/router.mjs';

const MB = 1024 * 1024;
const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };

// A message of exactly so many bytes.
function sized(bytes) {
  const empty = JSON.stringify(message(''));
  return JSON.stringify(message('x'.repeat(bytes - empty.length)));
}

async function nobodyWasAsked(r) {
  for (const provider of providers) assert.equal((await r.sim.requests(provider)).length, 0, `${provider} was asked`);
}

check('32 MB go through, byte for byte', async t => {
  const r = await router(t);
  const body = sized(32 * MB);
  const answer = await r.post(body, oauth);
  assert.equal(answer.status, 200, answer.text.slice(0, 500));
  const [arrived] = await r.sim.requests('claude_pro');
  assert.equal(arrived.body_bytes, 32 * MB);
  assert.equal(arrived.body_sha256, createHash('sha256').update(body).digest('hex'));
});

check('a byte more is a 413 of our own', async t => {
  const r = await router(t);
  const answer = await r.post(sized(32 * MB + 1), oauth);
  assert.equal(answer.status, 413, answer.text.slice(0, 500));
  assert.equal(answer.json.error.type, 'request_too_large');
  assert.match(answer.json.error.message, /32/);
  await nobodyWasAsked(r);
});

check('max_request_bytes is what counts', async t => {
  const r = await router(t, { config: 'max_request_bytes = "1M"' });
  assert.equal((await r.post(sized(MB), oauth)).status, 200);
  assert.equal((await r.post(sized(MB + 1), oauth)).status, 413);
});

check('a body that grows past it without saying its length is a 413, too', async t => {
  const r = await router(t, { alone: true, config: 'max_request_bytes = "1M"' });
  const answer = await fastcgi(r.socket, { headers: oauth, body: JSON.stringify(sized(2 * MB)), sized: false });
  assert.equal(answer.status, 413, answer.text.slice(0, 500));
  assert.match(answer.json.error.message, /max_request_bytes/);
  await nobodyWasAsked(r);
});

check('40 MB are refused before they are read', async t => {
  const r = await router(t);
  const answer = await r.post(sized(40 * MB), oauth).catch(error => ({ status: error.code }));
  assert.ok([413, 'EPIPE', 'ECONNRESET'].includes(answer.status), String(answer.status));
  await nobodyWasAsked(r);
  assert.equal((await r.post(message(), oauth)).status, 200, 'the next one is served');
});

const broken = {
  'nothing at all': '',
  'half an object': '{"model":"claude-sonnet-5-5","messages":[',
  'a list': '[]',
  'a number': '17',
  'no JSON': 'model=claude&messages=hello',
  'something behind the end': '{"model":"claude-sonnet-5-5","max_tokens":1,"messages":[]} and more',
  'a hundred thousand brackets': `{"model":"m","messages":${'['.repeat(100_000)}`,
};
for (const [name, body] of Object.entries(broken)) {
  check(`${name}: 400, and nobody is asked`, async t => {
    const r = await router(t);
    const answer = await r.post(body, oauth);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.type, 'error');
    assert.equal(answer.json.error.type, 'invalid_request_error');
    await nobodyWasAsked(r);
    assert.equal((await r.post(message(), oauth)).status, 200, 'the next one is served');
  });
}

// Well-formed enough to be passed on: whoever says it, the client gets a 400 and the provider stays well.
for (const [name, body] of Object.entries({
  'bytes that are no text': Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  'a model that is a number': '{"model":17,"max_tokens":1,"messages":[{"role":"user","content":"x"}]}',
  'no messages': '{"model":"claude-sonnet-5-5","max_tokens":1}',
})) {
  check(`${name}: 400`, async t => {
    const r = await router(t);
    const answer = await r.post(body, oauth);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.error.type, 'invalid_request_error');
    assert.equal((await r.status()).providers.claude_pro.state, 'ready');
    assert.equal((await r.post(message(), oauth)).headers['x-router-provider'], 'claude_pro');
  });
}

// The first provider is Claude, or one whose bodies are rewritten: it is never asked.
for (const first of ['claude_pro', 'deepseek']) {
  check(`bytes that are no UTF-8, ${first} first: a 400 that names the byte`, async t => {
    const r = await router(t, { tokens: stored });
    if (first !== 'claude_pro') await r.switchTo(first);
    const body = Buffer.from(JSON.stringify(message('M\u00fcller')), 'latin1');
    const answer = await r.post(body, oauth);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.error.type, 'invalid_request_error');
    assert.match(answer.json.error.message, new RegExp(`UTF-8: byte ${body.indexOf(0xfc)} of ${body.length}`));
    await nobodyWasAsked(r);
  });

  check(`a byte order mark before the body, ${first} first: it is dropped`, async t => {
    const r = await router(t, { tokens: stored });
    if (first !== 'claude_pro') await r.switchTo(first);
    const body = JSON.stringify(message('ä'));
    const answer = await r.post(`\ufeff${body}`, oauth);
    assert.equal(answer.status, 200, answer.text);
    const [arrived] = await r.sim.requests(first);
    if (first === 'claude_pro') assert.equal(arrived.body_sha256, createHash('sha256').update(body).digest('hex'));
  });
}

for (const [name, encoding] of Object.entries({ gzip: 'gzip', 'two at once': 'gzip, br' })) {
  check(`a compressed body, ${name}: a 415 that names the encoding`, async t => {
    const r = await router(t);
    const answer = await r.post(gzipSync(JSON.stringify(message())), { ...oauth, 'content-encoding': encoding });
    assert.equal(answer.status, 415, answer.text);
    assert.equal(answer.json.error.type, 'invalid_request_error');
    assert.match(answer.json.error.message, new RegExp(`content-encoding: ${encoding} is not supported`));
    await nobodyWasAsked(r);
    assert.equal((await r.post(message(), oauth)).status, 200, 'the next one is served');
  });
}
