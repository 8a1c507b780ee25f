// SPDX-License-Identifier: MIT
// A known secret in every place that holds a credential, requests of all kinds with all kinds of faults, and then each
// thing that was said, written, logged, handed on or shown to others is searched for it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { bearer, get, message, post } from './lib/client.mjs';
import { Part, connects, eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { BUILD, Simulator } from './lib/simulator.mjs';

const planted = name => `PLANTED-${name}-5ec4e7c0ffee`;
const tokens = {
  claude_pro: `sk-ant-oat01-${planted('stored-login')}`, deepseek: `sk-${planted('deepseek')}`, kimi: `sk-${planted('kimi')}`,
  claude_api: `sk-ant-api03-${planted('stored-key')}`, admin_token: planted('admin'),
};
const fromEnvironment = `sk-ant-api03-${planted('environment')}`;
const login = `sk-ant-oat01-${planted('clients-login')}`, key = `sk-ant-api03-${planted('clients-key')}`;
const clientKey = `crk_${planted('client')}`.padEnd(36, '-'), wrongKey = `crk_${planted('nobody')}`.padEnd(36, '-');
const clientHash = createHash('sha256').update(clientKey).digest('hex');
const proxyUser = planted('proxy-user'), proxyPassword = planted('proxy-password');
const hidden = [...Object.values(tokens), fromEnvironment, login, key, clientKey, wrongKey, proxyUser, proxyPassword, `${proxyUser}:${proxyPassword}`];

// As it is, or as others would write it.
const forms = ['PLANTED', clientHash, ...hidden.flatMap(secret => {
  const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -1);
  return [base64, Buffer.from(secret).toString('hex'), [...secret].reverse().join('')];
})];

// Where a text says a secret, with what stands around it.
function found(where, text) {
  const bytes = Buffer.isBuffer(text) ? text.toString('latin1') : String(text);
  return forms.filter(form => bytes.includes(form)).map(form => {
    const at = bytes.indexOf(form);
    return `${where}: …${bytes.slice(Math.max(0, at - 80), at + 120).replace(/[^ -~]/g, '.')}…`;
  });
}

// --- What goes on ----------------------------------------------------------------------------------------------------

const credentials = {
  'a login': { ...bearer(login), 'anthropic-beta': 'oauth-2025-04-20' }, 'a key': { 'x-api-key': key }, nobody: {},
  'an admin': { 'x-router-admin': tokens.admin_token }, 'a stranger': { authorization: `Bearer ${planted('unknown')}` },
};

// The ways a client key travels: headers, and what stands before the path.
const ways = {
  'a header': k => [{ 'x-router-key': k }, ''], 'a key': k => [{ 'x-api-key': k }, ''], bearer: k => [bearer(k), ''],
  'the path': k => [{}, `/k/${k}`], 'the path, v1 doubled': k => [{}, `/k/${k}/v1`],
};

// Each says what was shown to it.
function echoes(secret) {
  const message = `the credential ${secret} (Bearer ${secret}) was not liked`;
  const headers = [['x-echo', secret], ['request-id', `req_${secret}`], ['www-authenticate', `Bearer ${secret}`], ['set-cookie', `k=${secret}`]];
  return [
    { fault: 'unauthorized', message, headers }, { fault: 'forbidden_key', message, headers }, { fault: 'throttle', retry_after: 1, message, headers },
    { fault: 'usage_limit', reset: 30, message, headers }, { fault: 'balance', message, headers }, { fault: 'internal', message, headers },
    { fault: 'html_200', body: `<html>${message}</html>`, headers }, { fault: 'html_200', status: 403, body: `<html>${message}</html>`, headers },
    { fault: 'garbage', at: 'start', body: message }, { fault: 'redirect', location: `http://127.0.0.1:1/?key=${secret}` },
    { fault: 'bad_request', message, headers }, { fault: 'unprocessable', message, headers }, { fault: 'unknown_model', message, headers },
    { fault: 'error_event', message, headers }, { fault: 'gzip_error', message, headers }, { fault: 'pass', headers },
  ];
}

// Everything that a client was told, head and body.
async function talk(r, heard) {
  const tell = async (what, asked) => {
    const answer = await asked.catch(error => ({ rawHeaders: [], text: String(error) }));
    heard.push(...found(`${what}, its head`, answer.rawHeaders.join('\n')), ...found(`${what}, its body`, answer.text));
    return answer;
  };
  for (const provider of Object.keys(tokens).filter(name => name !== 'admin_token')) {
    await r.switchTo(provider);
    for (const fault of echoes(provider === 'claude_api' ? fromEnvironment : tokens[provider])) {
      await r.sim.next(provider, { ...fault, times: 2 });
      for (const stream of [false, true]) await tell(`${provider}, ${fault.fault}`, r.post(message('SIM:SAY well', { stream }), {}));
      await r.sim.clear(provider);
      r.clock.forward('6h');
    }
  }
  await r.switchTo('auto');
  for (const [name, headers] of Object.entries(credentials)) {
    for (const at of ['/v1/status', '/health', '/metrics', '/', '/v1/models', '/nowhere']) await tell(`${at} for ${name}`, r.get(at, headers));
    await tell(`a message of ${name}`, r.post(message(), headers));
    await tell(`count_tokens of ${name}`, r.post({ ...message(), max_tokens: undefined }, headers, '/v1/messages/count_tokens'));
    await tell(`no message of ${name}`, r.post(`{"model":"${'x'.repeat(300)}`, headers));
    await tell(`a check of ${name}`, r.post('"claude_pro"', headers, '/v1/health-check'));
    await tell(`a switch of ${name}`, r.post('"nobody"', headers, '/v1/switch-provider'));
    await tell(`a credential twice, of ${name}`, r.post(message(), [...Object.entries(headers).flat(), 'authorization', `Bearer ${login}`, 'authorization', `Bearer ${key}`]));
    await tell(`a credential in the query, of ${name}`, r.post(message(), headers, `/v1/messages?beta=true&key=${login}`));
  }
}

// By a client key that is somebody's, and by one that is nobody's, also through the site whose access log the web server
// writes.
async function talkByKey(r, heard) {
  const tell = (what, answer) => heard.push(...found(`${what}, its head`, answer.rawHeaders.join('\n')), ...found(`${what}, its body`, answer.text));
  for (const [way, travels] of Object.entries(ways)) {
    for (const [whose, k, status] of [['ada', clientKey, 200], ['nobody', wrongKey, 401]]) {
      const [headers, lead] = travels(k), what = `a key of ${whose} by ${way}`;
      for (const base of [r.url, `${r.siteUrl}/claude-router`]) {
        const answer = await post(`${base}${lead}/v1/messages`, message(), headers);
        assert.equal(answer.status, status, `${what}: ${answer.text}`);
        tell(what, answer);
        for (const at of ['/v1/models', '/v1/status', '/health', '/nowhere']) tell(`${at} by ${what}`, await get(`${base}${lead}${at}`, headers));
        tell(`no message by ${what}`, await post(`${base}${lead}/v1/messages`, '{"model":', headers));
      }
      for (const fault of [{ fault: 'usage_limit' }, { fault: 'unauthorized' }, { fault: 'half_event', at: 'text' }]) {
        await r.sim.next('claude_pro', fault);
        const s = await r.stream(message(), { ...headers }, `${lead}/v1/messages`);
        await s.rest();
        heard.push(...found(`a stream that fails (${fault.fault}), by ${what}`, s.bytes));
        await r.sim.clear('claude_pro');
        r.clock.forward('6h');
      }
    }
  }
  const two = await r.post(message(), { 'x-router-key': clientKey }, `/k/${wrongKey}/v1/messages`);
  assert.equal(two.status, 400);
  tell('two different keys', two);
}

// What others may read of a process.
function shown(pid, part, exempt) {
  let out = [];
  for (const file of ['cmdline', 'environ', 'comm']) {
    let text = '';
    try { text = readFileSync(`/proc/${pid}/${file}`, 'latin1'); } catch { continue; } // not even we may read it
    if (file === 'environ') text = text.split('\0').filter(line => !exempt.some(name => line.startsWith(`${name}=`))).join('\n');
    out = [...out, ...found(`${part}'s ${file}`, text)];
  }
  return out;
}

// A proxy that serves kimi, or refuses and repeats what it was shown.
async function proxy(t) {
  const seen = { n: 0, refuse: false };
  const server = http.createServer((req, res) => {
    seen.n++;
    const shown = req.headers['proxy-authorization'];
    if (seen.refuse) return void res.writeHead(407, { 'proxy-authenticate': 'Basic realm="x"', 'x-echo': shown }).end(`not ${shown} ${proxyUser} ${proxyPassword}`);
    const url = new URL(req.url);
    req.pipe(http.request({ host: url.hostname, port: url.port, path: url.pathname, method: req.method, headers: req.headers }, answer => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    }).on('error', () => res.destroy()));
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { server.closeAllConnections?.(); server.close(); });
  return { seen, url: `http://${proxyUser}:${proxyPassword}@127.0.0.1:${server.address().port}` };
}

for (const format of ['logfmt', 'json']) {
  check(`no secret is told to anybody, logged, kept or shown (${format}, debug)`, { timeout: 180 }, async t => {
    const way = await proxy(t);
    const r = await router(t, {
      tokens, problems: true, site: true, env: { PLANTED_PROXY: way.url, CLAUDE_API_KEY: fromEnvironment },
      whole: (sim, self) => {
        const script = self.file('told.sh');
        writeFileSync(script, `#!/bin/sh\necho "$* $ROUTER_EVENT"; { tr '\\\\0' '\\\\n' < /proc/$$/environ; tr '\\\\0' ' ' < /proc/$$/cmdline; ls -l /proc/$$/fd; } >> ${self.dir}/told\n`);
        chmodSync(script, 0o755);
        writeFileSync(self.file('keys'), `ada ${clientHash} 2026-11-23\n`, { mode: 0o600 });
        return [`tokens_file = "${self.tokensFile}"`, `keys_file = "${self.file('keys')}"`, `log_level = debug`, `log_format = ${format}`, 'hold = 0', 'retry_delay = 0.01', 'ledger_flush = "1s"', 'first_byte_timeout = 2', 'deadline = 4', 'idle_timeout = 2', `on_change = "${script} said"`,
          ...['claude_pro', 'deepseek', 'kimi', 'claude_api'].map(name =>
            `provider ${name} {\n  url = "${sim.url(name)}"\n  ${name === 'kimi' ? 'proxy = "${PLANTED_PROXY}"' : ''}\n}`)].join('\n');
      },
    });
    const heard = [];
    await talk(r, heard);
    await talkByKey(r, heard);
    await r.switchTo('claude_api');
    heard.push(...found('a message of a key', (await r.post(message(), credentials['a key'])).text));
    await r.switchTo('kimi');
    assert.equal((await r.post(message())).headers['x-router-provider'], 'kimi', 'through the proxy');
    way.seen.refuse = true;
    for (const stream of [true, false]) {
      const answer = await r.post(message('x', { stream }));
      heard.push(...found('a proxy that refuses', `${answer.rawHeaders} ${answer.text}`));
      r.clock.forward('1h');
    }
    assert.ok(way.seen.n >= 3, 'the proxy was asked');
    for (const args of [['status'], ['status', '--json'], ['tokens'], ['statusline'], ['explain'], ['doctor'], ['key', 'list'], ['key', 'add', 'ada'], ['switch', 'auto'], ['switch', 'nobody'], ['--help']]) {
      const run = await r.ctl(...args);
      heard.push(...found(`ctl ${args.join(' ')}`, `${run.stdout}${run.stderr}`));
    }
    for (const args of [['--force'], ['--force', '--provider', 'deepseek'], ['--dry-run', '--force']]) {
      await r.sim.next('claude_pro', echoes(tokens.claude_pro)[0]);
      const run = await r.check(...args);
      heard.push(...found(`check ${args.join(' ')}`, `${run.stdout}${run.stderr}`));
    }
    await eventually('on_change was told', () => existsSync(r.file('told')));
    const processes = [...r.pids().map(pid => [pid, 'a responder']), [r.server.part.pid, 'the web server']];
    for (const [pid, part] of processes) {
      heard.push(...shown(pid, part, part === 'a responder' ? ['PLANTED_PROXY'] : ['PLANTED_PROXY', 'CLAUDE_API_KEY']));
    }
    await eventually('the ledger has rows', () => existsSync(r.file('usage.db-wal')) && statSync(r.file('usage.db-wal')).size > 0);
    for (const name of readdirSync(r.dir)) {
      if (['tokens.txt', 'lighttpd.conf', 'claude-router.conf', 'keys'].includes(name) || !statSync(r.file(name)).isFile()) continue;
      const text = readFileSync(r.file(name), 'latin1');
      // What somebody puts into a query, the site's own log has: the router is not asked.
      heard.push(...found(`the file ${name}`, name === 'access.log' ? text.replaceAll(/"POST \/v1\/messages\?beta=true&key=[^"]*"/g, '') : text));
    }
    assert.match(r.log(), /claude_pro/, 'something was logged');
    assert.match(r.log(), /client"?[=:]"?ada/, 'by the name of who has the key');
    assert.match(readFileSync(r.file('access.log'), 'utf8'), /\(a client key\)/, 'the web server has logged requests with keys');
    assert.deepEqual(heard, []);
    // Each secret was in use: the providers saw it, and nobody else's.
    for (const [provider, secret] of [['claude_pro', tokens.claude_pro], ['claude_pro', login], ['deepseek', tokens.deepseek], ['kimi', tokens.kimi], ['claude_api', fromEnvironment], ['claude_api', key]]) {
      const arrived = (await r.sim.requests(provider)).filter(request => JSON.stringify(request.rawHeaders).includes(secret));
      assert.ok(arrived.length > 0, `${secret} arrived at ${provider}`);
    }
    for (const provider of Object.keys(tokens).filter(name => name !== 'admin_token')) {
      const arrived = (await r.sim.requests(provider)).map(request => JSON.stringify([request.path, request.rawHeaders, request.body]));
      assert.deepEqual(arrived.filter(text => text.includes(clientKey) || text.includes(wrongKey)), [], `a client key arrived at ${provider}`);
    }
    assert.deepEqual((await r.sim.control('GET', '/sim/requests?body=0')).requests.filter(request => request.leak), [], 'no credential went to another provider');
  });
}

check('a credential of stars is starred, too, and that comes to an end', async t => {
  const r = await router(t, { tokens: { deepseek: '***' }, problems: true });
  await r.sim.next('deepseek', { fault: 'bad_request', message: 'what is ***?', headers: [['request-id', 'req_***']] });
  const answer = await r.post(message(), {});
  assert.match(answer.text, /what is \*\*\*\?/);
});

check('a responder leaves no core, and is nobody else\'s to read', async t => {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-core-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const sim = await Simulator.start(t, dir);
  writeFileSync(path.join(dir, 'tokens.txt'), `claude_pro = ${tokens.claude_pro}\n`, { mode: 0o600 });
  writeFileSync(path.join(dir, 'conf'), `tokens_file = "${dir}/tokens.txt"\nprovider claude_pro {\n  url = "${sim.url('claude_pro')}"\n}\n`);
  const root = process.getuid() === 0, socket = path.join(dir, 'socket');
  if (root) for (const [command_, ...args] of [['chown', '-R', '65534:65534', dir]]) await new Part(command_, command_, args).ended;
  const as = root ? ['--reuid=65534', '--regid=65534', '--clear-groups'] : ['--no-new-privs'];
  const part = new Part('claude-router', 'setpriv', [...as, '--', path.join(BUILD, 'claude-router'), '--socket', socket],
    { env: { CLAUDE_ROUTER_CONFIG: path.join(dir, 'conf'), ROUTER_STATE_FILE: path.join(dir, 'state'), ASAN_OPTIONS: 'detect_leaks=0' } });
  t.after(() => part.stop());
  t.evidence('responder', () => part.output);
  await part.until(() => connects(socket));
  assert.match(readFileSync(`/proc/${part.pid}/limits`, 'utf8'), /Max core file size +0 +0 /);
  assert.equal(statSync(`/proc/${part.pid}/environ`).uid, 0, 'not dumpable: its /proc belongs to root');
});
