// SPDX-License-Identifier: MIT
// The real SDK, as programs use it: base URL changed, nothing else.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { sdk } from './lib/claude.mjs';
import { message } from './lib/client.mjs';
import { router } from './lib/router.mjs';

async function client(r, options = {}) {
  const Anthropic = await sdk();
  return new Anthropic({ baseURL: r.url, apiKey: 'dummy', maxRetries: 0, ...options });
}

check('a message', async t => {
  const r = await router(t);
  const answer = await (await client(r)).messages.create(message('SIM:SAY how do you do'));
  assert.equal(answer.content[0].text, 'how do you do');
  assert.equal(answer.stop_reason, 'end_turn');
});

check('a stream', async t => {
  const r = await router(t);
  const stream = (await client(r)).messages.stream(message('SIM:SAY word by word it comes'));
  const parts = [];
  stream.on('text', text => parts.push(text));
  const final = await stream.finalMessage();
  assert.equal(parts.join(''), 'word by word it comes');
  assert.equal(final.content[0].text, 'word by word it comes');
});

check('a limit between two calls is not noticed', async t => {
  const r = await router(t);
  const anthropic = await client(r);
  await anthropic.messages.create(message('SIM:SAY one'));
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  const { data, response } = await anthropic.messages.create(message('SIM:SAY two')).withResponse();
  assert.equal(data.content[0].text, 'two');
  assert.equal(response.headers.get('x-router-provider'), 'deepseek');
  assert.equal(await anthropic.messages.stream(message('SIM:SAY three')).finalText(), 'three');
  r.clock.forward('62m');
  const back = await anthropic.messages.create(message('SIM:SAY four')).withResponse();
  assert.equal(back.response.headers.get('x-router-provider'), 'claude_pro');
});

check('the own key of a program serves claude_api', async t => {
  const r = await router(t, { tokens: null });
  const { data, response } = await (await client(r, { apiKey: 'sk-ant-api03-a-programs-own' })).messages
    .create(message('SIM:SAY mine')).withResponse();
  assert.equal(data.content[0].text, 'mine');
  assert.equal(response.headers.get('x-router-provider'), 'claude_api');
  const [arrived] = await r.sim.requests('claude_api');
  assert.equal(arrived.headers['x-api-key'], 'sk-ant-api03-a-programs-own');
});

check('a refusal is an error of the right class', async t => {
  const r = await router(t, { tokens: null });
  const Anthropic = await sdk();
  await assert.rejects(async () => (await client(r)).messages.create(message()), error => {
    assert.ok(error instanceof Anthropic.PermissionDeniedError, `${error.constructor.name}: ${error.message}`);
    return true;
  });
});
