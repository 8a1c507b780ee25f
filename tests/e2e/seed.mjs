// SPDX-License-Identifier: MIT
// The example that the project began with: a made-up key and a body of four lines are answered by the first provider
// with a stored credential.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { router, stored } from './lib/router.mjs';

const body = `{
  "model": "claude-3-opus-20240229",
  "max_tokens": 1024,
  "messages": [{"role": "user", "content": "Hello, Claude"}]
}`;

for (const [who, tokens] of [['claude_pro', stored], ['deepseek', { deepseek: stored.deepseek, kimi: stored.kimi }],
  ['kimi', { kimi: stored.kimi }], ['claude_api', { CLAUDE_API_KEY: stored.claude_api }]]) {
  check(`your_api_key is answered by ${who} when it is the first with a stored credential`, async t => {
    const r = await router(t, { tokens });
    const answer = await r.post(body, { authorization: 'Bearer your_api_key' });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['x-router-provider'], who);
    assert.equal(answer.json.type, 'message');
    assert.equal(answer.json.role, 'assistant');
    const [arrived] = await r.sim.requests(who);
    assert.ok(!JSON.stringify(arrived.rawHeaders).includes('your_api_key'), 'the made-up key goes nowhere');
  });
}

check('without any credential the answer says what to configure', async t => {
  const r = await router(t, { tokens: null });
  const answer = await r.post(body, { authorization: 'Bearer your_api_key' });
  assert.equal(answer.status, 403, answer.text);
  assert.equal(answer.json.type, 'error');
  assert.match(answer.json.error.message, /tokens/);
});
