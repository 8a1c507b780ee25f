// SPDX-License-Identifier: MIT
// Client keys: who is let in by them, by which ways they travel, where they never arrive, and what strangers are told.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { check } from './lib/case.mjs';
import { CLAUDE_LOGIN, person } from './lib/claude.mjs';
import { API_KEY, LOGIN, bearer, message, post, raw, request } from './lib/client.mjs';
import { command, eventually } from './lib/parts.mjs';
import { TOP, providers, router, stored } from './lib/router.mjs';
import { login } from './lib/scene.mjs';
import { server } from './lib/servers/index.mjs';
import { BUILD } from './lib/simulator.mjs';

const BEYOND = { host: 'router.lan' }; // a name that is none of ours: whoever asks by it is not believed to be local
const NO_ADMINS = 'admin_from = { "192.0.2.1" }'; // an address of documentation: nobody here has it
const ADMIN = 'the-admin-token-of-the-tests';
const WRONG = `crk_${'W'.repeat(32)}`;

// A router with a keys file of its own; access: "keys" or "open".
const guarded = (t, { access = 'keys', config = '', ...options } = {}) => router(t, {
  ...options,
  whole: (sim, r) => `access = "${access}"\nkeys_file = "${r.file('keys')}"\n${config}\n${r.usualConfig()}`,
});

// A key for somebody, made as operators make it, and in force in every responder.
async function key(r, name) {
  const run = await r.ctl('key', 'add', name);
  assert.equal(run.code, 0, run.stderr);
  const made = run.stdout.split('\n')[0];
  assert.match(made, /^crk_[A-Za-z0-9_-]{32}$/);
  await takenUp(r);
  return made;
}

async function takenUp(r) {
  const run = await r.ctl('reload');
  assert.equal(run.code, 0, run.stderr);
}

// The ways a key travels: [headers, path].
const ways = {
  'a header': k => [{ 'x-router-key': k }, '/v1/messages'],
  'the path': k => [{}, `/k/${k}/v1/messages`],
  'the path, v1 doubled': k => [{}, `/k/${k}/v1/v1/messages`],
  'x-api-key': k => [{ 'x-api-key': k }, '/v1/messages'],
  bearer: k => [bearer(k), '/v1/messages'],
};

async function nobodyWasAsked(r) {
  for (const provider of providers) assert.equal((await r.sim.requests(provider)).length, 0, `${provider} was asked`);
}

// What the providers, the log, the state and the status hold: nothing of a key, and nothing of its hash.
async function keptSecret(r, ...keys) {
  const places = { log: r.log(), 'the state file': readFileSync(r.state).toString('latin1'), status: JSON.stringify(await r.status()),
    'ctl key list': (await r.ctl('key', 'list')).stdout, 'the web server\'s log': r.server.errors() };
  for (const provider of providers) {
    places[provider] = (await r.sim.requests(provider)).map(q => JSON.stringify([q.rawHeaders, q.path, q.body])).join('\n');
  }
  for (const [place, text] of Object.entries(places)) {
    for (const secret of keys) {
      assert.ok(!text.includes(secret.slice(4)), `the key stands in ${place}`);
      assert.ok(!text.includes(createHash('sha256').update(secret).digest('hex')), `its hash stands in ${place}`);
    }
  }
}

function isRefused(answer, status, words) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.type, 'error');
  assert.match(answer.json.error.message, words);
}

// --- keys that are right --------------------------------------------------------------------------------------------

for (const [way, travel] of Object.entries(ways)) {
  check(`a key by ${way} lets in from anywhere, and goes no further`, async t => {
    const r = await guarded(t);
    const k = await key(r, 'anna');
    const [headers, at] = travel(k);
    const answer = await r.post(message(), { ...BEYOND, ...headers }, at);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['x-router-provider'], 'claude_pro');
    assert.equal((await r.sim.requests('claude_pro'))[0].headers.authorization, `Bearer ${stored.claude_pro}`);
    await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
    assert.equal((await r.post(message(), { ...BEYOND, ...headers }, at)).headers['x-router-provider'], 'deepseek');
    assert.match(r.log(), /event=request .*client=anna .*path=\/v1\/messages/);
    await keptSecret(r, k);
    assert.ok(!JSON.stringify(answer.headers).includes(k), 'no header tells it');
  });
}

check('beside a key the client’s own login and API key pass through', async t => {
  const r = await guarded(t, { tokens: { deepseek: stored.deepseek } });
  const k = await key(r, 'anna');
  for (const way of ['a header', 'the path']) {
    const [headers, at] = ways[way](k);
    assert.equal((await r.post(message(), { ...login, ...BEYOND, ...headers }, at)).headers['x-router-provider'], 'claude_pro', way);
  }
  for (const arrived of await r.sim.requests('claude_pro')) assert.equal(arrived.headers.authorization, `Bearer ${LOGIN}`);
  await r.switchTo('claude_api');
  const answer = await r.post(message(), { ...BEYOND, 'x-api-key': API_KEY, 'x-router-key': k });
  assert.equal(answer.headers['x-router-provider'], 'claude_api');
  assert.equal((await r.sim.requests('claude_api'))[0].headers['x-api-key'], API_KEY);
  await keptSecret(r, k);
});

check('a stream, a count and the models with a key', async t => {
  const r = await guarded(t);
  const k = await key(r, 'anna');
  const s = await r.stream(message('SIM:SAY one'), { 'x-router-key': k });
  assert.equal((await s.rest()).at(-1).event, 'message_stop');
  const count = await r.post({ model: 'claude-sonnet-5-5', messages: message().messages }, {}, `/k/${k}/v1/messages/count_tokens`);
  assert.ok(count.json.input_tokens > 0);
  assert.ok((await r.get('/v1/models', { 'x-router-key': k })).json.data.length > 0);
  await keptSecret(r, k);
});

check('with open access a key is what lets stored credentials serve from beyond', async t => {
  const r = await guarded(t, { access: 'open' });
  const k = await key(r, 'anna');
  assert.equal((await r.post(message(), BEYOND)).status, 403, 'a stranger');
  await nobodyWasAsked(r);
  assert.equal((await r.post(message(), { ...BEYOND, 'x-router-key': k })).status, 200, 'a client');
  assert.equal((await r.post(message(), { 'x-api-key': 'dummy' })).status, 200, 'from loopback; what is no key of ours means nothing');
});

// --- keys that are wrong --------------------------------------------------------------------------------------------

for (const access of ['keys', 'open']) {
  check(`access = "${access}": a wrong key is refused by every way, and nothing is billed`, async t => {
    const r = await guarded(t, { access });
    const k = await key(r, 'anna');
    for (const bad of [WRONG, `${k}x`, k.slice(0, -1), 'crk_']) {
      for (const [way, travel] of Object.entries(ways)) {
        const [headers, at] = travel(bad);
        const answer = await r.post(message(), headers, at);
        isRefused(answer, 401, /Unknown client key.*x-router-key.*key add NAME/);
        assert.equal(answer.headers['x-should-retry'], 'false', way);
      }
    }
    for (const [headers, at] of [ways['a header']('dummy'), ways['the path']('dummy')]) isRefused(await r.post(message(), headers, at), 401, /Unknown client key/);
    await nobodyWasAsked(r);
    await keptSecret(r, k, WRONG);
  });
}

check('two different keys, or one header twice: 400', async t => {
  const r = await guarded(t);
  const [a, b] = [await key(r, 'anna'), await key(r, 'bert')];
  isRefused(await r.post(message(), { 'x-router-key': b }, `/k/${a}/v1/messages`), 400, /[Tt]wo different client keys/);
  isRefused(await r.post(message(), { 'x-router-key': a, 'x-api-key': b }), 400, /[Tt]wo different client keys/);
  isRefused(await r.post(message(), ['host', 'localhost', 'x-router-key', a, 'x-router-key', b]), 400, /x-router-key was sent twice/);
  assert.equal((await r.post(message(), { 'x-router-key': a, ...bearer(a) }, `/k/${a}/v1/messages`)).status, 200, 'one key, thrice');
  await keptSecret(r, a, b);
});

// --- the file -------------------------------------------------------------------------------------------------------

check('keys come and go while the router runs', async t => {
  const r = await guarded(t, { tokens: { ...stored, admin_token: ADMIN } });
  const asks = (k, wanted) => eventually(`${wanted} for a key`, async () => (await r.post(message(), { 'x-router-key': k })).status === wanted);
  const run = await r.ctl('key', 'add', 'anna'); // and no reload: seen by itself
  const k = run.stdout.split('\n')[0];
  for (const way of [`ANTHROPIC_CUSTOM_HEADERS="x-router-key: ${k}"`, `/k/${k}`]) assert.ok(run.stdout.includes(way), run.stdout);
  await asks(k, 200);
  const listed = (await r.ctl('key', 'list')).stdout;
  assert.match(listed, /^ {2}anna +\d{4}-\d\d-\d\d$/m);
  await eventually('each process has it', async () => { // one after the other, each within a second
    for (let i = 0; i < 8; i++) if ((await r.status()).keys_file.keys !== 1) return false;
    return true;
  });
  for (let i = 0; i < 4; i++) assert.equal((await r.post(message(), { 'x-router-key': k })).status, 200);
  assert.equal((await r.ctl('key', 'remove', 'anna')).code, 0);
  await takenUp(r);
  for (let i = 0; i < 4; i++) isRefused(await r.post(message(), { 'x-router-key': k }), 401, /Unknown client key/);
});

check('a keys file that cannot be used leaves the old keys in force, and is shown', async t => {
  const r = await guarded(t);
  const k = await key(r, 'anna');
  const good = readFileSync(r.file('keys'));
  const shows = words => eventually(String(words), async () => words.test(String((await r.status()).keys_file.error)));
  writeFileSync(r.file('keys'), `${good}bert ${WRONG}\n`);
  await shows(/keys:3: this is a key/);
  assert.equal((await r.post(message(), { 'x-router-key': k })).status, 200);
  assert.match(r.log(), /keys:3: this is a key[^]*the old client keys stay in force/);
  for (const [args, code] of [[['key', 'add', 'cleo'], 73], [['reload'], 78]]) {
    const run = await r.ctl(...args);
    assert.equal(run.code, code, run.stdout);
    assert.match(run.stderr, /keys:3: this is a key/);
    assert.ok(!run.stderr.includes(WRONG));
  }
  writeFileSync(r.file('keys'), good);
  chmodSync(r.file('keys'), 0o644);
  await shows(/mode 0644 .*chmod 600/);
  assert.equal((await r.post(message(), { 'x-router-key': k })).status, 200);
  chmodSync(r.file('keys'), 0o640);
  await shows(/^null$/);
  await keptSecret(r, k, WRONG);
});

check('without a keys file every client is refused, and everything says so', async t => {
  const r = await guarded(t);
  isRefused(await r.post(message()), 401, /requires a client key.*key add NAME/);
  assert.match((await r.status()).keys_file.error, /every client is refused.*key add NAME/);
  assert.match(r.log(), /every client is refused/);
  const run = await command(path.join(BUILD, 'claude-router'), ['--check-config'], { env: r.env });
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /^client keys .*does not exist$/m);
  assert.match(run.stdout, /^warning: .*every client is refused/m);
  await key(r, 'anna');
  assert.equal((await r.status()).keys_file.error, null);
  const then = await command(path.join(BUILD, 'claude-router'), ['--check-config'], { env: r.env });
  assert.match(then.stdout, /^client keys .*: 1$/m);
  assert.doesNotMatch(then.stdout, /warning/);
});

check('a new keys file is the responder’s to read, and nobody else’s', async t => {
  const r = await guarded(t);
  await key(r, 'anna');
  const [keys, tokens] = [statSync(r.file('keys')), statSync(r.tokensFile)];
  assert.equal(keys.mode & 0o7777, 0o640);
  assert.deepEqual([keys.uid, keys.gid], [tokens.uid, tokens.gid]);
});

check('a new keys file beside no tokens is of whom the state’s directory is', async t => {
  if (process.getuid() !== 0) t.skip('needs root, to make files for somebody else');
  const r = await guarded(t, { tokens: null });
  mkdirSync(r.file('own'));
  chownSync(r.file('own'), 65534, 65533);
  const run = await command(path.join(BUILD, 'claude-router-ctl'), ['key', 'add', 'anna'], { env: { ...r.env, ROUTER_STATE_FILE: r.file('own/state') } });
  assert.equal(run.code, 0, run.stderr);
  const { uid, gid, mode } = statSync(r.file('keys'));
  assert.deepEqual([uid, gid, mode & 0o7777], [65534, 65533, 0o640]);
});

check('many keys made at once are all there', async t => {
  const r = await guarded(t);
  const names = Array.from({ length: 8 }, (_, i) => `p${i}`);
  const made = await Promise.all(names.map(name => r.ctl('key', 'add', name)));
  await takenUp(r);
  assert.equal((await r.status()).keys_file.keys, names.length);
  for (const run of made) assert.equal((await r.post(message(), { 'x-router-key': run.stdout.split('\n')[0] })).status, 200, run.stderr);
});

// --- what is told, and who is an admin ------------------------------------------------------------------------------

check('health tells strangers the status and no more', async t => {
  const r = await guarded(t, { config: NO_ADMINS, tokens: { ...stored, admin_token: ADMIN } });
  const k = await key(r, 'anna');
  const health = async (headers, at = '/health') => [(await r.get(at, headers)).status, Object.keys((await r.get(at, headers)).json)];
  assert.deepEqual(await health({}), [200, ['status']]);
  assert.deepEqual(await health({ 'x-router-key': WRONG }), [200, ['status']]);
  assert.deepEqual(await health({}, '/health?live=1'), [200, ['status']]);
  assert.deepEqual(await health({}, `/k/${WRONG}/health`), [200, ['status']]);
  for (const [headers, at] of [[{ 'x-router-key': k }], [{}, `/k/${k}/health`], [{ 'x-router-admin': ADMIN }]]) {
    assert.ok((await health(headers, at))[1].includes('current_provider'));
  }
  assert.equal((await r.get('/')).status, 200);
  assert.equal((await request(`${r.url}/k/${k}/`, { method: 'HEAD' })).status, 200);
});

check('no client key makes an admin, and no admin is a client', async t => {
  const r = await guarded(t, { config: NO_ADMINS, tokens: { ...stored, admin_token: ADMIN } });
  const k = await key(r, 'anna');
  for (const [method, at] of ADMIN_ROUTES) {
    const body = method === 'POST' ? '"kimi"' : undefined;
    const ask = (headers, prefix = '') => request(`${r.url}${prefix}${at}`, { method, headers, body });
    for (const headers of [{ 'x-router-key': k }, { 'x-api-key': k }, bearer(k), { 'x-router-admin': k }, { 'x-router-key': k, 'x-router-admin': WRONG }]) {
      isRefused(await ask(headers), 403, /Only for admins/);
    }
    isRefused(await ask({}, `/k/${k}`), 403, /Only for admins/);
  }
  assert.equal((await r.get('/v1/status', { 'x-router-admin': ADMIN })).json.mode, 'auto', 'and nothing was switched');
  isRefused(await r.post(message(), { 'x-router-admin': ADMIN }), 401, /requires a client key/);
  isRefused(await r.post(message(), bearer(ADMIN)), 401, /requires a client key/);
  await nobodyWasAsked(r);
});

check('an admin by address is no client either', async t => {
  const r = await guarded(t);
  await key(r, 'anna');
  assert.equal((await r.get('/v1/status')).status, 200);
  isRefused(await r.post(message()), 401, /requires a client key/);
  isRefused(await r.post(message(), login), 401, /requires a client key/);
  await nobodyWasAsked(r);
});

check('an address that is forwarded counts only from a trusted proxy', async t => {
  const forwarded = address => ({ 'x-forwarded-for': address });
  const r = await guarded(t, { access: 'open', config: 'trusted_proxies = { "127.0.0.1" }' });
  assert.equal((await r.get('/v1/status', forwarded('127.0.0.1'))).status, 403, 'nobody but proxies');
  assert.equal((await r.get('/v1/status', forwarded('192.168.1.9'))).status, 403);
  assert.equal((await r.get('/v1/status', forwarded('127.0.0.1, 192.168.1.9'))).status, 403, 'what the proxy itself saw');
  assert.equal((await r.post(message(), forwarded('192.168.1.9'))).status, 403, 'no stored credential for him');
  const k = await key(r, 'anna');
  assert.equal((await r.post(message(), { ...forwarded('192.168.1.9'), 'x-router-key': k })).status, 200);
  assert.match(r.log(), /client=anna address=192\.168\.1\.9/);
  const other = await guarded(t, { access: 'open' });
  for (const headers of [forwarded('127.0.0.1'), { 'x-real-ip': '127.0.0.1' }, { forwarded: 'for=127.0.0.1' }, { via: '1.1 x' }]) {
    assert.equal((await other.get('/v1/status', headers)).status, 403, JSON.stringify(headers));
    assert.equal((await other.post(message(), headers)).status, 403, JSON.stringify(headers));
  }
});

// --- nobody gets an answer without a key ----------------------------------------------------------------------------

const CLIENT_ROUTES = [['POST', '/v1/messages'], ['POST', '/v1/messages/count_tokens'], ['GET', '/v1/models'], ['GET', '/v1/models/claude-opus-5-5']];
const ADMIN_ROUTES = [['GET', '/v1/status'], ['POST', '/v1/switch-provider'], ['POST', '/v1/health-check'], ['GET', '/metrics'], ['POST', '/v1/self-test']];

// Each route in other words; all that a web server, a proxy or we might read as the route itself.
const spellings = at => [
  at, `/${at}`, `//${at}`, at.replace('/v1/', '/v1//'), `${at}/`, `${at}//`, `/.${at}`, `/x/..${at}`, `/v1/..${at}`, at.replace('/v1/', '/v1/./'),
  at.replace('/v1/', '/v1/x/../'), `${at}/.`, `${at}/x/..`, `${at}%00`, `${at}%20`, `${at}%0d%0ax-router-key:%20${WRONG}`, `${at};a=b`, `${at}.json`, `${at}.php/x`,
  `${at}?`, `${at}?beta=true`, `${at}?x-router-key=${WRONG}`, `${at}?key=${WRONG}&access=open`, `${at}#x`, at.replaceAll('/', '%2f'), `/${at.slice(1).replaceAll('/', '%2f')}`,
  at.replaceAll('/', '\\'), `/${at.slice(1).replaceAll('/', '\\')}`, at.replace(/.$/, c => `%${c.charCodeAt(0).toString(16)}`), at.replace('v', '%76'), at.replace('v', '%2576'),
  at.toUpperCase(), at.replace('v1', 'V1'), `/v1${at}`, `/v1/v1${at}`, `/v2${at}`, `/k${at}`, `/k/${at}`, `/k//${at}`, `/k/x${at}`, `/k/${WRONG}${at}`, `/k/${WRONG}/..${at}`,
  `/k/${WRONG}/../..${at}`, `/k/${WRONG}/%2e%2e${at}`, `/k/..${at}`, `/k/..%2f${at.slice(1)}`, `/k/%2e%2e${at}`, `/k/.${at}`, `/k/%2e${at}`, `/k/a/k/b${at}`, `/k/crk_${at}`, `/k/*${at}`,
  `/k/a%2fb${at}`, `/k/a%00${at}`, `/K/x${at}`, `/k/x/v1${at}`, `/health/..${at}`, `/health/%2e%2e${at}`, `/health${at}`, `/health;${at}`, `/health?live=1&x=/..${at}`, `/index.html${at}`,
  `/claude-router${at}`, `/cgi-bin/claude-router${at}`, `/.well-known/..${at}`, `http://127.0.0.1${at}`, `http://localhost:1${at}`, `https://router.lan${at}`, `//127.0.0.1${at}`, `*`, at.slice(1), '',
];

// What somebody might try to be taken for somebody else with.
const disguises = hash => [
  [], ['x-forwarded-for: 127.0.0.1'], ['x-forwarded-for: 192.0.2.1'], ['x-forwarded-for: ::1, 127.0.0.1'], ['forwarded: for=127.0.0.1;host=localhost'], ['x-real-ip: 127.0.0.1'],
  ['x-client-ip: 127.0.0.1'], ['true-client-ip: 127.0.0.1'], ['x-forwarded-host: localhost'], ['x-forwarded-proto: https'], ['via: 1.1 localhost'], ['x-original-url: /health'],
  ['x-rewrite-url: /health'], ['x-http-method-override: GET'], ['x-router-key: '], [`x-router-key: ${WRONG}`], ['x-router-key: crk_'], ['x-router-key: *'], ['x-router-key: anna'],
  [`x-router-key: ${hash}`], [`x-router-key: crk_${hash}`], [`x-router-key: anna ${hash}`], [`x-router-key: ${WRONG}`, `x-router-key: ${WRONG}`], [`x-router-key: ${WRONG}, ${WRONG}`],
  [`x-router-key:\t${WRONG}`], ['x-router-key: \x01'], ['x-router-key: crk_\xff\xfe'], [`x-router-key: ${'A'.repeat(4000)}`], [`x_router_key: ${WRONG}`], [`x-router-key : ${WRONG}`], [`x-router-key:\r\n ${WRONG}`],
  ['authorization: Bearer '], ['authorization: Bearer'], [`authorization: Bearer ${WRONG}`], [`authorization: bearer ${hash}`], ['authorization: Basic YW5uYTphbm5h'], ['authorization: Bearer dummy'],
  [`authorization: Bearer ${LOGIN}`], [`authorization: Bearer ${stored.claude_pro}x`], ['authorization: Negotiate x'], ['authorization: Digest username="anna"'], [`authorization: Bearer ${LOGIN}, Bearer ${WRONG}`],
  ['x-api-key: dummy'], [`x-api-key: ${WRONG}`], [`x-api-key: ${API_KEY}`], ['x-api-key: '], [`proxy-authorization: Bearer ${WRONG}`], ['x-router-admin: '], [`x-router-admin: ${WRONG}`], [`x-router-admin: ${ADMIN.slice(0, -1)}`],
  [`cookie: x-router-key=${WRONG}`], ['origin: http://localhost'], ['sec-fetch-site: same-origin'], ['referer: http://127.0.0.1/'], ['remote-user: anna'], ['remote-addr: 127.0.0.1'], ['x-remote-user: anna'],
  ['ssl-client-verify: SUCCESS'], ['content-type: text/plain'], ['content-type: multipart/form-data; boundary=x'], ['expect: 100-continue'], ['connection: close, x-router-key'], ['upgrade: h2c'], ['accept: text/html'],
  ['user-agent: claude-cli/2.1.330 (external, sdk-cli)'], ['proxy: http://127.0.0.1:1'], ['access-control-request-method: POST'], ['range: bytes=0-10'],
];

const HOSTS = ['127.0.0.1', 'localhost', '[::1]', 'router.lan', '', 'localhost:80@router.lan', '127.0.0.1.nip.example', '192.0.2.1'];
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'post', 'Post', 'BREW'];
const body = JSON.stringify(message('for nothing'));
const chunked = text => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n0\r\n\r\n`;

function asked(method, at, { host = '127.0.0.1', lines = [], version = 'HTTP/1.1', payload = body, length = [`content-length: ${payload.length}`], end = '\r\n' } = {}) {
  const has = /^(POST|PUT|PATCH|DELETE|BREW)$/i.test(method);
  return [`${method} ${at} ${version}`.trimEnd(), `host: ${host}`, 'connection: close', 'content-type: application/json', ...(has ? length : []), ...lines, '', has ? payload : ''].join(end);
}

function* attempts(hash) {
  const routes = [...CLIENT_ROUTES, ...ADMIN_ROUTES];
  for (const [method, at] of routes) {
    for (const spelling of spellings(at)) yield asked(method, spelling);
    for (const other of METHODS) if (other !== method) yield asked(other, at);
    for (const host of HOSTS) yield asked(method, at, { host });
  }
  for (const lines of disguises(hash)) for (const [method, at] of [CLIENT_ROUTES[0], CLIENT_ROUTES[2], ADMIN_ROUTES[0]]) yield asked(method, at, { lines });
  for (const [method, at] of [CLIENT_ROUTES[0], CLIENT_ROUTES[1], ADMIN_ROUTES[1]]) {
    const payload = chunked(body), zipped = gzipSync(body).toString('latin1');
    yield asked(method, at, { payload, length: ['transfer-encoding: chunked'] });
    yield asked(method, at, { payload, length: ['transfer-encoding: chunked', `content-length: ${payload.length}`] });
    yield asked(method, at, { payload, length: ['transfer-encoding: xchunked', `content-length: ${payload.length}`] });
    yield asked(method, at, { payload: `0\r\n\r\n${asked('POST', '/v1/messages')}`, length: ['transfer-encoding: chunked'] });
    yield asked(method, at, { payload: zipped, length: ['content-encoding: gzip', `content-length: ${zipped.length}`] });
    yield asked(method, at, { length: [`content-length: ${body.length}`, `content-length: ${body.length}`] });
    yield asked(method, at, { length: [`content-length: +${body.length}`] });
    yield asked(method, at, { length: ['content-length: 0'], payload: '' });
    yield asked(method, at, { length: [], payload: '' });
    yield asked(method, at, { version: 'HTTP/1.0' });
    yield asked(method, at, { version: '', length: [] });
    yield asked(method, at, { version: 'HTTP/2.0' });
    yield asked(method, at, { end: '\n' });
    yield `\r\n\r\n${asked(method, at)}`;
    yield asked(method, at).replace('host: 127.0.0.1', `host: 127.0.0.1\r\nhost: localhost`);
    yield asked(method, at).replaceAll(/^[a-z-]+:/gm, name => name.toUpperCase());
    yield asked('GET', '/health').replace('connection: close', 'connection: keep-alive') + asked(method, at);
  }
}

// What only somebody who was let in may read.
const TOLD = /"type": ?"message"|input_tokens|claude-(opus|sonnet|haiku)|current_provider|failover|"mode"|"providers"|claude_router_|^event:|message_start|self_test|"found"/m;

check('without a key nobody gets an answer, however it is spelled', { timeout: 240 }, async t => {
  const r = await guarded(t, { config: NO_ADMINS, tokens: { ...stored, admin_token: ADMIN } });
  const k = await key(r, 'anna');
  const hash = createHash('sha256').update(k).digest('hex');
  const all = [...new Set(attempts(hash))], statuses = {};
  assert.ok(all.length > 700, `${all.length} ways`);
  const queue = [...all], wrong = [];
  await Promise.all(Array.from({ length: 12 }, async () => {
    for (let text; (text = queue.shift()) !== undefined;) {
      const answer = await raw(r, text).catch(error => ({ status: error.message, text: '' }));
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
      const content = answer.text.slice(answer.text.indexOf('\r\n\r\n'));
      const echo = /^content-type: message\/http/im.test(answer.text); // Apache's own answer to TRACE
      const served = [...answer.text.matchAll(/^x-router-provider: *(\S+)/gim)].some(([, who]) => who !== 'none');
      if (served || (TOLD.test(content) && !echo)) wrong.push(`${JSON.stringify(text.slice(0, 600))} was answered\n${answer.text.slice(0, 600)}`);
    }
  }));
  assert.equal(wrong.length, 0, `${wrong.length} of ${all.length}:\n${wrong.slice(0, 3).join('\n')}`);
  t.evidence('statuses', JSON.stringify(statuses));
  assert.ok(statuses[401] > 100 && statuses[403] > 50 && statuses[404] > 100, JSON.stringify(statuses));
  await nobodyWasAsked(r);
  const status = (await r.get('/v1/status', { 'x-router-admin': ADMIN })).json;
  assert.equal(status.mode, 'auto', 'nothing was switched');
  assert.equal(status.last_health_check, null, 'nothing was checked');
  assert.equal((await r.post(message(), { 'x-router-key': k })).status, 200, 'and who has a key is served');
  assert.ok(!r.log().includes(k.slice(4)) && !r.log().includes(WRONG.slice(4)) && !r.log().includes(hash), 'no key stands in the log');
});

check('a stranger’s large body is refused before it is kept', async t => {
  const r = await guarded(t);
  await key(r, 'anna');
  const answer = await r.post('x'.repeat(8 << 20), {});
  isRefused(answer, 401, /requires a client key/);
  await nobodyWasAsked(r);
});

// --- a web server's own authentication in front ---------------------------------------------------------------------

check('Basic authentication by lighttpd in front: its password goes nowhere, the key beside it is seen', { skip: server !== 'lighttpd' && 'lighttpd’s mod_auth' }, async t => {
  const basic = { authorization: `Basic ${Buffer.from('anna:secret-of-the-web-server').toString('base64')}` };
  const r = await guarded(t, { lighttpd: (text, it) => {
    writeFileSync(it.file('htpasswd'), 'anna:secret-of-the-web-server\n');
    return `${text.replace('( "mod_fastcgi" )', '( "mod_auth", "mod_authn_file", "mod_fastcgi" )')}\nauth.backend = "plain"\nauth.backend.plain.userfile = "${it.file('htpasswd')}"
$HTTP["url"] !~ "^/health" { auth.require = ( "" => ( "method" => "basic", "realm" => "router", "require" => "valid-user" ) ) }\n`;
  } });
  const k = await key(r, 'anna');
  assert.equal((await r.post(message(), { 'x-router-key': k })).status, 401, 'the web server refuses by itself');
  await nobodyWasAsked(r);
  isRefused(await r.post(message(), basic), 401, /requires a client key/);
  for (const way of ['a header', 'the path', 'x-api-key']) {
    const [headers, at] = ways[way](k);
    const answer = await r.post(message(), { ...BEYOND, ...basic, ...headers }, at);
    assert.equal(answer.status, 200, `${way}: ${answer.text}`);
  }
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  assert.equal((await r.post(message(), { ...basic, 'x-router-key': k })).headers['x-router-provider'], 'deepseek');
  for (const provider of providers) {
    for (const q of await r.sim.requests(provider)) {
      assert.doesNotMatch(JSON.stringify(q.rawHeaders), /Basic|secret-of|YW5uYTpz/, provider);
    }
  }
  assert.ok(!r.log().includes('YW5uYTpz'));
});

// --- Claude Code ----------------------------------------------------------------------------------------------------

const tokens = { deepseek: stored.deepseek };
const byKey = {
  'a header': (r, k) => [r, { ANTHROPIC_CUSTOM_HEADERS: `x-router-key: ${k}` }],
  'the path': (r, k) => [{ url: `${r.url}/k/${k}` }, {}],
};

for (const [way, set] of Object.entries(byKey)) {
  check(`Claude Code with a key by ${way}: its own login goes on, then DeepSeek serves`, { timeout: 180 }, async t => {
    const r = await guarded(t, { tokens });
    const k = await key(r, 'anna');
    const [at, env] = set(r, k);
    const me = person(t, at, { env });
    const first = await me.claude('SIM:TOOLS 1');
    assert.match(String(first.text), /last by claude_pro/, first.stdout + first.stderr);
    await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
    const second = await me.claude('SIM:TOOLS 1', '--resume', first.session);
    assert.match(String(second.text), /last by deepseek/, second.stdout + second.stderr);
    for (const q of await r.sim.requests('claude_pro')) assert.equal(q.headers.authorization, `Bearer ${CLAUDE_LOGIN}`);
    await keptSecret(r, k);
  });
}

check('Claude Code without a key says at once what is missing', { timeout: 120 }, async t => {
  const r = await guarded(t, { tokens });
  await key(r, 'anna');
  const me = person(t, r, { env: { CLAUDE_CODE_OAUTH_TOKEN: undefined, ANTHROPIC_API_KEY: 'dummy' } });
  const run = await me.claude('Hello');
  assert.notEqual(run.code, 0);
  assert.match(run.stdout, /client key/);
  assert.equal(r.log().match(/event=refused/g)?.length, 1, 'and does not try again');
  await nobodyWasAsked(r);
});

check('health has figures for a client key and for admins, and for nobody else', async t => {
  const { claude_pro, ...keys } = stored;
  const r = await guarded(t, { access: 'open', config: `${NO_ADMINS}\nledger_flush = 1\nprices_file = "${TOP}/conf/prices"`, tokens: { ...keys, admin_token: ADMIN } });
  const k = await key(r, 'anna');
  const anna = { ...login, 'x-router-key': k };
  await r.sim.next('claude_pro', { fault: 'utilization', utilization: 0.62 });
  await r.post(message(), anna);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  assert.equal((await r.post(message(), anna)).headers['x-router-provider'], 'deepseek');
  const seen = await eventually('today has what DeepSeek cost', async () => {
    const { json } = await r.get('/health', { 'x-router-key': k });
    return json.today?.spent > 0 && json;
  });
  const { total } = (await r.get('/v1/usage?days=1', { 'x-router-admin': ADMIN })).json;
  for (const name of ['spent', 'spent_unknown', 'worth', 'worth_unknown']) assert.equal(seen.today[name], total[name], name);
  const { providers: full } = (await r.get('/v1/status', { 'x-router-admin': ADMIN })).json;
  for (const [name, provider] of Object.entries(seen.providers)) {
    const { active, until, windows } = full[name];
    assert.deepEqual(provider, { active, until, windows }, name);
  }
  assert.equal(typeof seen.providers.claude_pro.windows['5h'].utilization, 'number');
  assert.match(seen.providers.claude_pro.until, /^20\d\d-/);
  assert.deepEqual(Object.keys((await r.get('/health', { 'x-router-admin': ADMIN })).json.today), Object.keys(seen.today));
  for (const headers of [{}, { 'x-router-key': WRONG }]) {
    const { json } = await r.get('/health', headers);
    assert.equal(json.today, undefined);
    assert.deepEqual(json.providers.claude_pro, { active: false });
  }
});
