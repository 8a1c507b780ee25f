// A web page spends nothing, whatever the router lets others do; and what arrives twice goes on once.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { router } from './lib/router.mjs';

const who = answer => answer.headers['x-router-provider'];
const pages = {
  'a page with its origin': { origin: 'https://evil.example' },
  'a page of another site': { 'sec-fetch-site': 'cross-site' },
  'a name that is not ours (DNS rebinding)': { host: 'evil.example:8000' },
};

for (const [what, headers] of Object.entries(pages))
  check(`no stored credential for ${what}, also with allow_open`, async t => {
    const r = await router(t, { config: 'allow_open = true' });
    const answer = await r.post(message(), headers);
    assert.equal(answer.status, 403, answer.text);
    for (const name of ['claude_pro', 'deepseek', 'kimi', 'claude_api']) assert.equal((await r.sim.requests(name)).length, 0, name);
    const own = await r.post(message(), { ...headers, ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' });
    assert.equal(who(own), 'claude_pro', 'its own login is its own');
  });

check('a form of a page is refused', async t => {
  const r = await router(t, { config: 'allow_open = true' });
  const answer = await r.post(message(), { origin: 'null', 'content-type': 'text/plain' });
  assert.equal(answer.status, 415, answer.text);
});

check('a login in x-api-key is the login', async t => {
  const r = await router(t);
  const answer = await r.post(message(), { 'x-api-key': LOGIN, 'anthropic-beta': 'oauth-2025-04-20' });
  assert.equal(who(answer), 'claude_pro', answer.text);
  const [arrived] = await r.sim.requests('claude_pro');
  assert.equal(arrived.headers.authorization, `Bearer ${LOGIN}`);
  assert.equal(arrived.headers['x-api-key'], undefined);
});

check('content-type goes on once, and all betas', async t => {
  const r = await router(t);
  const answer = await r.post(message(), { ...bearer(LOGIN), 'anthropic-beta': ['oauth-2025-04-20', 'one-2026-01-01', 'two-2026-01-01'], 'content-type': 'application/json' });
  assert.equal(answer.status, 200, answer.text);
  const [arrived] = await r.sim.requests('claude_pro');
  assert.equal(arrived.headers['content-type'], 'application/json');
  assert.equal(arrived.headers['anthropic-beta'], 'oauth-2025-04-20,one-2026-01-01,two-2026-01-01');
});
