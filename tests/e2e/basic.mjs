// SPDX-License-Identifier: MIT
// The routes, and a message from the client through the first provider and back.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, get, message, post, request, textOf } from './lib/client.mjs';
import { router, stored } from './lib/router.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };

function isError(answer, status, type) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.type, 'error');
  assert.equal(answer.json.error.type, type);
  assert.ok(answer.json.error.message.length > 10, 'the message says what to do');
  assert.equal(typeof answer.json.request_id, 'string');
  assert.match(answer.headers['content-type'], /^application\/json/);
}

check('health says who serves', async t => {
  const r = await router(t);
  const { status, json } = await r.get('/health');
  assert.equal(status, 200);
  assert.equal(json.status, 'healthy');
  assert.equal(json.current_provider, 'claude_pro');
  assert.equal(json.failover_count, 0);
  assert.equal(json.last_failover, null);
  assert.equal(json.health_check_failures, 0);
  assert.ok('last_health_check' in json);
  assert.equal(typeof json.line, 'string');
  for (const name of ['claude_pro', 'deepseek', 'kimi', 'claude_api']) assert.equal(json.providers[name].active, true, name);
});

check('health is 503 while nobody can serve, and live is 200 all the same', async t => {
  const r = await router(t, { tokens: null, sections: { claude_pro: 'credential = "stored"', claude_api: 'credential = "stored"' } });
  const { status, json } = await r.get('/health');
  assert.equal(status, 503);
  assert.equal(json.status, 'unhealthy');
  assert.equal((await r.get('/health?live=1')).status, 200);
});

check('the greeting answers GET and HEAD', async t => {
  const r = await router(t);
  const answer = await r.get('/');
  assert.equal(answer.status, 200);
  assert.match(answer.text, /^[^\n]+\n?$/);
  const head = await request(`${r.url}/`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.body.length, 0);
});

check('an unknown path is a 404, and paths are never decoded', async t => {
  const r = await router(t);
  for (const path of ['/nothing', '/v1', '/v1/', '/v1/messages/', '/v1/%6dessages', '/v1/x/../messages', '/v1/models/..']) {
    isError(await post(r.url + path, message()), 404, 'not_found_error');
  }
});

check('a wrong method is a 405 with Allow', async t => {
  const r = await router(t);
  for (const [method, path, allow] of [['GET', '/v1/messages', 'POST'], ['DELETE', '/health', 'GET'], ['GET', '/v1/switch-provider', 'POST']]) {
    const answer = await request(r.url + path, { method });
    assert.equal(answer.status, 405, `${method} ${path}: ${answer.text}`);
    assert.match(answer.headers.allow ?? '', new RegExp(`\\b${allow}\\b`));
    assert.equal(answer.json.type, 'error');
  }
});

check('a message is answered by claude_pro with the client’s own login', async t => {
  const r = await router(t);
  const answer = await r.post(message('Hello there'), oauth);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.type, 'message');
  assert.equal(answer.headers['x-router-provider'], 'claude_pro');
  assert.equal(answer.headers['x-router-attempts'], '1');
  assert.ok(answer.headers['request-id']);
  const [arrived] = await r.sim.requests('claude_pro');
  assert.equal(arrived.headers.authorization, `Bearer ${LOGIN}`);
  assert.equal(arrived.headers['accept-encoding'], 'identity');
  assert.equal(arrived.body, JSON.stringify(message('Hello there')));
});

check('the query and a doubled v1 are understood', async t => {
  const r = await router(t);
  for (const path of ['/v1/messages?beta=true', '/v1/v1/messages', '/v1/messages?beta=true&other=1']) {
    assert.equal((await post(r.url + path, message(), oauth)).status, 200, path);
  }
  const arrived = await r.sim.requests('claude_pro');
  assert.deepEqual(arrived.map(a => a.path), ['/v1/messages?beta=true', '/v1/messages', '/v1/messages?beta=true']);
});

check('a stream reaches the client event by event, byte for byte', async t => {
  const r = await router(t);
  await r.sim.gate('claude_pro', { hold: true });
  const answering = r.stream(message('SIM:SAY one two three'), oauth);
  await r.sim.requests('claude_pro', { wait: 1 });
  const step = () => r.sim.gate('claude_pro', { release: 1 });
  const seen = [];
  // What comes before the first content is held back, and then sent in order.
  while (!seen.some(e => e.event === 'content_block_start')) {
    await step();
    const s = await Promise.race([answering, new Promise(resolve => setTimeout(resolve, 100))]);
    if (s) for (seen.push(await s.next()); s.waiting;) seen.push(await s.next());
  }
  const s = await answering;
  assert.equal(s.status, 200);
  assert.match(s.headers['content-type'], /^text\/event-stream/);
  assert.equal(seen[0].event, 'message_start');
  // From then on one step of the provider is one event here, and nothing comes ahead of its step.
  for (let i = 0; i < 2; i++) {
    await new Promise(resolve => setTimeout(resolve, 50));
    assert.equal(s.waiting, false, 'an event came before the provider sent it');
    await step();
    seen.push(await s.next());
  }
  await r.sim.gate('claude_pro', { hold: false });
  seen.push(...await s.rest());
  assert.equal(seen.at(-1).event, 'message_stop');
  assert.match(textOf(seen), /one two three/);
});

check('models are listed', async t => {
  const r = await router(t);
  const answer = await get(`${r.url}/v1/models`, oauth);
  assert.equal(answer.status, 200, answer.text);
  assert.ok(answer.json.data.length > 0);
});

check('tokens are counted', async t => {
  const r = await router(t);
  const answer = await r.post({ model: 'claude-sonnet-5-5', messages: message().messages }, oauth, '/v1/messages/count_tokens');
  assert.equal(answer.status, 200, answer.text);
  assert.ok(answer.json.input_tokens > 0);
});

check('the stored login serves who brings none', async t => {
  const r = await router(t);
  const answer = await r.post(message());
  assert.equal(answer.headers['x-router-provider'], 'claude_pro', answer.text);
  const [arrived] = await r.sim.requests('claude_pro');
  assert.equal(arrived.headers.authorization, `Bearer ${stored.claude_pro}`);
  assert.match(arrived.headers['anthropic-beta'], /oauth-2025-04-20/);
});
