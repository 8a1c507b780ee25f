// SPDX-License-Identifier: MIT
// A web page spends nothing, whatever the router lets others do; who is far stays far; and what arrives twice goes on once.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { check } from './lib/case.mjs';
import { API_KEY, LOGIN, bearer, message, post, raw } from './lib/client.mjs';
import { providers, router, stored } from './lib/router.mjs';
import { server } from './lib/servers/index.mjs';

const who = answer => answer.headers['x-router-provider'];
const pages = {
  'a page with its origin': { origin: 'https://evil.example' },
  'a page that hides its origin': { origin: 'null' },
  'a page that says to be ours': { origin: 'http://127.0.0.1' },
  'a page of another site': { 'sec-fetch-site': 'cross-site' },
  'a page of the same site': { 'sec-fetch-site': 'same-site' },
  'a name that is not ours (DNS rebinding)': { host: 'evil.example:8000' },
  'such a name, of the same origin': { host: 'evil.example:8000', origin: 'http://evil.example:8000', 'sec-fetch-site': 'same-origin' },
};

async function nobodyWasAsked(r) {
  for (const name of providers) assert.equal((await r.sim.requests(name)).length, 0, name);
}

for (const [what, headers] of Object.entries(pages)) {
  check(`no stored credential for ${what}, also with allow_open`, async t => {
    const r = await router(t, { config: 'allow_open = true' });
    const answer = await r.post(message(), headers);
    assert.equal(answer.status, 403, answer.text);
    assert.equal((await r.post({ model: 'claude-sonnet-5-5', messages: message().messages }, headers, '/v1/messages/count_tokens')).headers['x-router-estimate'], '1');
    assert.equal((await r.get('/v1/models', headers)).status, 200);
    for (const at of ['/v1/status', '/metrics']) assert.equal((await r.get(at, headers)).status, 403, at);
    for (const at of ['/v1/switch-provider', '/v1/health-check', '/v1/self-test']) assert.equal((await r.post('"kimi"', headers, at)).status, 403, at);
    await nobodyWasAsked(r);
    const own = await r.post(message(), { ...headers, ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' });
    assert.equal(who(own), 'claude_pro', 'its own login is its own');
    for (const { headers } of [answer, own]) assert.deepEqual(Object.keys(headers).filter(name => name.startsWith('access-control-')), []);
  });
}

check('a page with a client key is served, a browser with its own API key, too', async t => {
  const r = await router(t, { tokens: { deepseek: stored.deepseek }, whole: (sim, it) => `keys_file = "${it.file('keys')}"\n${it.usualConfig()}` });
  const run = await r.ctl('key', 'add', 'anna');
  const key = run.stdout.split('\n')[0];
  assert.equal((await r.ctl('reload')).code, 0);
  const page = pages['a page with its origin'];
  assert.equal(who(await r.post(message(), { ...page, 'x-router-key': key })), 'deepseek');
  assert.equal(who(await r.post(message(), page, `/k/${key}/v1/messages`)), 'deepseek');
  const own = await r.post(message(), { ...page, 'x-api-key': API_KEY, 'anthropic-dangerous-direct-browser-access': 'true' });
  assert.equal(who(own), 'claude_api', own.text);
  assert.equal((await r.sim.requests('claude_api'))[0].headers['x-api-key'], API_KEY);
});

check('the SDK’s and Claude Code’s word for browsers is no sign of one', async t => {
  const r = await router(t);
  assert.equal((await r.post(message(), { 'anthropic-dangerous-direct-browser-access': 'true' })).status, 200);
  assert.equal((await r.post(message(), { 'sec-fetch-site': 'none' })).status, 200);
  const typed = await post(`${r.url}/v1/messages`, message(), { 'content-type': 'text/plain' });
  assert.equal(who(typed), 'claude_pro', 'what is no browser may say what it likes: the provider judges');
});

// As conf/container/start fills it in for ROUTER_ACCESS=host; the gateway is where this case asks from.
check('the container’s settings hold against a page in the developer’s browser', async t => {
  const shipped = readFileSync(new URL('../../conf/container/claude-router.conf', import.meta.url), 'utf8');
  const r = await router(t, { whole: (sim, it) => `${shipped.replace('@access@', 'open').replace('@allow_open@', 'true').replace('@gateway@', ', "127.0.0.1"')
    .replace(/^keys_file = .*$/m, `keys_file = "${it.file('keys')}"`)}\n${it.usualConfig()}` });
  for (const [what, headers] of Object.entries(pages)) {
    assert.equal((await r.post(message(), headers)).status, 403, what);
    assert.equal((await r.post('"kimi"', headers, '/v1/switch-provider')).status, 403, what);
    assert.equal((await r.get('/v1/status', headers)).status, 403, what);
  }
  await nobodyWasAsked(r);
  assert.equal((await r.post(message())).status, 200, 'the developer is served');
  assert.equal((await r.status()).mode, 'auto');
});

check('a form of a page is refused', async t => {
  const r = await router(t, { config: 'allow_open = true' });
  const answer = await r.post(message(), { origin: 'null', 'content-type': 'text/plain' });
  assert.equal(answer.status, 415, answer.text);
  assert.equal(answer.json.error.type, 'invalid_request_error');
  for (const type of ['text/plain; application/json', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded', 'application/jsonx']) {
    assert.equal((await r.post(message(), { ...bearer(LOGIN), 'sec-fetch-mode': 'no-cors', 'content-type': type })).status, 415, type);
  }
  const bare = await raw(r, 'POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\norigin: null\r\ncontent-length: 2\r\n\r\n{}');
  assert.equal(bare.status, 415, 'nor without any');
  await nobodyWasAsked(r);
});

// --- Credentials and headers ------------------------------------------------------------------------------------------

check('a login in x-api-key is the login', async t => {
  const r = await router(t);
  const answer = await r.post(message(), { 'x-api-key': LOGIN, 'anthropic-beta': 'oauth-2025-04-20' });
  assert.equal(who(answer), 'claude_pro', answer.text);
  const [arrived] = await r.sim.requests('claude_pro');
  assert.equal(arrived.headers.authorization, `Bearer ${LOGIN}`);
  assert.equal(arrived.headers['x-api-key'], undefined);
  for (let i = 0; i < 4; i++) await r.post(message(), { 'x-api-key': LOGIN, 'anthropic-beta': 'oauth-2025-04-20' });
  const said = r.log().match(/login as x-api-key/g)?.length;
  assert.ok(said >= 1 && said <= r.pids().length, `said ${said} times by ${r.pids().length} processes`);
  assert.ok(!r.log().includes(LOGIN));
});

check('Bearer with more blanks, in another case', async t => {
  const r = await router(t);
  assert.equal(who(await r.post(message(), { authorization: `bEARER   ${LOGIN}`, 'anthropic-beta': 'oauth-2025-04-20' })), 'claude_pro');
  assert.equal((await r.sim.requests('claude_pro'))[0].headers.authorization, `Bearer ${LOGIN}`);
});

check('what comes in several lines goes on in one, of a single value the first', async t => {
  const r = await router(t);
  const lines = { accept: ['application/json', 'text/event-stream'], 'anthropic-beta': ['oauth-2025-04-20', 'one-2026-01-01'], 'anthropic-version': ['2023-06-01', '2023-06-01'],
    'x-claude-code-session-id': ['s-1', 's-1'], 'x-stainless-lang': ['js', 'js'], 'x-app': ['cli', 'cli'], 'content-type': ['application/json', 'application/json'] };
  const answer = await r.post(message(), { ...bearer(LOGIN), ...lines });
  assert.equal(answer.status, 200, answer.text);
  const [{ rawHeaders }] = await r.sim.requests('claude_pro');
  const arrived = name => rawHeaders.map(one => Array.isArray(one) ? one : String(one).split(/: ?/)).filter(([n]) => n.toLowerCase() === name).map(([, v]) => v);
  for (const [name, [first]] of Object.entries(lines).slice(2)) assert.deepEqual(arrived(name), [first], name);
  assert.deepEqual(arrived('accept'), ['application/json, text/event-stream']);
  assert.deepEqual(arrived('anthropic-beta'), ['oauth-2025-04-20,one-2026-01-01']);
});

check('content-type goes on once, and all betas', async t => {
  const r = await router(t);
  const answer = await r.post(message(), { ...bearer(LOGIN), 'anthropic-beta': ['oauth-2025-04-20', 'one-2026-01-01', 'two-2026-01-01'], 'content-type': 'application/json' });
  assert.equal(answer.status, 200, answer.text);
  const [arrived] = await r.sim.requests('claude_pro');
  assert.equal(arrived.headers['content-type'], 'application/json');
  assert.equal(arrived.headers['anthropic-beta'], 'oauth-2025-04-20,one-2026-01-01,two-2026-01-01');
});

// --- Who asks through proxies -----------------------------------------------------------------------------------------

const ADMIN_AT = '192.0.2.1';
const behind = t => router(t, { config: `trusted_proxies = { "127.0.0.1", "10.0.0.0/8" }\nadmin_from = { "127.0.0.0/8", "::1", "${ADMIN_AT}" }` });

check('behind trusted proxies the first that is none of them asks', async t => {
  const r = await behind(t);
  const status = async (...lines) => (await r.get('/v1/status', { 'x-forwarded-for': lines })).status;
  for (const list of [`${ADMIN_AT}`, `x, ${ADMIN_AT}`, `203.0.113.7, ${ADMIN_AT}:4711, 10.1.2.3`, `${ADMIN_AT},${' 127.0.0.1,'.repeat(500)} 10.0.0.1`, `::ffff:${ADMIN_AT}`, `[::ffff:${ADMIN_AT}]:80`]) {
    assert.equal(await status(list), 200, list.slice(0, 80));
  }
  for (const list of ['203.0.113.7', '203.0.113.7, 127.0.0.1', `${ADMIN_AT}, 203.0.113.7, 10.0.0.1`, '127.0.0.1', '127.0.0.1, 127.0.0.1', '203.0.113.7, 127.0.0.2', '203.0.113.7, ::1', `${ADMIN_AT}, unknown`,
    `${ADMIN_AT}, "10.0.0.1"`, `${ADMIN_AT},`, `${ADMIN_AT}x`, `203.0.113.7,${' 127.0.0.1,'.repeat(500)} 10.0.0.1`]) {
    assert.equal(await status(list), 403, list.slice(0, 80));
  }
  assert.equal((await r.post(message(), { 'x-forwarded-for': '203.0.113.7, 127.0.0.1' })).status, 403, 'nor is anything spent');
  await nobodyWasAsked(r);
  assert.match(r.log(), /client=203\.0\.113\.7/);
  assert.equal(await status(ADMIN_AT, '203.0.113.7'), 403, 'in two lines');
  assert.equal(await status('203.0.113.7', ADMIN_AT), 200, 'in two lines');
  for (const other of [{ forwarded: `for=${ADMIN_AT}` }, { 'x-real-ip': ADMIN_AT }, { via: '1.1 x' }, { 'x-forwarded-proto': 'https' }]) {
    assert.equal((await r.get('/v1/status', other)).status, 403, JSON.stringify(other));
    assert.equal((await r.get('/v1/status', { ...other, 'x-forwarded-for': ADMIN_AT })).status, 200, `${JSON.stringify(other)} beside it`);
  }
});

// lighttpd takes _ for -, and hands both over.
for (const name of ['X_Forwarded_For', 'X-Forwarded_For', 'x_forwarded_for']) {
  check(`the header ${name} is nobody’s word (${server})`, async t => {
    const r = await behind(t);
    const far = ['x-forwarded-for: 203.0.113.7', `${name}: ${ADMIN_AT}`];
    for (const lines of [far, far.toReversed()]) {
      const answer = await raw(r, ['GET /v1/status HTTP/1.1', 'host: 127.0.0.1', 'connection: close', ...lines, '', ''].join('\r\n'));
      assert.equal(answer.status, 403, lines.join());
    }
  });
}
