// SPDX-License-Identifier: MIT
// The operator's choice, and who may make it.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { providers, router, stored } from './lib/router.mjs';

const who = answer => answer.headers['x-router-provider'];

check('to a provider and back to auto', async t => {
  const r = await router(t);
  const answer = await r.switchTo('kimi');
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.current_provider, 'kimi');
  assert.equal(answer.json.mode, 'manual');
  for (let i = 0; i < 4; i++) assert.equal(who(await r.post(message())), 'kimi', 'in each process');
  assert.equal((await r.status()).mode, 'manual');
  const auto = await r.switchTo('auto');
  assert.equal(auto.json.mode, 'auto');
  assert.equal(auto.json.current_provider, 'claude_pro');
  assert.equal(who(await r.post(message())), 'claude_pro');
});

check('an object says it too, and so does ctl', async t => {
  const r = await router(t);
  const answer = await r.post({ provider: 'deepseek' }, {}, '/v1/switch-provider');
  assert.equal(answer.json.current_provider, 'deepseek', answer.text);
  const ctl = await r.ctl('switch', 'kimi');
  assert.equal(ctl.code, 0, ctl.stderr);
  assert.equal(who(await r.post(message())), 'kimi');
  assert.equal((await r.ctl('switch', 'auto')).code, 0);
  assert.equal((await r.status()).mode, 'auto');
});

check('failover still works from there', async t => {
  const r = await router(t);
  await r.switchTo('deepseek');
  await r.sim.next('deepseek', { fault: 'balance' });
  assert.equal(who(await r.post(message())), 'claude_pro');
});

check('to one that rests is done, with a warning', async t => {
  const r = await router(t);
  await r.sim.next('deepseek', { fault: 'balance' });
  await r.switchTo('deepseek');
  await r.post(message());
  await r.switchTo('auto');
  const answer = await r.switchTo('deepseek');
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.mode, 'manual');
  assert.equal(typeof answer.json.warning, 'string');
});

check('to one whose pause is thereby due: the status names it, and is healthy', async t => {
  const r = await router(t);
  await r.sim.next('deepseek', { fault: 'balance' });
  await r.switchTo('deepseek');
  assert.notEqual(who(await r.post(message())), 'deepseek');
  await r.switchTo('auto');
  await r.switchTo('deepseek');
  const status = await r.status();
  assert.equal(status.providers.deepseek.state, 'probing');
  assert.equal(status.current_provider, 'deepseek');
  assert.equal(status.status, 'healthy');
  assert.match(status.reason, /^deepseek may be available again/);
});

for (const body of ['"nobody"', '{"provider":"nobody"}', '', '{', '17', 'null', '[]', '{"provider":17}', `"${'x'.repeat(5000)}"`, '"kimi" "deepseek"']) {
  check(`the body ${JSON.stringify(body.slice(0, 24))} is a 400`, async t => {
    const r = await router(t);
    const answer = await r.post(body, {}, '/v1/switch-provider');
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.json.error.type, 'invalid_request_error');
    for (const name of [...providers, 'auto']) assert.ok(answer.json.error.message.includes(name), `names ${name}: ${answer.json.error.message}`);
    assert.equal((await r.status()).mode, 'auto');
  });
}

for (const [name, headers] of Object.entries({
  'a proxy stands between': { 'x-forwarded-for': '203.0.113.7' },
  'another kind of proxy does': { forwarded: 'for=203.0.113.7' },
  'a web page asks': { origin: 'http://evil.example' },
  'a cross-site fetch asks': { 'sec-fetch-site': 'cross-site' },
  'the name is not ours': { host: 'evil.example' },
})) {
  check(`not for anybody: ${name}`, async t => {
    const r = await router(t);
    for (const at of ['/v1/switch-provider', '/v1/health-check']) {
      const answer = await r.post('"kimi"', headers, at);
      assert.equal(answer.status, 403, `${at}: ${answer.text}`);
      assert.equal(answer.json.error.type, 'permission_error');
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    }
    assert.equal((await r.get('/v1/status', headers)).status, 403);
    assert.equal((await r.status()).mode, 'auto');
  });
}

for (const body of ['{"provider":17}', '{"provider":null}', '{"provider":"kimi","provider":7}', '{"provider":["kimi"]}', '"kimi\\u0000"', '""']) {
  check(`a name that is none, ${body}: a 400, and nobody is asked`, async t => {
    const r = await router(t, { tokens: stored });
    for (const at of ['/v1/switch-provider', '/v1/retry-provider', '/v1/health-check']) {
      const answer = await r.post(body, {}, at);
      assert.equal(answer.status, 400, `${at}: ${answer.text}`);
      assert.match(answer.json.error.message, /claude_pro, deepseek, kimi/);
    }
    for (const provider of providers) assert.equal((await r.sim.requests(provider)).length, 0, `${provider} was asked`);
    assert.equal((await r.status()).mode, 'auto');
  });
}

check('the admin token opens it from anywhere', async t => {
  const r = await router(t, { tokens: { deepseek: 'sk-stored-deepseek', admin_token: 'a-long-admin-token-of-the-tests' } });
  const far = { 'x-forwarded-for': '203.0.113.7' };
  assert.equal((await r.get('/v1/status', { ...far, 'x-router-admin': 'a-long-admin-token-of-the-tests' })).status, 200);
  assert.equal((await r.get('/v1/status', { ...far, ...bearer('a-long-admin-token-of-the-tests') })).status, 200);
  assert.equal((await r.get('/v1/status', { ...far, 'x-router-admin': 'a-long-admin-token-of-the-test' })).status, 403);
});

check('nobody from beyond loopback gets a stored credential', async t => {
  const r = await router(t);
  const far = { 'x-forwarded-for': '203.0.113.7' };
  const answer = await r.post(message(), far);
  assert.equal(answer.status, 403, answer.text);
  for (const provider of providers) assert.equal((await r.sim.requests(provider)).length, 0, `${provider} was asked`);
  const own = await r.post(message(), { ...far, ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' });
  assert.equal(who(own), 'claude_pro', 'who brings a login uses that');
});
