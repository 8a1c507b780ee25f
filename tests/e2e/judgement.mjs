// SPDX-License-Identifier: MIT
// One request's trouble is not everybody's: what rests nobody, what is known as an answer, whose words count.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { router } from './lib/router.mjs';
import { person } from './lib/scene.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const ALL = ['claude_pro', 'deepseek', 'kimi', 'claude_api'];
const who = answer => answer.headers['x-router-provider'];
const event = (name, data) => `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`;
const START = event('message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [], stop_reason: null, usage: { input_tokens: 1, output_tokens: 1 } } });
const end = reason => event('message_delta', { delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 1 } }) + event('message_stop', {});
const empty = reason => ({ fault: 'raw', status: 200, content_type: 'text/event-stream', body: START + end(reason) });
const raw = (status, body, content_type = 'application/json') => ({ fault: 'raw', status, content_type, body: typeof body === 'string' ? body : JSON.stringify(body) });

async function nobodyRests(r) {
  const { providers } = await r.status();
  for (const name of ALL) assert.equal(providers[name].state, 'ready', `${name}: ${providers[name].why}`);
}

for (const reason of ['refusal', 'max_tokens', 'pause_turn', 'stop_sequence', 'end_turn'])
  check(`a stream of Claude's that ends with ${reason} and no block passes, and rests nobody`, async t => {
    const r = await router(t);
    await r.sim.next('claude_pro', empty(reason));
    const s = await r.stream(message(), oauth);
    const events = await s.rest();
    assert.deepEqual(events.map(e => e.event), ['message_start', 'message_delta', 'message_stop']);
    assert.equal(events[1].data.delta.stop_reason, reason);
    assert.equal((await r.sim.requests('deepseek')).length, 0);
    await nobodyRests(r);
  });

check("another one's empty end_turn goes on to the next, and passes when all say the same", async t => {
  const r = await router(t, { order: ['deepseek', 'kimi'] });
  await r.sim.next('deepseek', empty('end_turn'));
  const answer = await r.stream(message());
  assert.ok((await answer.rest()).length > 3, 'kimi had more to say');
  assert.equal(who(answer), 'kimi');
  await r.sim.next('deepseek', empty('end_turn'));
  await r.sim.next('kimi', empty('end_turn'));
  const last = await r.stream(message());
  assert.deepEqual((await last.rest()).map(e => e.event), ['message_start', 'message_delta', 'message_stop']);
  assert.equal((await r.status()).providers.deepseek.state, 'ready');
});

check('"stream": 1 is a 400, and nobody is asked', async t => {
  const r = await router(t);
  const answer = await r.post({ ...message(), stream: 1 }, oauth);
  assert.equal(answer.status, 400);
  assert.match(answer.json.error.message, /stream: must be true or false/);
  for (const name of ALL) assert.equal((await r.sim.requests(name)).length, 0);
});

for (const [what, fault] of [
  ['{}', raw(200, {})], ['{"code":500}', raw(200, { code: 500 })], ['{"error":null}', raw(200, { error: null })],
  ["OpenAI's form", raw(200, { id: 'c', object: 'chat.completion', choices: [] })], ['204', raw(204, '')],
])
  check(`a 2xx that is no message is no answer: ${what}`, async t => {
    const r = await router(t);
    await r.sim.next('claude_pro', { ...fault, times: 2 });
    const answer = await r.post(message(), oauth);
    assert.equal(`${answer.status} ${who(answer)}`, '200 deepseek', answer.text);
    assert.equal(answer.json.type, 'message');
  });

check('a stream for JSON, and JSON for a stream, is a hop without a rest', async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', empty('end_turn'));
  assert.equal(who(await r.post(message(), oauth)), 'deepseek');
  await r.sim.next('claude_pro', raw(200, { id: 'm', type: 'message', role: 'assistant', content: [{ type: 'text', text: 'x' }], stop_reason: 'end_turn' }));
  const s = await r.stream(message(), oauth);
  await s.rest();
  assert.equal(who(s), 'deepseek');
  await nobodyRests(r);
});

check("a model's name that speaks of limits rests nobody", async t => {
  const r = await router(t);
  const model = 'claude-usage limit reached|9999999999';
  await r.sim.next('claude_pro', raw(400, { type: 'error', error: { type: 'invalid_request_error', message: `model: ${model}` } }));
  const answer = await r.post({ ...message(), model }, oauth);
  assert.equal(answer.status, 400, answer.text);
  await nobodyRests(r);
});

check('nor does one that is written in escapes, nor a header', async t => {
  const r = await router(t);
  const said = { type: 'error', error: { type: 'invalid_request_error', message: 'model: claude-usage limit reached' } };
  await r.sim.next('claude_pro', raw(400, said));
  const body = JSON.stringify({ ...message(), model: 'NAME' }).replace('NAME', 'claude-\\u0055s\\u0061ge\\u0020limit reached');
  assert.equal((await r.post(body, oauth)).status, 400);
  await r.sim.next('claude_pro', raw(400, { ...said, error: { ...said.error, message: 'anthropic-version: Usage limit reached is no version' } }));
  assert.equal((await r.post(message(), { ...oauth, 'anthropic-version': 'Usage limit reached' })).status, 400);
  await nobodyRests(r);
});

const OVERLOADED = { fault: 'overloaded', times: 2 }; // the first, and its retry

check('what a second account sees within a minute rests everybody', async t => {
  const r = await router(t);
  for (const name of ['ann', 'ben']) {
    await r.sim.next('claude_pro', OVERLOADED);
    assert.equal(who(await r.post(message(), person(name))), 'deepseek', name);
  }
  assert.equal(who(await r.post(message(), person('cid'))), 'deepseek');
  assert.equal((await r.sim.requests('claude_pro')).length, 4, 'the third one is not sent there');
});

check('what a throttled account sees is its own', async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', { fault: 'throttle_bare', times: 4 });
  for (let i = 0; i < 2; i++) assert.equal(who(await r.post(message(), person('ann'))), 'deepseek');
  await r.sim.next('claude_pro', OVERLOADED);
  assert.equal(who(await r.post(message(), person('ben'))), 'deepseek');
  assert.equal(who(await r.post(message(), person('cid'))), 'claude_pro');
});

check('a stream is one under any 2xx', async t => {
  const r = await router(t, { order: ['deepseek', 'kimi'] });
  await r.sim.next('deepseek', raw(201, START + event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
    event('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'Hi' } }) + event('content_block_stop', { index: 0 }) + end('end_turn'), 'text/event-stream'));
  const answer = await r.stream(message());
  const events = await answer.rest();
  assert.equal(who(answer), 'deepseek');
  assert.equal(events.find(e => e.event === 'content_block_delta').data.delta.text, 'Hi');
});

check('a page about one body rests nobody', async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', raw(413, '<html>too large', 'text/html'));
  assert.equal(who(await r.post(message(), oauth)), 'deepseek');
  await nobodyRests(r);
});

check("a firewall's 403 is not the login's fault", async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', { ...raw(403, 'Not available in your region', 'text/plain'), times: 2 });
  const answer = await r.post(message(), oauth);
  assert.equal(`${answer.status} ${who(answer)}`, '200 deepseek', answer.text);
});

check("a stored key is put aside for words about it, not for a reseller's quota", async t => {
  const r = await router(t, { order: ['deepseek', 'kimi'] });
  await r.sim.next('deepseek', raw(403, { error: { code: 'insufficient_user_quota', message: 'x', type: 'new_api_error' } }));
  assert.equal(who(await r.post(message())), 'kimi');
  const { state, why } = (await r.status()).providers.deepseek;
  assert.equal(state, 'resting', why);
});

check('retry-after of a fraction is held like a second', async t => {
  const r = await router(t, { order: ['claude_pro'] });
  await r.sim.next('claude_pro', { ...raw(429, { type: 'error', error: { type: 'rate_limit_error', message: 'x' } }), headers: [['retry-after', '0.2']] });
  const answer = await r.post(message(), oauth);
  assert.equal(answer.status, 200, answer.text);
});

check('tokens are counted by who would serve the message, or estimated', async t => {
  const r = await router(t);
  const count = { model: 'claude-sonnet-5-5', messages: message().messages };
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800 });
  assert.equal(who(await r.post(message(), oauth)), 'deepseek');
  const answer = await r.post(count, oauth, '/v1/messages/count_tokens');
  assert.equal(answer.headers['x-router-estimate'], '1', 'DeepSeek cannot count');
  assert.equal((await r.sim.requests('claude_api')).length, 0);
  await r.switchTo('claude_api');
  assert.equal(who(await r.post(count, oauth, '/v1/messages/count_tokens')), 'claude_api');
});

check("a client's words that an error in mid-stream repeats pause nothing, though the request is freed by then", async t => {
  const r = await router(t, { order: ['deepseek', 'kimi'] });
  const words = `usage limit reached|${Math.floor(Date.now() / 1000) + 7 * 86400}`;
  await r.sim.next('deepseek', { fault: 'error_event', at: 'text', type: 'rate_limit_error', message: words });
  await (await r.stream(message(words))).rest();
  assert.doesNotMatch((await r.status()).providers.deepseek.reason, /usage limit/);
});
