// SPDX-License-Identifier: MIT
// ./dev bench: the router beside what it is compared with, in one run: node bench.mjs [--quick] [--peers] [PATTERN].
// --quick alone: only quick.mjs, and with --beside DIR another build (of the tree before) beside this one.
// Every figure is a median over rounds in which the subjects take turns, and what counts are ratios: machines differ.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { get } from '../e2e/lib/client.mjs';
import { Part, command, eventually } from '../e2e/lib/parts.mjs';
import { KEY, Server } from '../e2e/lib/share.mjs';
import { BUILD } from '../e2e/lib/simulator.mjs';
import { Upstream, TOKEN, cpuMicroseconds, direct, modProxy, proxyPass, pssKb, router, tokensOf } from './rig.mjs';
import { relay } from './relay.mjs';
import { firstAnswer } from './fastcgi.mjs';
import { canCount, instructionsPer } from './instructions.mjs';
import { fillLedger, openPages } from './pages.mjs';
import { peers as others, prove } from './peers.mjs';
import { quick as quickly } from './quick.mjs';

const args = process.argv.slice(2);
const quick = args.includes('--quick');
const beside = args.includes('--beside') ? args.splice(args.indexOf('--beside'), 2)[1] : undefined;
const pattern = args.find(arg => !arg.startsWith('--')) ?? '';
const ROUNDS = quick ? 1 : 3;
const dir = mkdtempSync(path.join(tmpdir(), 'cr-bench-'));
chmodSync(dir, 0o711); // a web server may run as another user
const rows = [];
let files = 0;

// --- Figures ---------------------------------------------------------------------------------------------------------

const median = values => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
const IDLE_MS = 13_000; // after that a responder has given back what it does not need
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

function row(what, value, unit, goal) {
  const met = goal === undefined ? '' : goal(value) ? 'met' : 'NOT MET';
  rows.push({ what, value: typeof value === 'number' ? value.toPrecision(3) : value, unit, goal: goal?.text ?? '', met });
  process.stdout.write(`  ${what.padEnd(66)} ${String(rows.at(-1).value).padStart(9)} ${unit.padEnd(12)} ${goal?.text ?? ''} ${met}\n`);
}

const atMost = n => Object.assign(value => value <= n, { text: `≤ ${n}` });
const atLeast = n => Object.assign(value => value >= n, { text: `≥ ${n}` });

const BODY = {
  small: body({ messages: [{ role: 'user', content: 'Hello' }] }),
  '120 KB': body({ messages: [{ role: 'user', content: `Hello ${'filler '.repeat(17_500)}` }] }),
  '1 MB': body({ messages: [{ role: 'user', content: `Hello ${'filler '.repeat(150_000)}` }] }),
};
const paced = ms => body({ stream: true, messages: [{ role: 'user', content: `SIM:LONG 1000000\nSIM:PACE ${ms}` }] });

function body(fields) {
  const file = path.join(dir, `body-${++files}.json`);
  writeFileSync(file, JSON.stringify({ model: 'claude-sonnet-5-5', max_tokens: 100, ...fields }));
  return file;
}
// One run of tests/bench/load against a subject.
async function load(subject, mode, file, n, m) {
  const words = [mode, subject.port, subject.path ?? '/v1/messages', file, n, m];
  const { stdout, stderr } = await command(path.join(BUILD, 'tests/bench/load'),
    [...words, `x-api-key: ${TOKEN}`, ...(subject.headers ?? [])].map(String), { timeout: 300 });
  if (!stdout) throw new Error(`load ${words.join(' ')}: ${stderr}`);
  const result = JSON.parse(stdout);
  if (result.failed) process.stdout.write(`  ${subject.name}: ${result.failed} failed: load ${words.join(' ')}: ${stderr.split('\n')[0]}\n`);
  return result;
}

// --- What is measured ------------------------------------------------------------------------------------------------

// Requests of one kind over some connections: every subject in each round.
async function requests(subjects, kind, connections, count) {
  const seen = new Map(subjects.map(subject => [subject, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const subject of subjects) {
      const before = cpuMicroseconds(subject.responders());
      const result = await load(subject, 'requests', BODY[kind], connections, round === 0 ? Math.ceil(count / 10) : count);
      result.cpu_us = (cpuMicroseconds(subject.responders()) - before) / result.requests;
      if (round > 0) seen.get(subject).push(result);
    }
  }
  return new Map([...seen].map(([subject, results]) => [subject.name, {
    perSecond: median(results.map(r => r.per_second)), p50: median(results.map(r => r.p50_us)), cpu: median(results.map(r => r.cpu_us)),
  }]));
}

async function smallRequests({ subjects }) {
  for (const connections of [1, 16, 64]) {
    const seen = await requests(subjects, 'small', connections, quick ? 2000 : connections === 1 ? 5000 : 10_000);
    const base = seen.get('lighttpd mod_proxy');
    for (const [name, r] of seen) row(`small JSON, ${connections} at once: ${name}`, Math.round(r.perSecond), 'requests/s');
    const ours = seen.get('router under lighttpd');
    if (connections > 1) row(`small JSON, ${connections} at once: router / mod_proxy`, ours.perSecond / base.perSecond, '×', atLeast(1.15));
    else row('small JSON, one at a time: p50 of the router over mod_proxy', ours.p50 - base.p50, 'µs', atMost(60));
    if (connections === 16) row('responder CPU for a small request', ours.cpu, 'µs', atMost(60));
  }
}

async function bodies({ subjects }) {
  for (const [kind, connections, count, goal] of [['120 KB', 16, 4000, atLeast(0.9)], ['1 MB', 4, 400]]) {
    const seen = await requests(subjects, kind, connections, quick ? count / 4 : count);
    for (const [name, r] of seen) row(`${kind} body, ${connections} at once: ${name}`, Math.round(r.perSecond), 'requests/s');
    row(`${kind} body: router / mod_proxy`, seen.get('router under lighttpd').perSecond / seen.get('lighttpd mod_proxy').perSecond, '×', goal);
  }
}

// Streams that run side by side for some seconds, each with an event every paceMs.
async function streamed(subject, count, paceMs, seconds) {
  const idleKb = pssKb(subject.responders());
  const running = load(subject, 'streams', paced(paceMs), count, seconds);
  await pause(seconds * 600);
  const busyKb = pssKb(subject.responders());
  const cpu = cpuMicroseconds(subject.responders());
  const at = Date.now();
  await pause(seconds * 200);
  const used = cpuMicroseconds(subject.responders()) - cpu;
  const events = count * (Date.now() - at) / paceMs;
  const result = await running;
  await pause(500);
  return { ...result, kb: (busyKb - idleKb) / count, cpu: used / events };
}

async function streams({ subjects }) {
  for (const count of quick ? [1, 200, 2000] : [1, 100, 1000, 2000]) {
    const paceMs = count < 1000 ? 50 : count / 4;
    const seen = new Map();
    for (const subject of subjects) seen.set(subject.name, await streamed(subject, count, paceMs, quick ? 4 : 10));
    const base = seen.get('lighttpd mod_proxy'), ours = seen.get('router under lighttpd');
    for (const [name, r] of seen) row(`${count} streams, an event each ${paceMs} ms: p50 / p99, ${name}`, `${r.p50_us.toFixed(0)} / ${r.p99_us.toFixed(0)}`, 'µs');
    row(`${count} streams: delay p50, router / mod_proxy`, ours.p50_us / base.p50_us, '×', count === 1000 ? atMost(1.2) : undefined);
    row(`${count} streams: delay p99, router / mod_proxy`, ours.p99_us / base.p99_us, '×', count === 1000 ? atMost(1.5) : undefined);
    if (count >= 100) row(`${count} streams: responder CPU for an event`, ours.cpu, 'µs', count === 1000 ? atMost(30) : undefined);
    if (count >= 100) row(`${count} streams: memory of the responders for a stream`, ours.kb, 'KB PSS', count === 1000 ? atMost(8) : undefined);
    row(`${count} streams: failed, of all`, [...seen.values()].reduce((sum, r) => sum + r.failed, 0), '', atMost(0));
  }
}

async function overTls({ upstream, tls }) {
  const plain = await router(dir, upstream), secure = await router(dir, upstream, tls);
  try {
    const seen = await requests([plain, { ...secure, name: 'TLS' }], 'small', 16, quick ? 2000 : 10_000);
    row('small JSON, 16 at once: upstream by TLS / plain', seen.get('TLS').perSecond / seen.get(plain.name).perSecond, '×');
    const count = quick ? 200 : 1000;
    const r = await streamed(secure, count, count / 4, quick ? 6 : 15);
    row(`${count} streams, upstream by TLS: memory of the responders for a stream`, r.kb, 'KB PSS', count === 1000 ? atMost(40) : undefined);
    row(`${count} streams, upstream by TLS: failed`, r.failed, '', atMost(0));
  } finally { await plain.stop(); await secure.stop(); }
}

// The first provider refuses each request in a way that does not make it rest.
async function hop({ upstream }) {
  const one = `provider claude_api { url = "http://127.0.0.1:${upstream.port}" }`;
  const first = `provider backup { dialect = "anthropic" url = "http://127.0.0.1:${upstream.ports.backup}" }`;
  const plain = await router(dir, upstream, { sections: one });
  const hopping = { ...await router(dir, upstream, { sections: `${first}\n${one}` }), name: 'hopping' };
  await upstream.control('backup', { fault: 'long_context_credits', times: 1_000_000 });
  try {
    const seen = await requests([plain, hopping], 'small', 1, quick ? 500 : 4000);
    row('a hop to the next provider', (seen.get('hopping').p50 - seen.get(plain.name).p50) / 1000, 'ms', atMost(0.3));
  } finally { await upstream.control('reset', {}); await upstream.control('record', { on: false }); await plain.stop(); await hopping.stop(); }
}

async function start({ upstream }) {
  const times = [];
  for (let i = 0; i < (quick ? 3 : 15); i++) times.push(await firstAnswer(dir, upstream));
  row('from the start of a responder to its first answer', median(times), 'ms', atMost(30));
}

async function idle({ upstream }) {
  const subject = await router(dir, upstream);
  try {
    await load(subject, 'requests', BODY.small, 4, 1000);
    await pause(IDLE_MS);
    const own = pssKb(subject.responders()) / 1024;
    row('memory of an idle responder, one of two', own / 2, 'MB PSS', atMost(3));
    row('memory of an idle responder and its lighttpd', own / 2 + pssKb([subject.web]) / 1024, 'MB PSS', atMost(3.9));
  } finally { await subject.stop(); }
}

// A client that just started, on a line of 50 ms: by itself, and by a router that is warm.
async function fasterThanDirect({ upstream, tls, certificate }) {
  const line = await relay(upstream.tlsPort, 50);
  const subject = await router(dir, upstream, { ...tls, url: `https://127.0.0.1:${line.port}` });
  const curl = async (url, file) => Number((await command('curl', ['-s', '-o', '/dev/null', '-w', '%{time_starttransfer}', '--noproxy', '*',
    '--cacert', certificate.cert, '-H', 'content-type: application/json', '-H', 'anthropic-version: 2023-06-01', '-H', `x-api-key: ${TOKEN}`,
    '--data-binary', `@${file}`, url])).stdout) * 1000;
  try {
    for (const thinksMs of [0, 300]) {
      const file = body({ stream: true, messages: [{ role: 'user', content: `SIM:SLEEP ${thinksMs}\nSIM:LONG 3` }] });
      const gains = [];
      for (let i = 0; i < (quick ? 4 : 11); i++) {
        const through = await curl(`http://127.0.0.1:${subject.port}/v1/messages`, file);
        gains.push(await curl(`https://127.0.0.1:${line.port}/v1/messages`, file) - through);
      }
      row(`first event of a new client, line of 50 ms, provider thinks ${thinksMs} ms: earlier by`, median(gains.slice(1)), 'ms', atLeast(95));
    }
  } finally { await subject.stop(); line.stop(); }
}

// The first token of a turn of 200 KB, while other conversations of that size run: what one process, which asks its provider
// by TLS, adds to asking that by TLS; and mod_proxy, which does without TLS, to asking without. Cold: nobody has a connection
// to the provider yet.
async function firstToken({ upstream, tls }) {
  const ways = [{ way: await modProxy(dir, upstream), beside: direct(upstream) },
    { way: { ...await router(dir, upstream, { ...tls, procs: 1 }), name: 'the router' }, beside: direct(upstream, { tls: true }) }];
  const turn = how => body({ stream: true, messages: [{ role: 'user', content: `${how}\n${'filler '.repeat(29_000)}` }] });
  const first = turn('SIM:LONG 3'), left = turn('SIM:LONG 1000\nSIM:PACE 1'), lasting = turn('SIM:LONG 1000000\nSIM:PACE 250');
  const timed = async (way, live, how) => {
    const others = live > 1 ? load(way, 'streams', lasting, live - 1, quick ? 5 : 8) : undefined;
    await pause(live > 1 ? 3000 : 0); // until all have begun
    const result = await load(way, 'first', how === 'kept' ? first : left, quick ? 40 : 150, how);
    await others;
    return result;
  };
  // In turns; the first round warms up.
  const added = async (live, how) => {
    const seen = new Map(ways.map(({ way }) => [way, []]));
    for (let round = 0; round <= ROUNDS; round++) {
      for (const { way, beside } of ways) {
        const without = await timed(beside, live, how), result = await timed(way, live, how);
        if (round > 0) seen.get(way).push({ p50: (result.p50_us - without.p50_us) / 1000, p99: (result.p99_us - without.p99_us) / 1000 });
      }
    }
    return (way, figure) => median(seen.get(way).map(one => one[figure]));
  };
  const [proxy, ours] = ways.map(({ way }) => way);
  try {
    for (const live of [1, 16, 200]) {
      const by = await added(live, 'kept');
      for (const way of [proxy, ours]) row(`first token of 200 KB, ${live} conversations: p50 added by ${way.name}`, by(way, 'p50'), 'ms', way === ours ? atMost(0.5) : undefined);
      row(`first token of 200 KB, ${live} conversations: p99 added by ${ours.name}`, by(ours, 'p99'), 'ms', atMost(3));
    }
    // A client that leaves during a stream takes the connection to the provider with it.
    const by = await added(1, 'fresh');
    for (const figure of ['p50', 'p99']) row(`first token of 200 KB, cold: ${figure} added by ${ours.name}`, by(ours, figure), 'ms');
  } finally { await proxy.stop(); await ours.stop(); }
}

// Five open pages, and none, in turns.
async function pages({ upstream }) {
  const subject = await router(dir, upstream), count = 100, seen = { without: [], with: [] };
  try {
    await fillLedger(subject.file('usage.db'));
    for (let round = 0; round <= 2 * ROUNDS; round++) {
      for (const how of round % 2 ? ['with', 'without'] : ['without', 'with']) {
        const close = how === 'with' ? openPages(subject.port, 5) : async () => ({ bad: 0 });
        const result = await load(subject, 'streams', paced(50), count, quick ? 4 : 11);
        const answers = await close();
        if (answers.bad) throw new Error(`${answers.bad} of ${answers.count} answers were no report`);
        if (round > 0) seen[how].push(result);
      }
    }
    const p99 = how => median(seen[how].map(result => result.p99_us));
    row(`${count} streams, an event each 50 ms: p99 without a page / with 5`, `${p99('without').toFixed(0)} / ${p99('with').toFixed(0)}`, 'µs');
    row(`${count} streams: delay p99, with 5 open pages / without`, p99('with') / p99('without'), '×', atMost(1.2));
  } finally { await subject.stop(); }
}

// One of several machines, whose server is killed in the middle, and a router that shares nothing: at the same time, so that
// whatever else the machine does delays both.
async function shared({ upstream }) {
  const server = await Server.make({ after() {}, evidence() {} }), count = 200, seconds = quick ? 4 : 11, seen = [];
  const plain = await router(dir, upstream);
  const sharing = await router(dir, upstream, { config: `share = "valkey://127.0.0.1:${server.port}"`, tokens: `share_key = ${KEY}\n` });
  const messenger = new Part('claude-router-share', path.join(BUILD, 'claude-router-share'), [], { env: sharing.env });
  const isConnected = async () => (await get(`http://127.0.0.1:${sharing.port}/v1/status`)).json.share.connected !== null;
  try {
    for (let round = 0; round <= 2 * ROUNDS; round++) {
      await server.start();
      await eventually('it is connected', isConnected, 30);
      const subjects = round % 2 ? [sharing, plain] : [plain, sharing], results = new Map();
      const running = Promise.all(subjects.map(async subject => results.set(subject, await load(subject, 'streams', paced(100), count, seconds))));
      await pause(seconds * 500);
      await server.kill();
      await running;
      const its = results.get(sharing), others = results.get(plain);
      if (await isConnected()) throw new Error('the server is still there');
      if (round > 0) seen.push({ failed: its.failed, with: its.p99_us, without: others.p99_us, ratio: its.p99_us / others.p99_us });
    }
    const of = what => median(seen.map(result => result[what]));
    row(`2 × ${count} streams, an event each 100 ms: p99 without share / with, server killed`, `${of('without').toFixed(0)} / ${of('with').toFixed(0)}`, 'µs');
    row(`2 × ${count} streams: delay p99, with share, server killed / without`, of('ratio'), '×', atMost(1.2));
    row(`${count} streams, with share, server killed: failed`, seen.reduce((sum, r) => sum + r.failed, 0), '', atMost(0));
  } finally {
    await messenger.stop();
    await server.end();
    await plain.stop();
    await sharing.stop();
  }
}

// A conversation of a megabyte, as Claude Code sends it: calls of tools, and their results with line ends and quotes.
function conversation() {
  const result = 'const name = "a value";\t// and a remark\n'.repeat(55);
  const messages = [{ role: 'user', content: 'Hello' }];
  for (let n = 0; n < 400; n++) {
    messages.push({ role: 'assistant', content: [{ type: 'text', text: `Step ${n}.` }, { type: 'tool_use', id: `toolu_${n}`, name: 'Read', input: { file_path: `/src/file-${n}.c`, limit: 200 } }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: `toolu_${n}`, content: result }] });
  }
  return { tools: [{ name: 'Read', description: 'Reads a file.', input_schema: { type: 'object', properties: { file_path: { type: 'string' }, limit: { type: 'integer' } } } }], messages };
}

// What a translation from and to OpenAI's form costs beside a body and a stream that are passed on. The instructions are
// those outside of the kernel.
async function translation({ upstream }) {
  const ways = { passed: `provider claude_api { url = "http://127.0.0.1:${upstream.port}" }`, translated: `provider openai { url = "http://127.0.0.1:${upstream.ports.openai}" }` };
  const whole = body(conversation()), count = 200, seconds = quick ? 4 : 10;
  const subjects = [], events = new Map(), requests = new Map();
  try {
    for (const [name, sections] of Object.entries(ways)) subjects.push({ ...await router(dir, upstream, { sections }), name });
    for (let round = 0; round <= ROUNDS; round++) {
      for (const subject of subjects) {
        const cpu = async what => { const before = cpuMicroseconds(subject.responders()), n = await what(); return (cpuMicroseconds(subject.responders()) - before) / n; };
        const event = await cpu(async () => (await load(subject, 'streams', paced(50), count, seconds)).events);
        const request = await cpu(async () => (await load(subject, 'requests', whole, 2, 100)).requests);
        if (round === 0) continue;
        events.set(subject.name, [...events.get(subject.name) ?? [], event]);
        requests.set(subject.name, [...requests.get(subject.name) ?? [], request]);
      }
    }
  } finally { for (const subject of subjects) await subject.stop(); }
  for (const [what, seen, unit, goal] of [[`${count} streams, an event each 50 ms: responder CPU for an event`, events, 'µs', atMost(2)], ['1 MB conversation: responder CPU for a request', requests, 'µs']]) {
    for (const name in ways) row(`${what}, ${name}`, median(seen.get(name)), unit);
    row(`${what}, translated / passed`, median(seen.get('translated')) / median(seen.get('passed')), '×', goal);
  }
  if (canCount) await translationCounted(ways, readFileSync(whole, 'utf8'));
}

async function translationCounted(ways, whole) {
  const text = fields => JSON.stringify({ model: 'claude-sonnet-5-5', max_tokens: 100, ...fields });
  const streamOf = n => text({ stream: true, messages: [{ role: 'user', content: `SIM:LONG ${n}\nSIM:PACE 5` }] }), small = text({ messages: [{ role: 'user', content: 'Hello' }] });
  const seen = {};
  for (const [name, sections] of Object.entries(ways)) {
    const count = (bodies, more, units) => instructionsPer(dir, sections, tokensOf(sections), bodies, more, units);
    seen[name] = { event: await count([streamOf(100)], [streamOf(1100)], 1000), request: await count([small], [small, whole, whole], 2) };
    row(`instructions for an event of a stream, ${name}`, seen[name].event, '');
    row(`instructions for a 1 MB conversation, ${name}`, seen[name].request / 1e6, 'million');
  }
  row('instructions for an event, translated / passed', seen.translated.event / seen.passed.event, '×');
  row('instructions for a 1 MB conversation, translated / passed', seen.translated.request / seen.passed.request, '×');
}

// Others that do the same work: --peers fetches them from npm. One that cannot be had, or does not do it, is left out.
async function peers({ upstream }) {
  for (const start of others) {
    const ours = await router(dir, upstream);
    let peer;
    try {
      peer = await start(dir, upstream);
      await besidePeer(upstream, ours, peer);
    } catch (error) {
      process.stdout.write(`  left out: ${error.message}\n`);
    } finally { await peer?.stop(); await ours.stop(); }
  }
}

async function besidePeer(upstream, ours, peer) {
  for (const subject of [ours, peer]) await prove(subject, upstream);
  await pause(IDLE_MS);
  const idle = { ours: pssKb(ours.pids()), peer: pssKb(peer.pids()) };
  const count = quick ? 500 : 3000, before = await upstream.count();
  const seen = await requests([ours, peer], 'small', 16, count);
  const arrived = await upstream.count() - before, sent = 2 * (Math.ceil(count / 10) + ROUNDS * count);
  if (arrived !== sent) throw new Error(`${peer.name}: of ${sent} requests ${arrived} arrived at the provider`);
  const after = { ours: pssKb(ours.pids()), peer: pssKb(peer.pids()) };
  for (const [name, r] of seen) row(`small JSON, 16 at once, beside each other: ${name}`, r.perSecond, 'requests/s');
  row(`small JSON, 16 at once: router / ${peer.name}`, seen.get(ours.name).perSecond / seen.get(peer.name).perSecond, '×', atLeast(10));
  for (const [when, kb] of [['idle', idle], ['after load', after]]) {
    row(`memory ${when}: router with lighttpd`, kb.ours / 1024, 'MB PSS');
    row(`memory ${when}: ${peer.name}`, kb.peer / 1024, 'MB PSS');
    row(`memory ${when}: ${peer.name} / router with lighttpd`, kb.peer / kb.ours, '×', atLeast(20));
  }
}

// --- The run ---------------------------------------------------------------------------------------------------------

// First those for which nothing else may run: pages that other copies of a program share would count as theirs in part.
// (Of node only this process is another one: the peers look smaller by that.)
const ALONE = { idle, peers, start, hop, overTls, pages, shared, translation, fasterThanDirect, firstToken };
const MEASURES = { ...ALONE, smallRequests, bodies, streams };

async function makeCertificate() {
  const certificate = { cert: path.join(dir, 'cert.pem'), key: path.join(dir, 'key.pem') };
  const { code, stderr } = await command('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30',
    '-keyout', certificate.key, '-out', certificate.cert, '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']);
  if (code !== 0) throw new Error(`openssl: ${stderr}`);
  return certificate;
}

function table() {
  const head = `| | | | goal | |\n|---|---|---|---|---|\n`;
  return head + rows.map(r => `| ${r.what} | ${r.value} | ${r.unit} | ${r.goal} | ${r.met} |`).join('\n');
}

const RESULTS = path.join(path.dirname(new URL(import.meta.url).pathname), 'RESULTS.md');
const QUICK = '\n## What ./dev bench --quick said, the newest first\n';
const machine = `${cpus()[0].model.trim()}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`;
const today = new Date().toISOString().slice(0, 10);

function keep() {
  const [, history = ''] = readFileSync(RESULTS, 'utf8').split(QUICK);
  writeFileSync(RESULTS, `# What ./dev bench said\n\n${today}, ${machine}.\n\n${table()}\n${history && QUICK}${history}`);
}

// A line for each build, below the same measures of earlier runs.
async function keepQuick(lines) {
  const [results, history = '\n'] = readFileSync(RESULTS, 'utf8').split(QUICK);
  const { stdout } = await command('git', ['log', '-1', '--format=%s'], { cwd: path.dirname(RESULTS) });
  const head = `\n| | | ${[...Object.values(lines)[0].keys()].join(' | ')} |\n|${'---|'.repeat(Object.values(lines)[0].size + 2)}\n`;
  const names = { now: stdout.trim() || 'now', before: 'the tree before, beside it' };
  const text = Object.entries(lines).map(([name, values]) => `| ${today} | ${names[name]} | ${[...values.values()].join(' | ')} |\n`).join('');
  writeFileSync(RESULTS, results + QUICK + (history.startsWith(head) ? head + text + history.slice(head.length) : head + text + (history.trim() && history)));
}

async function runQuick(tools) {
  const builds = { now: BUILD, ...beside && { before: path.resolve(beside) } }, lines = {};
  await quickly({ ...tools, dir, body, load, builds, row(name, what, value, unit) {
    row(beside ? `${what}, ${name}` : what, value, unit);
    (lines[name] ??= new Map()).set(`${what}, ${unit}`, rows.at(-1).value);
  } });
  if (args.includes('--keep')) await keepQuick(lines);
}

const certificate = await makeCertificate();
const upstream = await Upstream.start(dir, { certificate });
const tls = {
  sections: undefined, url: `https://127.0.0.1:${upstream.tlsPort}`, extra: `ca_file = "${certificate.cert}"`,
};
const subjects = [];
async function startSubjects() {
  subjects.push(direct(upstream), await modProxy(dir, upstream), await proxyPass(dir, upstream));
  for (const server of ['lighttpd', 'nginx', 'apache-proxy']) subjects.push(await router(dir, upstream, { server }));
}
try {
  if (quick && pattern === '') await runQuick({ upstream, tls });
  else for (const [name, measure] of Object.entries(MEASURES)) {
    if (!name.toLowerCase().includes(pattern.toLowerCase()) || (name === 'peers' && !args.includes('--peers'))) continue;
    if (!(name in ALONE) && subjects.length === 0) await startSubjects();
    process.stdout.write(`${name}\n`);
    await measure({ upstream, subjects, tls, certificate });
  }
  if (args.includes('--keep') && !(quick && pattern === '')) keep();
} finally {
  for (const subject of subjects) await subject.stop();
  await upstream.stop();
  rmSync(dir, { recursive: true, force: true });
}
