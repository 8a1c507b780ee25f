// SPDX-License-Identifier: MIT
// What goes wrong around the router: processes killed, disks full, limits, names, TLS, proxies, providers that are mad.
// Each time the others are served meanwhile, and when it is over service is normal, without a restart.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { all, check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { fastcgi, requestBytes } from './lib/fastcgi.mjs';
import { Part, command, connects, eventually } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';
import { keys, random } from './lib/scene.mjs';
import { BUILD, withTls } from './lib/simulator.mjs';

const headers = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const who = answer => answer.headers['x-router-provider'];
const ask = (r, text = 'SIM:SAY fine', fields = {}, more = {}) =>
  fastcgi(r.socket, { headers, body: JSON.stringify(message(text, fields)), ...more }, { timeout: 30 });
const look = (r, uri) => fastcgi(r.socket, { method: 'GET', uri, headers: {} }, { timeout: 10 });
const spoken = answer => answer.json.content.map(block => block.text ?? '').join('');
const limit = (pid, ...limits) => execFileSync('prlimit', ['--pid', String(pid), ...limits]);
const memory = (pid, name = 'VmRSS') => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`))[1]) * 1024;
const MB = 1024 * 1024;
const short = 'retry_delay = 0.02\nconnect_timeout = 2\nfirst_byte_timeout = 3\nidle_timeout = 3\nhold = 0';

// The first provider serves, as if nothing had been.
async function normal(r, first = 'claude_pro') {
  r.clock.forward('10m');
  await eventually(`${first} serves again`, async () => {
    const answer = await ask(r);
    return answer.status === 200 && who(answer) === first && spoken(answer) === 'fine';
  }, 15);
}

function temporary(t) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-fault-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

// A provider, or a proxy, of our own: handler of connections, or of requests.
async function server(t, made) {
  const sockets = new Set();
  made.on('connection', socket => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  await new Promise(resolve => made.listen(0, '127.0.0.1', resolve));
  t.after(() => { for (const socket of sockets) socket.destroy(); made.close(); });
  return made.address().port;
}

// claude_pro at a URL of its own, deepseek simulated behind it.
const behind = (url, lines = '', config = short) => ({
  alone: true, tokens: stored,
  whole: (sim, self) => [`tokens_file = "${self.tokensFile}"`, config,
    `provider claude_pro {\n  url = "${typeof url === 'function' ? url(sim) : url}"\n  trust_url = true\n  ${lines}\n}`,
    `provider deepseek {\n  url = "${sim.url('deepseek')}"\n}`].join('\n'),
});

// --- Killed ------------------------------------------------------------------------------------------------------------

for (let seed = 1; seed <= (all ? 10 : 1); seed++) {
  check(`kill -9 at random moments: the state stays valid, nobody's lock stays, nobody else's request is lost: seed ${seed}`, { timeout: 240 }, async t => {
    const dice = random(seed), kills = all ? 300 : 25;
    const r = await router(t, { alone: true, config: 'hold = 0\nretry_delay = 0.01', order: ['claude_pro', 'deepseek'] });
    const victim = { socket: r.file('victim.sock'), deaths: 0, served: 0, cut: 0 };
    let over = false;
    t.after(() => victim.part?.stop('SIGKILL').catch(() => {}));
    const start = async () => {
      victim.part = new Part('victim', path.join(BUILD, 'claude-router'), ['--socket', victim.socket], { env: r.env });
      await victim.part.until(() => connects(victim.socket));
    };
    await start();
    const carried = [];
    const steady = Promise.all([0, 1].map(async () => { while (!over) carried.push(await ask(r, 'SIM:SAY carried')); }));
    const hit = Promise.all([0, 1].map(async () => {
      while (!over) {
        const answer = await ask(victim, 'SIM:SAY hit', { stream: dice() < 0.5 });
        if (!answer.ended) { victim.cut++; await sleep(5); continue; }
        assert.equal(answer.status, 200, answer.text);
        victim.served++;
      }
    }));
    for (let i = 0; i < kills; i++) {
      const kind = dice.of(['responder', 'responder', 'check', 'ctl']);
      if (i % 5 === 0) await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 1 });
      if (kind === 'responder') {
        await sleep(dice.below(40));
        victim.part.kill('SIGKILL');
        await victim.part.ended;
        await start();
      } else {
        const part = kind === 'ctl' ? new Part('ctl', path.join(BUILD, 'claude-router-ctl'), ['switch', dice.of(['deepseek', 'auto'])], { env: r.env })
          : new Part('check', path.join(BUILD, 'claude-router-check'), [], { env: r.env });
        await sleep(dice.below(60));
        part.kill('SIGKILL');
        await part.ended;
      }
      if (i % 5 !== 4) continue;
      const told = await r.ctl('status', '--json');
      assert.equal(told.code, 0, `after kill ${i} of a ${kind}: ${told.stderr}`);
      assert.ok(JSON.parse(told.stdout).providers.claude_pro, told.stdout);
    }
    const switched = await r.ctl('switch', 'auto');
    assert.equal(switched.code, 0, `no lock is left: ${switched.stderr}`);
    over = true;
    await Promise.all([steady, hit]);
    assert.ok(carried.length > 20 && victim.served > 0, `${carried.length} carried, ${victim.served} served by the victim, ${victim.cut} cut`);
    for (const answer of carried) assert.equal(`${answer.status} ${answer.ended && spoken(answer)}`, '200 carried', answer.text);
    assert.deepEqual(readdirSync(r.dir).filter(name => name.includes('.bad')), [], 'the state file stayed valid');
    await normal(r);
    // What the living say of themselves is a second old.
    await eventually('the dead ones are not counted', async () => {
      const { streams, processes } = (await look(r, '/v1/status')).json;
      return streams <= 1 && processes === 2;
    });
  });
}

// --- Disks -------------------------------------------------------------------------------------------------------------

// A small disk of its own, or a skip.
async function disk(t) {
  const dir = temporary(t);
  const mounted = process.getuid() === 0 ? await command('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'claude-router-test', dir]) : { code: 1 };
  if (mounted.code !== 0) t.skip('no disk can be mounted here');
  t.after(() => execFileSync('umount', ['-l', dir]));
  return dir;
}

function fill(file) {
  for (let size = 65536; size >= 1; size = Math.floor(size / 4)) {
    try { for (;;) writeFileSync(file, Buffer.alloc(size), { flag: 'a' }); } catch { /* full, for this size */ }
  }
}

check('a disk that is full, and one that is read-only: requests are served, and it is logged again when there is room', async t => {
  const dir = await disk(t);
  const log = path.join(dir, 'log');
  const r = await router(t, { alone: true, config: `log = "${log}"`, env: { ROUTER_STATE_FILE: path.join(dir, 'state') } });
  const logged = () => readFileSync(log, 'utf8').split('event=request').length - 1;
  await ask(r);
  await eventually('it is logged', () => logged() === 1);
  fill(path.join(dir, 'filler'));
  for (let i = 0; i < 30; i++) assert.equal((await ask(r)).status, 200, 'on a full disk');
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 60 });
  assert.equal(who(await ask(r)), 'deepseek', 'and limits are kept');
  assert.equal(who(await ask(r)), 'deepseek');
  const checked = await r.ctl('status');
  assert.equal(checked.code, 0, checked.stderr);
  rmSync(path.join(dir, 'filler'));
  await normal(r);
  const before = logged();
  await ask(r);
  await eventually('it is logged again', () => logged() > before);
  // A responder that writes there keeps the disk busy: over a read-only one it is started anew.
  await r.service.stop();
  execFileSync('mount', ['-o', 'remount,ro', dir]);
  const run = await command(path.join(BUILD, 'claude-router'), ['--socket', r.file('other.sock')], { env: r.env });
  assert.ok(run.code > 0 && run.code < 128 && /read-only/i.test(run.stderr), `${run.code}: ${run.stderr}`);
  execFileSync('mount', ['-o', 'remount,rw', dir]);
  await r.startService();
  await normal(r);
});

// A file system that the kernel made read-only, which it will not do to order while somebody writes there: an empty one,
// which is, in its place. Returns what ends it.
function readOnly(t, dir) {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=64k', 'claude-router-test', dir]);
  let over = false;
  const end = () => { if (!over) execFileSync('umount', ['-l', dir]); over = true; };
  t.after(end);
  return end;
}

check('a state directory that becomes read-only, and one that becomes full, under a running responder: it serves and knows all, says so each time, and is well again without a restart', async t => {
  const dir = await disk(t), state = path.join(dir, 'state'), filler = path.join(dir, 'filler');
  const r = await router(t, { alone: true, tokens: keys, env: { ROUTER_STATE_FILE: state } });
  const faults = {
    'is read-only': () => readOnly(t, dir),
    'no room': () => {
      fill(filler);
      rmSync(state);
      fill(filler); // the file lives on until it is unmapped, but its place is nobody's
      return () => rmSync(filler);
    },
  };
  const told = words => r.service.output.split('\n').filter(line => /level=err/.test(line) && line.includes(words) && line.includes('Continuing in memory')).length;
  await ask(r);
  for (const words of ['is read-only', 'no room', 'is read-only', 'no room']) {
    const before = told(words);
    const end = faults[words]();
    await eventually(`it says: ${words}`, () => told(words) === before + 1);
    for (let i = 0; i < 10; i++) assert.equal((await ask(r)).status, 200, words);
    await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600 });
    for (let i = 0; i < 2; i++) assert.equal(who(await ask(r)), 'deepseek', `limits are kept: ${words}`);
    assert.equal((await look(r, '/v1/status')).json.providers.claude_pro.state, 'resting');
    const asked = await r.ctl('status');
    assert.ok(asked.code > 0 && asked.code < 128 && /state file/.test(asked.stderr), `${asked.code}: ${asked.stderr}`);
    assert.equal(told(words), before + 1, 'once');
    end();
    await eventually('it is there again, with what was learned', async () => /claude_pro +resting/.test((await r.ctl('status')).stdout));
    await eventually('and it says so', () => r.service.output.trimEnd().split('\n').filter(line => /state file/.test(line)).at(-1).match(/reopened|available again/));
    await normal(r);
  }
  assert.deepEqual(readdirSync(dir).filter(name => !name.startsWith('usage.db')), ['state']);
});

check('a file size limit of nothing: the same', async t => {
  const r = await router(t, { alone: true });
  await ask(r);
  limit(r.service.pid, '--fsize=0:unlimited');
  for (let i = 0; i < 10; i++) assert.equal((await ask(r)).status, 200);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 60 });
  assert.equal(who(await ask(r)), 'deepseek');
  limit(r.service.pid, '--fsize=unlimited:unlimited');
  await normal(r);
});

check('no room for a state file: told in a sentence, not by a crash', async t => {
  const dir = await disk(t);
  fill(path.join(dir, 'filler'));
  const r = await router(t, { alone: true });
  for (const program of ['claude-router', 'claude-router-check']) {
    const run = await command(path.join(BUILD, program), program === 'claude-router' ? ['--socket', path.join(dir, 'no.sock')] : [],
      { env: { ...r.env, ROUTER_STATE_FILE: path.join(dir, 'state') } });
    assert.ok(run.code > 0 && run.code < 128, `${program} ended with ${run.code}: ${run.stderr}`);
    assert.match(`${run.stderr}${run.stdout}`, /state.*(space|room|full)/i, program);
  }
});

// --- Limits ------------------------------------------------------------------------------------------------------------

check('no memory for a large body: refused, the others are served, and later it is taken', async t => {
  const r = await router(t, { alone: true, plain: true });
  const body = JSON.stringify(message(`SIM:SAY fine\n${'x'.repeat(20 * MB)}`));
  await ask(r);
  limit(r.service.pid, `--as=${memory(r.service.pid, 'VmSize') + 2 * MB}:unlimited`);
  for (let i = 0; i < 5; i++) {
    const answer = await fastcgi(r.socket, { headers, body }, { timeout: 20 });
    assert.ok(answer.status === 503 || !answer.ended, `${answer.status}`);
    if (answer.ended) assert.ok(answer.headers['retry-after'], 'told when to come back');
    assert.equal((await ask(r)).status, 200, 'a small one is served meanwhile');
  }
  await Promise.all(Array.from({ length: 300 }, () => ask(r, 'SIM:SAY many').catch(error => assert.fail(error))));
  limit(r.service.pid, '--as=unlimited:unlimited');
  await normal(r);
  assert.equal((await fastcgi(r.socket, { headers, body }, { timeout: 20 })).status, 200);
});

check('out of descriptors: who waits is served when there are some again', async t => {
  const r = await router(t, { alone: true, tokens: stored });
  await ask(r);
  const open = () => readdirSync(`/proc/${r.service.pid}/fd`).length;
  limit(r.service.pid, `--nofile=${open()}:4096`);
  const waiting = Array.from({ length: 20 }, () => ask(r));
  await eventually('it says so', () => /out of descriptors/.test(r.service.output));
  limit(r.service.pid, '--nofile=4096:4096');
  for (const answer of await Promise.all(waiting)) assert.ok(answer.status === 200, answer.text);
  // One more than the client's own: none for the provider.
  limit(r.service.pid, `--nofile=${open() + 2}:4096`);
  for (let i = 0; i < 5; i++) assert.ok([200, 429, 503, 529].includes((await ask(r)).status));
  limit(r.service.pid, '--nofile=4096:4096');
  await normal(r);
});

// --- Names and TLS -----------------------------------------------------------------------------------------------------

check('a name that hangs, fails and comes back: nobody else waits', async t => {
  const dir = temporary(t), file = path.join(dir, 'resolver');
  writeFileSync(file, 'h');
  const r = await router(t, {
    ...behind(sim => `http://slow.test:${sim.ports.claude_pro}`, 'allow_plain = true\n  dns_cache = 0'),
    preload: path.join(BUILD, 'tests/torture/resolver.so'), env: { RESOLVER_FILE: file },
  });
  const waiting = Array.from({ length: 5 }, () => ask(r));
  let answered = 0;
  for (const one of waiting) one.then(() => { answered++; }, () => {});
  for (let i = 0; i < 20; i++) assert.equal((await look(r, '/v1/status')).status, 200);
  assert.equal(answered, 0, 'the status was told while they waited');
  for (const answer of await Promise.all(waiting)) assert.equal(who(answer), 'deepseek', answer.text);
  assert.equal(who(await ask(r)), 'deepseek', 'and then nobody waits again');
  writeFileSync(file, 'n');
  r.clock.forward('10m');
  assert.equal(who(await ask(r)), 'deepseek', 'a name that is not there');
  writeFileSync(file, 'y');
  await normal(r);
});

check('a certificate that has expired: nothing is sent there', async t => {
  const { sim, certificate } = await withTls(t);
  const r = await router(t, { ...behind(`https://127.0.0.1:${sim.ports.tls.claude_pro}`, `ca_file = "${certificate}"`), sim });
  assert.equal(who(await ask(r)), 'claude_pro');
  r.clock.forward('3d');
  await sim.control('DELETE', '/sim/claude_pro/requests');
  // A connection that was made in time stays: a new process has none.
  await r.service.stop();
  await r.startService();
  assert.equal(who(await ask(r)), 'deepseek');
  assert.equal((await sim.requests('claude_pro')).length, 0);
  r.clock.forward('-3d');
  await normal(r);
});

check('a handshake that is cut, hangs, or is no TLS', { timeout: 120 }, async t => {
  const { sim, certificate } = await withTls(t);
  let how = 'pass';
  const port = await server(t, net.createServer(socket => {
    const on = net.connect(sim.ports.tls.claude_pro, '127.0.0.1').on('error', () => {});
    socket.on('close', () => on.destroy());
    on.on('close', () => socket.destroy());
    let n = 0;
    socket.on('data', bytes => { if (how !== 'hangs') on.write(bytes); });
    on.on('data', bytes => {
      n += bytes.length;
      if (how === 'pass' || (how === 'late' && n < 1200)) socket.write(bytes);
      else if (how === 'no TLS') socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
      else { socket.write(bytes.subarray(0, how === 'early' ? 5 : 100)); socket.destroy(); }
    });
  }));
  const r = await router(t, { ...behind(`https://127.0.0.1:${port}`, `ca_file = "${certificate}"`), sim });
  for (how of ['early', 'middle', 'hangs', 'no TLS']) {
    assert.equal(who(await ask(r)), 'deepseek', how);
    assert.equal((await sim.requests('claude_pro')).length, 0, how);
    r.clock.forward('10m');
  }
  how = 'pass';
  await normal(r);
});

// --- Mad providers -----------------------------------------------------------------------------------------------------

const endless = {
  'a JSON answer of 1 GB': res => { res.writeHead(200, { 'content-type': 'application/json' }); res.write('{"type":"message","content":[{"type":"text","text":"'); },
  'an event of 1 GB': res => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write('event: message_start\ndata: {"type":"message_start","x":"'); },
  'an error of 1 GB': res => { res.writeHead(500, { 'content-type': 'application/json' }); res.write('{"type":"error","error":{"message":"'); },
};
for (const [what, begin] of Object.entries(endless)) {
  check(`${what}: another provider serves, and memory is bounded`, async t => {
    let mad = true, sent = 0;
    const port = await server(t, http.createServer((req, res) => {
      if (!mad) return void req.pipe(http.request({ port: r.sim.ports.claude_pro, path: req.url, method: 'POST', headers: req.headers }, answer => { res.writeHead(answer.statusCode, answer.headers); answer.pipe(res); }));
      begin(res);
      const part = 'x'.repeat(65536);
      const more = () => { while (!res.destroyed && sent < 1024 * MB && res.write(part)) sent += part.length; };
      res.on('drain', more);
      more();
    }));
    const r = await router(t, { ...behind(`http://127.0.0.1:${port}`), plain: true });
    const before = memory(r.service.pid, 'VmHWM');
    for (const stream of [true, false]) {
      const answer = await ask(r, 'SIM:SAY fine', { stream });
      assert.equal(who(answer), 'deepseek', answer.text.slice(0, 300));
      r.clock.forward('10m');
    }
    const grown = memory(r.service.pid, 'VmHWM') - before;
    assert.ok(grown < 150 * MB, `grew by ${Math.round(grown / MB)} MB`);
    mad = false;
    await normal(r);
  });
}

const fine = '{"type":"message","role":"assistant","content":[{"type":"text","text":"fine"}]}';

check('headers without end', async t => {
  let mad = true;
  const port = await server(t, net.createServer(socket => {
    socket.once('data', () => {
      if (!mad) return void socket.end(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${fine.length}\r\n\r\n${fine}`);
      socket.write('HTTP/1.1 200 OK\r\n');
      const more = () => { while (!socket.destroyed && socket.write('x-more: and more\r\n'.repeat(100))); };
      socket.on('drain', more);
      more();
    });
  }));
  const r = await router(t, behind(`http://127.0.0.1:${port}`));
  assert.equal(who(await ask(r)), 'deepseek');
  mad = false;
  await normal(r);
});

// --- A byte a second ---------------------------------------------------------------------------------------------------

// A provider that takes a second, of the router's clocks, for each byte of what it says behind `at once`, whenever it is
// asked for 'slow'; others it serves. Each second somebody else is served, by the same process: so each byte has been
// read when the next one comes.
async function dripping(t, config, atOnce, slowly) {
  const dripped = [];
  const port = await server(t, http.createServer(async (req, res) => {
    let body = '';
    for await (const part of req) body += part;
    if (!body.includes('"slow"')) return void res.writeHead(200, { 'content-type': 'application/json' }).end(fine);
    const d = { socket: req.socket, seconds: 0, open: true };
    d.socket.on('close', () => { d.open = false; }).setNoDelay().write(atOnce);
    dripped.push(d);
  }));
  const r = await router(t, { ...behind(`http://127.0.0.1:${port}`, '', `retry_delay = 0.02\nhold = 0\n${config}`), problems: true });
  return Object.assign(r, { dripped, slowly });
}

// Asks it for 'slow': the answer, with the seconds that were spent on this provider.
async function patiently(r, fields = {}) {
  let answer, n = 0;
  const asked = ask(r, 'slow', fields).then(a => { answer = a; });
  await eventually('it is asked', () => r.dripped.length > 0);
  while (!answer) {
    assert.ok(n < 2000, 'no end within 2000 s');
    const open = r.dripped.filter(d => d.open);
    n += open.length > 0;
    for (const d of open) d.socket.write(r.slowly[d.seconds++] ?? '');
    if (open.length && n % 20 === 0) assert.equal(who(await ask(r, 'others')), 'claude_pro', 'others are served');
    else assert.equal((await look(r, '/health?live=1')).status, 200);
    if (open.length) r.clock.pass('1s');
  }
  await asked;
  return { answer, seconds: r.dripped.reduce((sum, d) => sum + d.seconds, 0) };
}

const limits = 'connect_timeout = 10\nfirst_byte_timeout = 60\nidle_timeout = 30\ndeadline = 200';
const JSON_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n';
const SSE_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n';
const event = data => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
const BEGUN = event({ type: 'message_start', message: { id: 'm', type: 'message', role: 'assistant', content: [], usage: {} } })
  + event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
const word = text => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
const OVER = event({ type: 'content_block_stop', index: 0 }) + event({ type: 'message_delta', delta: { stop_reason: 'end_turn' } }) + event({ type: 'message_stop' });
const within = (seconds, least, most) => assert.ok(seconds >= least && seconds <= most, `it took ${seconds} s, not ${least} to ${most}`);

// The account that was asked; the status shows the stored one's.
const restedBriefly = async r => assert.match((await look(r, '/metrics')).body, /claude_router_rests_total\{provider="claude_pro",reason="busy"\} [1-9]/);

check('a byte a second in a stream\'s head: first_byte_timeout holds, twice, and another provider serves', async t => {
  const r = await dripping(t, limits, '', `HTTP/1.1 200 OK\r\nx-more: ${'x'.repeat(2000)}`);
  const { answer, seconds } = await patiently(r, { stream: true });
  assert.equal(who(answer), 'deepseek', answer.text);
  within(seconds, 119, 125);
  assert.equal(r.dripped.length, 2, 'asked once more');
  await restedBriefly(r);
  await normal(r);
});

check('a byte a second before a stream\'s first content: the same', async t => {
  const r = await dripping(t, limits, SSE_HEAD, event({ type: 'message_start', message: { id: 'x'.repeat(2000) } }));
  const { answer, seconds } = await patiently(r, { stream: true });
  assert.equal(who(answer), 'deepseek', answer.text);
  within(seconds, 119, 125);
  await normal(r);
});

for (const [where, atOnce] of [['head', 'HTTP/1.1 200 OK\r\nx-more: '], ['body', `${JSON_HEAD}{"x":"`]]) {
  check(`a byte a second in a JSON answer's ${where}: the deadline holds, and the client is told so`, async t => {
    const r = await dripping(t, limits, atOnce, 'x'.repeat(2000));
    const { answer, seconds } = await patiently(r);
    within(seconds, 199, 203);
    assert.ok(answer.ended && answer.status === 503, answer.text);
    assert.match(answer.json.error.message, /its time \(deadline\)/);
    assert.ok(answer.headers['retry-after'] && answer.headers['x-should-retry'] !== 'false', 'it may ask again');
    await normal(r);
  });
}

check('a byte a second in a JSON answer that is whole before the deadline: it is served', async t => {
  const r = await dripping(t, limits, JSON_HEAD, fine);
  const { answer, seconds } = await patiently(r);
  assert.equal(`${who(answer)}: ${spoken(answer)}`, 'claude_pro: fine');
  within(seconds, fine.length - 1, fine.length + 3);
});

check('a byte a second in a stream whose events come often enough: served, each word as it comes', async t => {
  const r = await dripping(t, limits.replace('60', '150').replace('200', '900'), SSE_HEAD + BEGUN, word('slow') + word('but') + word('sure') + OVER);
  const { answer, seconds } = await patiently(r, { stream: true });
  assert.equal(who(answer), 'claude_pro');
  assert.match(answer.body, /"text":"slow"[^]*"but"[^]*"sure"[^]*message_stop/);
  assert.doesNotMatch(answer.body, /event: error/);
  within(seconds, r.slowly.length - 1, r.slowly.length + 3);
});

check('a byte a second in a stream, and no event within first_byte_timeout: it is ended with an error, and the provider rests', async t => {
  const r = await dripping(t, limits, SSE_HEAD + BEGUN + word('begun'), word('x'.repeat(2000)));
  const { answer, seconds } = await patiently(r, { stream: true });
  within(seconds, 59, 66);
  assert.match(answer.body, /"begun"[^]*event: error\ndata: [^\n]*overloaded_error/);
  await restedBriefly(r);
  await normal(r);
});

check('a byte a second in a stream without end: the deadline does not end it, since its content has begun; stream_deadline does', async t => {
  const r = await dripping(t, `${limits.replace('60', '150')}\nstream_deadline = 400`, SSE_HEAD + BEGUN + word('so'), word('on').repeat(50));
  const { answer, seconds } = await patiently(r, { stream: true });
  within(seconds, 399, 406);
  assert.match(answer.body, /"text":"on"[^]*event: error/);
  await normal(r);
});

check('a byte a second in a stream that is longer than the deadline: it comes whole', async t => {
  const r = await dripping(t, limits.replace('60', '150'), SSE_HEAD + BEGUN, word('on').repeat(3) + OVER);
  const { answer, seconds } = await patiently(r, { stream: true });
  within(seconds, r.slowly.length - 1, r.slowly.length + 3);
  assert.ok(seconds > 250, `${seconds} s`);
  assert.match(answer.body, /message_stop/);
  assert.doesNotMatch(answer.body, /event: error/);
});

check('a ping a minute and no content: the deadline ends it', async t => {
  const r = await dripping(t, `${limits.replace('60', '900')}\nstream_deadline = 400`, SSE_HEAD, event({ type: 'ping' }).repeat(50));
  const { answer, seconds } = await patiently(r, { stream: true });
  within(seconds, 199, 206);
  assert.match(answer.json.error.message, /its time \(deadline\)/);
  await normal(r);
});

for (const stream of [true, false]) {
  check(`a byte a second in the body of an error: it is not waited for (${stream ? 'stream' : 'no stream'})`, async t => {
    const head = 'HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 600\r\ncontent-length: 5000\r\n\r\n';
    const r = await dripping(t, limits, head, `{"type":"error","error":{"type":"rate_limit_error","message":"${'x'.repeat(3000)}`);
    const { answer, seconds } = await patiently(r, { stream });
    assert.equal(who(answer), 'deepseek', answer.text);
    within(seconds, 4, 8);
    await normal(r);
  });
}

// --- A kept connection that dies ---------------------------------------------------------------------------------------

// So many kept connections to claude_pro.
async function warmed(r, n) {
  await r.sim.gate('claude_pro', { hold: true });
  const answers = Array.from({ length: n }, () => ask(r, 'SIM:SAY fine', { stream: true }));
  await r.sim.requests('claude_pro', { wait: n });
  await r.sim.gate('claude_pro', { hold: false });
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 200, answer.text);
  return r.sim.requests('claude_pro');
}

const arrivedSince = async (r, before) => (await r.sim.requests('claude_pro')).slice(before.length);
const connections = requests => requests.map(request => request.connection);
const lastLine = r => r.service.output.split('\n').filter(line => /event=request/.test(line)).at(-1);

for (const [fault, body, how] of [['close', '', {}], ['reset', '', { stream: true }], ['close', 'x'.repeat(400_000), {}]]) {
  check(`kept connections that all die when a request has arrived (${fault}, ${body.length} bytes more): each one that was sent is counted, and no more are than we retry`, async t => {
    const r = await router(t, { alone: true, config: 'retry_delay = 0.01\nhold = 0', order: ['claude_pro', 'deepseek'] });
    const before = await warmed(r, 6);
    await r.sim.next('claude_pro', { fault, times: -1 });
    const answer = await ask(r, `SIM:SAY fine\n${body}`, how);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(who(answer), 'deepseek');
    const sent = await arrivedSince(r, before);
    assert.equal(sent.length, 2, 'once, and once more on a new connection');
    assert.equal(answer.headers['x-router-attempts'], '3');
    assert.match(lastLine(r), /attempts="claude_pro:0:retry claude_pro:0:cool\S* deepseek:200:pass"/);
    for (const request of sent) assert.equal(request.headers.expect, undefined);
    assert.deepEqual(connections(sent).map(c => connections(before).includes(c)), [true, false], 'on a kept connection, then on a new one');
  });
}

check('beside 140 streams a request finds a kept connection', async t => {
  const r = await router(t, { alone: true, order: ['claude_pro'], config: 'drain = 0' });
  await r.sim.next('claude_pro', { fault: 'stall', at: 'text', times: 140 });
  const streams = Array.from({ length: 140 }, () => ask(r, 'SIM:SAY fine', { stream: true }).catch(() => {}));
  const before = await r.sim.requests('claude_pro', { wait: 140 });
  for (let i = 0; i < 4; i++) assert.equal((await ask(r, 'SIM:SAY fine')).status, 200);
  const sent = await arrivedSince(r, before);
  assert.equal(sent.length, 4);
  assert.equal(new Set(connections(sent)).size, 1, `${connections(sent)}`);
  await r.service.stop();
  await Promise.all(streams);
});

check('a kept connection that dies: asked again at once on a new one, which is kept then', async t => {
  const r = await router(t, { alone: true, config: 'retry_delay = 60\nhold = 0', order: ['claude_pro', 'deepseek'] });
  const before = await warmed(r, 1);
  await r.sim.next('claude_pro', { fault: 'close' });
  for (let i = 0; i < 3; i++) assert.equal(`${who(await ask(r))}`, 'claude_pro');
  const sent = await arrivedSince(r, before);
  const [kept, fresh] = connections(sent);
  assert.deepEqual(connections([...before, ...sent]), [kept, kept, fresh, fresh, fresh]);
  assert.notEqual(kept, fresh);
  assert.equal((await look(r, '/v1/status')).json.providers.claude_pro.state, 'ready');
});

check('a kept connection that dies under what has no retries: count_tokens and models are asked again once', async t => {
  const r = await router(t, { alone: true, config: 'hold = 0', order: ['claude_pro'] });
  await warmed(r, 1);
  for (const asking of [{ uri: '/v1/messages/count_tokens', body: JSON.stringify(message('Hello', { max_tokens: undefined })) }, { method: 'GET', uri: '/v1/models' }]) {
    const before = await r.sim.requests('claude_pro');
    await r.sim.next('claude_pro', { fault: 'close' });
    const answer = await fastcgi(r.socket, { headers, ...asking });
    assert.equal(`${answer.status} ${who(answer)}`, '200 claude_pro', answer.text);
    assert.equal((await arrivedSince(r, before)).length, 2);
  }
});

// --- Lines -------------------------------------------------------------------------------------------------------------

// A request of which a part comes every `every` of the router's seconds; the seconds it took, and what was answered.
async function uploading(t, r, parts, every) {
  const bytes = requestBytes({ headers, body: JSON.stringify(message(`SIM:SAY slow\n${'x'.repeat(40_000)}`)), records: 2 * parts });
  const socket = net.connect(r.socket), got = [];
  t.after(() => socket.destroy());
  let over = false;
  socket.on('data', part => got.push(part)).on('close', () => { over = true; }).on('error', () => {});
  const size = Math.ceil(bytes.length / parts);
  let seconds = 0;
  for (let at = 0; at < bytes.length && got.length === 0; at += size) {
    socket.write(bytes.subarray(at, at + size));
    for (let s = 0; s < every && at + size < bytes.length; s++, seconds++) {
      assert.equal((await look(r, '/health?live=1')).status, 200);
      r.clock.pass('1s');
    }
  }
  await eventually('it is answered', () => got.length > 0);
  const text = () => Buffer.concat(got).toString();
  await eventually('whole', () => over || /"type":"(message|error)"/.test(text()));
  return { seconds, text: text() };
}

check('a body that comes slowly is waited for as long as it moves, and as the deadline allows', async t => {
  const r = await router(t, { alone: true, config: 'deadline = 400' });
  const slow = await uploading(t, r, 8, 40);
  assert.match(slow.text, /Status: 200[^]*slow/);
  assert.equal(slow.seconds, 280);
  const silent = await uploading(t, r, 3, 70);
  assert.match(silent.text, /Status: 408[^]*timeout_error/);
  const endless = await uploading(t, r, 30, 50);
  assert.match(endless.text, /Status: 408[^]*timeout_error/);
  within(endless.seconds, 400, 450);
  await normal(r);
});

// The timers of our connections to a port, of proc(5)'s tcp: 00 none, 02 keep-alive.
const timers = port => readFileSync('/proc/net/tcp', 'utf8').split('\n').map(line => line.trim().split(/\s+/))
  .filter(([, , remote, state]) => remote?.endsWith(`:${port.toString(16).toUpperCase().padStart(4, '0')}`) && state === '01').map(fields => fields[5].slice(0, 2));

check('a connection on which nothing is said is kept alive, so that no line forgets it and a peer that vanished is missed', async t => {
  const r = await router(t, { alone: true });
  await r.sim.next('claude_pro', { fault: 'pass', delay_ms: 60_000 });
  const asked = ask(r).catch(() => {});
  await r.sim.requests('claude_pro', { wait: 1 });
  await eventually('it is', () => timers(r.sim.ports.claude_pro).join() === '02');
  await r.service.stop('SIGKILL').catch(() => {});
  await asked;
});

// --- Sockets -----------------------------------------------------------------------------------------------------------

for (const [what, made] of Object.entries({
  'whose backlog is full': 'l = socket(AF_UNIX, SOCK_STREAM); l.bind(p); l.listen(0); c = []\nwhile True:\n  s = socket(AF_UNIX, SOCK_STREAM); s.setblocking(False); c.append(s)\n  if s.connect_ex(p) != 0: break',
  'for datagrams': 'l = socket(AF_UNIX, SOCK_DGRAM); l.bind(p)',
})) {
  check(`--socket at a path where another one is, ${what}: it is not taken away, and that is said at once`, async t => {
    const file = path.join(temporary(t), 's');
    const other = new Part('python3', 'python3', ['-c', `from socket import *\nimport sys, signal\np = sys.argv[1]\n${made}\nprint("ready", flush=True)\nsignal.pause()`, file]);
    t.after(() => other.stop());
    await other.until(() => other.output.includes('ready'));
    const r = await router(t, { alone: true });
    const run = await command(path.join(BUILD, 'claude-router'), ['--socket', file], { env: r.env });
    assert.ok(run.code > 0 && run.code < 128, `${run.code}`);
    assert.match(run.stderr, /in use/);
    assert.ok(existsSync(file), 'it is still there');
  });
}

check('2,000 that wait in the socket when it is told to stop: each is answered', async t => {
  const r = await router(t, { alone: true });
  limit(r.service.pid, '--nofile=8192:8192');
  r.service.kill('SIGSTOP');
  const all = Array.from({ length: 2000 }, () => fastcgi(r.socket, { method: 'GET', uri: '/health?live=1', headers: {} }, { timeout: 30 }));
  await eventually('they wait', () => readFileSync('/proc/net/unix', 'utf8').split('\n').filter(line => line.endsWith(r.socket)).length > 2000);
  r.service.kill('SIGTERM');
  r.service.kill('SIGCONT');
  const answers = await Promise.all(all);
  assert.equal(answers.filter(answer => !answer.ended).length, 0, 'reset');
});

check('an answer that is whole before the request was sent', async t => {
  const whole = '{"type":"message","role":"assistant","content":[{"type":"text","text":"early"}]}';
  const port = await server(t, net.createServer(socket => {
    socket.once('data', () => {
      socket.pause();
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${whole.length}\r\n\r\n${whole}`);
    });
  }));
  const r = await router(t, { ...behind(`http://127.0.0.1:${port}`), problems: true });
  const answer = await fastcgi(r.socket, { headers, body: JSON.stringify(message('x'.repeat(16 * MB))) }, { timeout: 20 });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(spoken(answer), 'early');
  assert.equal(spoken(await ask(r)), 'early', 'the connection on which something is still owed is not used again');
});

check('a proxy that refuses, says nonsense, says much, or hangs up', async t => {
  let says = '';
  const { sim, certificate } = await withTls(t);
  const port = await server(t, http.createServer().on('connect', (req, socket) => {
    if (says !== '') return void socket.end(says);
    const [host, target] = req.url.split(':');
    const on = net.connect(Number(target), host, () => { socket.write('HTTP/1.1 200 OK\r\n\r\n'); on.pipe(socket); socket.pipe(on); });
    on.on('error', () => socket.destroy());
  }));
  const r = await router(t, { ...behind(`https://127.0.0.1:${sim.ports.tls.claude_pro}`, `ca_file = "${certificate}"\n  proxy = "http://127.0.0.1:${port}"`), sim });
  for (says of ['HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="x"\r\nContent-Length: 5\r\n\r\nnever', 'nonsense\r\n\r\n',
    `HTTP/1.1 502 Bad Gateway\r\n${'x-much: more\r\n'.repeat(20_000)}\r\n`, 'HTTP/1.1 200 OK\r\n\r\nand no TLS', ' ']) {
    const answer = await ask(r);
    assert.equal(who(answer), 'deepseek', says.slice(0, 60));
    assert.doesNotMatch(answer.text, /never|nonsense|x-much/);
    r.clock.forward('10m');
  }
  says = '';
  await normal(r);
  assert.ok((await sim.requests('claude_pro')).length > 0);
});

check('what the environment says of proxies and key logs is not heard', async t => {
  const { sim, certificate } = await withTls(t), seen = [];
  const port = await server(t, net.createServer(socket => { seen.push(1); socket.destroy(); }));
  const proxy = `http://127.0.0.1:${port}`, keylog = path.join(temporary(t), 'keys');
  const r = await router(t, {
    ...behind(`https://127.0.0.1:${sim.ports.tls.claude_pro}`, `ca_file = "${certificate}"`), sim,
    env: { http_proxy: proxy, https_proxy: proxy, HTTPS_PROXY: proxy, ALL_PROXY: proxy, all_proxy: proxy, NO_PROXY: '*', no_proxy: '*', SSLKEYLOGFILE: keylog, CURL_CA_BUNDLE: '/dev/null', SSL_CERT_FILE: '/dev/null' },
  });
  assert.equal(who(await ask(r)), 'claude_pro');
  r.switched = await fastcgi(r.socket, { uri: '/v1/switch-provider', headers: {}, body: '"deepseek"' });
  assert.equal(who(await ask(r)), 'deepseek');
  assert.equal(seen.length, 0, 'nobody came to the proxy');
  assert.ok(!existsSync(keylog), 'no key was logged');
});

// --- Slow clients ------------------------------------------------------------------------------------------------------

check('clients that do not read cost a bounded amount of memory, and nobody else anything', { timeout: 120 }, async t => {
  const r = await router(t, { alone: true, plain: true, fast: true, config: 'idle_timeout = 60' });
  await ask(r);
  const before = memory(r.service.pid), n = 40;
  const bytes = requestBytes({ headers, body: JSON.stringify(message('SIM:LONG 1000000', { stream: true })) });
  const sockets = Array.from({ length: n }, () => net.connect(r.socket).on('error', () => {}).pause());
  t.after(() => { for (const socket of sockets) socket.destroy(); });
  for (const socket of sockets) socket.write(bytes);
  await r.sim.requests('claude_pro', { wait: n + 1 });
  let last = -1;
  await eventually('all of them are held', async () => {
    const sent = (await r.sim.requests('claude_pro')).reduce((sum, request) => sum + request.bytes, 0);
    const same = sent === last;
    last = sent;
    await sleep(200);
    return same;
  }, 60);
  const grown = memory(r.service.pid) - before;
  assert.ok(grown < n * MB / 4, `${n} such clients cost ${Math.round(grown / 1024)} KB`);
  t.evidence('memory', `${n} clients that do not read: ${Math.round(grown / n / 1024)} KB each`);
  assert.equal((await ask(r)).status, 200, 'another one is served');
  for (const socket of sockets) socket.destroy();
  await eventually('they are gone', async () => (await look(r, '/v1/status')).json.streams <= 1);
  await normal(r);
});

// What waits for the clients of a process, all together: UNREAD_PROCESS_MAX of src/base/caps.h.
const UNREAD = 256 * MB;

check('slow readers of large answers reach the bound of a process, and no more; the others are served', { timeout: 180 }, async t => {
  const bulk = Buffer.alloc(31 * MB, 'x');
  const port = await server(t, http.createServer(async (req, res) => {
    let body = '';
    for await (const part of req) body += part;
    const n = Number(body.match(/"BYTES (\d+)"/)?.[1] ?? 0);
    const [begin, end] = fine.split('fine').map((part, i) => (i === 0 ? `${part}fine` : part));
    res.writeHead(200, { 'content-type': 'application/json', 'content-length': begin.length + n + end.length });
    res.write(begin);
    res.write(bulk.subarray(0, n));
    res.end(end);
  }));
  const r = await router(t, { ...behind(`http://127.0.0.1:${port}`, '', 'idle_timeout = 100'), plain: true });
  const readers = [], lines = what => r.service.output.split(what).length - 1;
  t.after(() => { for (const socket of readers) socket.destroy(); });
  const notReading = bytes => {
    const socket = net.connect(r.socket).on('error', () => {}).pause();
    socket.write(bytes);
    readers.push(socket);
  };
  const asking = (text, fields = {}) => requestBytes({ headers, body: JSON.stringify(message(text, fields)) });
  await ask(r);
  const before = memory(r.service.pid);
  const untilOneIsCut = async bytes => {
    for (let cut = lines('was cut'), n = lines('event=request'); lines('was cut') === cut; n++) {
      assert.ok(readers.length < 2000, 'the bound is reached');
      notReading(asking(`BYTES ${bytes}`));
      await eventually('it is answered', () => lines('event=request') > n, 30);
    }
  };
  for (const size of [31, 8, 2]) await untilOneIsCut(size * MB);
  const held = memory(r.service.pid) - before;
  assert.ok(held > UNREAD * 0.8 && held < UNREAD, `${readers.length} readers hold ${Math.round(held / MB)} MB`);
  for (const bytes of [0, 1000, 60_000, 600_000]) {
    const answer = await ask(r, `BYTES ${bytes}`);
    assert.ok(answer.ended && answer.status === 200 && spoken(answer).length === 4 + bytes, `one of ${bytes} bytes is served beside them: ${answer.text.slice(0, 300)}`);
  }
  // Streams wait at their provider.
  const switchTo = name => fastcgi(r.socket, { uri: '/v1/switch-provider', headers: {}, body: JSON.stringify(name) });
  await switchTo('deepseek');
  for (let i = 0; i < 20; i++) notReading(asking('SIM:LONG 1000000', { stream: true }));
  let last = -1;
  const streams = await eventually('they are held', async () => {
    const all = await r.sim.requests('deepseek', { wait: 20 }), sent = all.reduce((sum, request) => sum + request.bytes, 0);
    const same = sent === last;
    last = sent;
    await sleep(200);
    return same && all;
  }, 60);
  for (const request of streams) assert.ok(!request.ended && request.bytes < 16 * MB, `of 100 MB the simulator could write ${request.bytes} bytes`);
  assert.equal(spoken(await ask(r)), 'fine');
  await switchTo('auto');
  // The others may have all of the rest, and no more, either.
  await untilOneIsCut(MB / 2);
  assert.equal((await look(r, '/health?live=1')).status, 200);
  const most = memory(r.service.pid, 'VmHWM') - before;
  assert.ok(most < UNREAD + 3 * bulk.length, `at most ${Math.round(most / MB)} MB`);
  t.evidence('memory', `${Math.round(held / MB)} MB held, ${Math.round(most / MB)} MB at most`);
  for (const socket of readers) socket.destroy();
  await eventually('they are gone', async () => (await look(r, '/v1/status')).json.streams <= 1);
  await eventually('what they held is given back', () => memory(r.service.pid) < before + 20 * MB, 30);
  await normal(r);
});
