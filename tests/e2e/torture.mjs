// SPDX-License-Identifier: MIT
// Torture: of the calls that a request makes for memory, bytes, descriptors and maps, each fails once, in turn
// (tests/torture/torture.c). The responder lives, the request ends, well or with a clear error, and the next one is served.
// The other two programs, whole: they end by themselves, say what was wrong, and leave a state that can be used.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { all, check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { fastcgi } from './lib/fastcgi.mjs';
import { command } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';
import { BUILD, withTls } from './lib/simulator.mjs';

const headers = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20', 'anthropic-version': '2023-06-01', 'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)' };
const SAMPLE = 30; // of a request's calls, without --all
const WRONG_MAX = 20; // then it is not gone on
const WAYS = 3; // a call fails in up to so many ways; the sample takes them in turn
const TLS_TAKES = 'connect_timeout = 4\ndeadline = 7'; // a handshake in a process that is watched in each of its calls
const config = 'ledger = "off"\nfirst_byte_timeout = 1\nconnect_timeout = 1\nidle_timeout = 1\ndeadline = 3\nhold = 0\nretry_delay = 0.01\nmax_retries = 1\nlog = auto\nlog_level = debug';

// --- The page that torture.c maps -----------------------------------------------------------------------------------

class Page {
  constructor(t) {
    const dir = mkdtempSync(path.join(tmpdir(), 'cr-torture-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    this.file = path.join(dir, 'page');
    writeFileSync(this.file, Buffer.alloc(4096));
  }

  // mode 1: the n-th call fails; 2: and all memory from there on.
  arm(n, way, mode = 1) {
    this.#put(0, 0n);
    this.#put(8, BigInt(n), BigInt(way), 0n, 0n, 0n);
    this.#put(0, BigInt(mode));
  }

  off() { this.#put(0, 0n); }

  #put(at, ...words) {
    const bytes = Buffer.alloc(8 * words.length);
    words.forEach((word, i) => bytes.writeBigUInt64LE(word, 8 * i));
    const fd = openSync(this.file, 'r+');
    writeSync(fd, bytes, 0, bytes.length, at);
    closeSync(fd);
  }

  get #bytes() {
    const bytes = Buffer.alloc(4096), fd = openSync(this.file, 'r');
    readSync(fd, bytes, 0, 4096, 0);
    closeSync(fd);
    return bytes;
  }

  get count() { return Number(this.#bytes.readBigUInt64LE(24)); }
  get failed() { return Number(this.#bytes.readBigUInt64LE(32)); }
  get ways() { return Number(this.#bytes.readBigUInt64LE(40)); }
  get where() { return this.#bytes.subarray(48).toString('utf8').replace(/\0[^]*/, ''); }
}

// The failed call with its callers, ours with file and line.
async function callers(where) {
  const lines = [];
  for (const line of where.trim().split('\n').slice(0, 20)) {
    const [, object, offset] = line.match(/^(\S*claude-router[a-z-]*)\+(\S+)/) ?? [];
    const named = object ? (await command('addr2line', ['-fpse', object, offset])).stdout.trim() : line;
    if (!/torture/.test(named)) lines.push(`  ${named}`);
  }
  return lines.join('\n');
}

// --- What is asked ---------------------------------------------------------------------------------------------------

const ask = (text, fields = {}, more = {}) => ({ headers, body: JSON.stringify(message(text, fields)), ...more });
let serial = 1;
const turns = [
  { role: 'user', content: 'SIM:SAY rewritten' },
  { role: 'assistant', content: [{ type: 'text', text: 'what?' }] },
  { role: 'user', content: [{ type: 'text', text: 'SIM:SAY rewritten', cache_control: { type: 'ephemeral' } }] },
];
const said = text => answer => assert.equal(answer.json.content.map(block => block.text ?? '').join(''), text);
const streamed = text => answer => {
  if (/\nevent: error\n/.test(answer.body)) return;
  assert.match(answer.body, /event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
  const words = [...answer.body.matchAll(/"text_delta","text":"([^"]*)"/g)].map(match => match[1]).join('');
  if (!/"stop_reason":"max_tokens"/.test(answer.body)) assert.equal(words, text);
};

const key = `crk_${'k'.repeat(32)}`, keyed = { ...headers, 'x-router-key': key };

// Clients have keys; claude_pro is reached by TLS.
function withKeys(sim, r) {
  writeFileSync(r.file('keys'), `ada ${createHash('sha256').update(key).digest('hex')} 2026-11-23\n`, { mode: 0o600 });
  return `access = "keys"\nkeys_file = "${r.file('keys')}"\n${r.usualConfig()}`;
}

const byTls = certificate => (sim, r) => r.usualConfig()
  .replace(sim.url('claude_pro'), `https://127.0.0.1:${sim.ports.tls.claude_pro}`)
  .replace('provider claude_pro {', `provider claude_pro {\n  trust_url = true\n  ca_file = "${certificate}"`);

const scenarios = {
  'a JSON answer': { request: ask('SIM:SAY plain'), right: said('plain') },
  'a stream': { request: ask('SIM:SAY one two three', { stream: true }), right: streamed('one two three') },
  'a body in several records': { request: ask(`SIM:SAY parts\n${'x'.repeat(150_000)}`, {}, { records: 7 }), right: said('parts') },
  'a hop after a 429': {
    before: r => r.sim.next('claude_pro', { fault: 'usage_limit', reset: 60 }), request: ask('SIM:SAY hopped', { stream: true }), right: streamed('hopped'),
  },
  'all rest': {
    before: async r => { for (const name of ['claude_pro', 'deepseek']) await r.sim.next(name, { fault: 'throttle', retry_after: 60 }); },
    request: ask('SIM:SAY nobody'), usual: 'refused', right: () => {},
  },
  'rewritten for deepseek': {
    order: ['deepseek', 'kimi'], right: said('rewritten'),
    request: ask('', { messages: turns, system: [{ type: 'text', text: 'be brief' }], metadata: { user_id: 'user_1_account_2' }, stop_sequences: ['END'] }),
  },
  'a stream of kimi': {
    order: ['kimi', 'deepseek'], right: streamed('rewritten'),
    request: ask('', { messages: turns, stream: true, max_tokens: 2000, metadata: { user_id: 'user_1_account_2' } }),
  },
  // Another one each time: equal ones would not be asked for.
  'count_tokens': { get request() { return ask(`count ${serial++}`, { max_tokens: undefined }, { uri: '/v1/messages/count_tokens' }); }, right: answer => assert.ok(answer.json.input_tokens > 0) },
  'models': { get request() { return { method: 'GET', uri: `/v1/models?limit=${serial++}`, headers }; }, right: answer => assert.ok(answer.json.data.length > 0) },
  'the status': { request: { method: 'GET', uri: '/v1/status', headers: {} }, right: answer => assert.ok(answer.json.providers) },
  'the figures': { request: { method: 'GET', uri: '/metrics', headers: {} }, right: answer => assert.match(answer.body, /claude_router_/) },
  'a client key': { whole: withKeys, well: keyed, request: ask('SIM:SAY known', {}, { headers: keyed }), right: said('known') },
  'a client key in the path': { whole: withKeys, well: keyed, request: ask('SIM:SAY known', {}, { uri: `/k/${key}/v1/messages` }), right: said('known') },
  // The connection that is kept is lost: one more handshake, with a certificate to verify.
  'a stream by TLS, on a new connection': {
    tls: true, before: r => r.sim.next('claude_pro', { fault: 'reset' }), request: ask('SIM:SAY one two three', { stream: true }), right: streamed('one two three'),
  },
  'a self-test': {
    sample: 20, // each takes 0.6 s
    request: { uri: '/v1/self-test', headers: {}, body: 'x'.repeat(5000) },
    right: answer => assert.match(answer.body, /^event: request\ndata: (\{\}|\{[^\n]*"body_bytes":5000[^\n]*\})\n\n(event: tick\ndata: \{[^\n]*\}\n\n){0,4}$/),
  },
  'a switch': { request: { uri: '/v1/switch-provider', headers: {}, body: '"auto"' }, right: answer => assert.equal(answer.json.mode, 'auto') },
};

// --- How it may end --------------------------------------------------------------------------------------------------

// Served, an error that says what it is, or cut, which a web server turns into a 5xx.
function endOf(answer, right) {
  if (!answer.ended) return 'cut';
  if (answer.status === 200) {
    right(answer);
    return 'served';
  }
  // Claude Code asks again after these, and not after another 4xx (CLIENT.md 6).
  assert.ok(answer.status >= 500 || answer.status === 429, `status ${answer.status}: ${answer.text}`);
  if (answer.body !== '') assert.equal(typeof answer.json.error, 'object', answer.body);
  return 'refused';
}

async function once(r, page, { before, request, right }, n, way, mode) {
  if (before) await before(r);
  page.arm(n, way, mode);
  try {
    return endOf(await fastcgi(r.socket, request, { timeout: 8 }), right);
  } finally {
    page.off();
    if (before) await Promise.all([r.sim.clear('claude_pro'), r.sim.clear('deepseek')]);
  }
}

// What was learned in a failure is over, and a request like every other is served.
async function well(r, order, how = headers) {
  r.clock.forward('10m');
  const answer = await fastcgi(r.socket, ask('SIM:SAY well', {}, { headers: how }), { timeout: 8 });
  assert.equal(answer.status, 200, `the next request: ${answer.text}`);
  said('well')(answer);
  assert.equal(answer.headers['x-router-provider'], order[0], 'by the first provider');
}

const descriptors = r => readdirSync(`/proc/${r.service.pid}/fd`).length;

// The calls to fail, [n, way, mode]: all of them, each in all of its ways, as the page tells when it has failed in the
// first; or so many of them, spread evenly and always the same.
function* plan(count, page, sample = SAMPLE) {
  if (!all) {
    for (let i = 0; i < sample; i++) yield [1 + Math.floor((i + 0.5) * count / sample), i % WAYS, i % 5 === 4 ? 2 : 1];
    return;
  }
  for (let n = 1; n <= count; n++) {
    yield [n, 0, 1];
    const ways = page.ways;
    for (let way = 1; way < ways; way++) yield [n, way, 1];
  }
  for (let n = 1; n <= count; n += 3) yield [n, 0, 2];
}

// json-c 0.16 loses a member's name when its table cannot grow, and libcrypto what it had made when it cannot be made
// ready, after which a program ends. To see that it was they, stacks must be whole.
function leaksOfOthers(page, ...more) {
  const file = `${page.file}.suppressions`;
  writeFileSync(file, ['json_object_object_add', ...more].map(name => `leak:${name}\n`).join(''));
  return {
    ASAN_OPTIONS: `verify_asan_link_order=0:fast_unwind_on_malloc=0:${process.env.ASAN_OPTIONS ?? 'abort_on_error=1'}`,
    LSAN_OPTIONS: `suppressions=${file}:print_suppressions=0`,
  };
}

const TORTURE = path.join(BUILD, 'tests/torture/torture.so');

async function tortured(t, scenario) {
  const { order = ['claude_pro', 'deepseek'] } = scenario;
  const page = new Page(t);
  const { sim, certificate } = scenario.tls ? await withTls(t, { days: 3650 }) : {};
  const r = await router(t, {
    alone: true, order, config: scenario.tls ? `${config.replace(/connect_timeout.*|deadline.*/g, '')}\n${TLS_TAKES}` : config, problems: true, tokens: stored, preload: TORTURE, env: { TORTURE_FILE: page.file, ...leaksOfOthers(page) },
    sim, whole: scenario.tls ? byTls(certificate) : scenario.whole,
  });
  await well(r, order, scenario.well);
  assert.equal(await once(r, page, scenario, 0, 0, 1), scenario.usual ?? 'served', 'without a fault');
  await well(r, order, scenario.well);
  const count = page.count, before = descriptors(r), ends = { served: 0, refused: 0, cut: 0 }, wrong = [];
  assert.ok(count > 10, `${count} calls were counted`);
  for (const [n, way, mode] of plan(count + 5, page, scenario.sample)) {
    try {
      ends[await once(r, page, scenario, n, way, mode)]++;
      await well(r, order, scenario.well);
    } catch (error) {
      const lived = await lives(r);
      if (!lived && isLibcurls(r.service.output)) {
        page.off();
        await r.startService();
        continue;
      }
      wrong.push(`call ${n} of ${count}, way ${way}, mode ${mode}: ${error.message}\n${await callers(page.where)}`);
      if (wrong.length >= WRONG_MAX) break;
      if (!lived) {
        wrong.push(`the responder died:\n${died(r.service.output)}`);
        if (process.env.TORTURE_ON !== '1') break;
        page.off();
        await r.startService();
      }
    }
  }
  assert.equal(wrong.length, 0, `${wrong.length} went wrong; ${JSON.stringify(ends)}\n${wrong.join('\n')}`);
  assert.ok(ends[scenario.usual ?? 'served'] > 0, JSON.stringify(ends));
  if (all) console.log(`# ${count} calls; how it ended: ${JSON.stringify(ends)}`);
  assert.ok(descriptors(r) <= before + 8, `${before} descriptors before, ${descriptors(r)} after`);
  const { streams } = (await fastcgi(r.socket, scenarios['the status'].request)).json;
  assert.ok(streams <= 1, `${streams} requests are thought to run`);
  await r.service.stop();
  assert.equal(r.service.code, 0, `how it ended:\n${r.service.output}`);
}

// libcurl 7.88, singlesocket(): when it gets no memory to note a transfer at its socket, it forgets how large its hash is
// and divides by that the next time. Curl_ssl_addsessionid(): when it gets none to note a TLS session, it frees a name that
// it keeps, and frees it again with the next session.
const isLibcurls = output => /AddressSanitizer: FPE[^\n]*\n +#0 [^\n]*libcurl\.so/.test(output) ||
  /AddressSanitizer: attempting double-free[^\n]*\n( +#\d [^\n]* (__interceptor_)?free [^\n]*\n)+( +#\d [^\n]*libcurl\.so[^\n]*\n)+ +#\d [^\n]*libssl\.so/.test(output);

// Its death is not known at once.
const lives = r => Promise.race([r.service.ended.then(() => false), sleep(5000, true)]);

// Where a sanitizer, or an abort, says that it was.
const died = output => output.split('\n').filter(line => /ERROR|SUMMARY|runtime error|^ +#\d+ |Assert/.test(line)).slice(-25).join('\n') || output.slice(-1500);

for (const [name, scenario] of Object.entries(scenarios)) {
  check(`${name}: whichever call fails, the request ends and the next one is served`, { timeout: all ? 1800 : 120 }, t => tortured(t, scenario));
}

// --- The other programs ----------------------------------------------------------------------------------------------

// Exit codes that are theirs, with what each must have said; cron's one is silent when well.
const spoke = run => assert.match(run.stderr + run.stdout, /\S/, `nothing was said, and it ended with ${run.code}`);
// A log that fails has nowhere to say so; a file that is not there is none, and a check that is running is another's.
const isExcused = (run, stack) => isLibcurls(run.stderr) || (/ at log\.c:/.test(stack) && run.code === 1) ||
  (run.code === 0 && /config_read_private|state_map_lock_check/.test(stack));
const programs = {
  'claude-router-check --force': {
    program: 'claude-router-check', args: ['--force'],
    before: r => r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600 }), usual: 1,
    codes: { 1: spoke, 2: spoke, 73: spoke, 71: spoke, 77: spoke, 78: spoke },
  },
  'claude-router-ctl status': {
    program: 'claude-router-ctl', args: ['status', '--json'], usual: 0,
    codes: { 0: run => assert.ok(JSON.parse(run.stdout).providers), 71: spoke, 73: spoke, 77: spoke, 78: spoke },
  },
  'claude-router-ctl switch': {
    program: 'claude-router-ctl', args: ['switch', 'auto'], usual: 0, codes: { 0: run => assert.match(run.stdout, /\S/), 71: spoke, 73: spoke, 75: spoke, 77: spoke, 78: spoke },
  },
};

async function torturedProgram(t, { program, args, before = async () => {}, usual, codes }) {
  const order = ['claude_pro', 'deepseek'], page = new Page(t), wrong = [], ends = {};
  const r = await router(t, { alone: true, order, config, problems: true, tokens: stored });
  const env = { ...r.env, LD_PRELOAD: `${r.env.LD_PRELOAD}:${TORTURE}`, TORTURE_FILE: page.file, ...leaksOfOthers(page, 'OPENSSL_init_crypto') };
  const run = async (n, way, mode) => {
    r.clock.forward('1h');
    await before(r);
    page.arm(n, way, mode);
    const ended = await command(path.join(BUILD, program), args, { env });
    page.off();
    await r.sim.clear('claude_pro');
    return ended;
  };
  await well(r, order);
  const first = await run(0, 0, 1);
  assert.equal(first.code, usual, first.stderr);
  const count = page.count;
  assert.ok(count > 10, `${count} calls were counted`);
  for (const [n, way, mode] of plan(count + 5, page)) {
    const ended = await run(n, way, mode);
    ends[ended.code] = (ends[ended.code] ?? 0) + 1;
    try {
      assert.ok(codes[ended.code], `it ended with ${ended.code}`);
      codes[ended.code](ended);
      await well(r, order);
    } catch (error) {
      const stack = await callers(page.where);
      if (isExcused(ended, stack)) continue;
      wrong.push(`call ${n} of ${count}, way ${way}, mode ${mode}: ${error.message}\n${died(ended.stderr + ended.stdout)}\n${stack}`);
    }
  }
  assert.equal(wrong.length, 0, `${wrong.length} went wrong; ${JSON.stringify(ends)}\n${wrong.join('\n')}`);
  assert.ok(ends[usual] > 0 && Object.keys(ends).length > 1, JSON.stringify(ends));
  if (all) console.log(`# ${count} calls; how it ended: ${JSON.stringify(ends)}`);
  const switched = await r.ctl('switch', 'auto');
  assert.equal(switched.code, 0, `no lock is left: ${switched.stderr}`);
  assert.equal((await r.check('--force')).code, 0, 'nor the check\'s');
  assert.deepEqual(readdirSync(r.dir).filter(name => name.includes('.bad')), [], 'the state file stayed valid');
}

for (const [name, scenario] of Object.entries(programs)) {
  check(`${name}: whichever call fails, it ends with a word and a status of its own`, { timeout: all ? 1800 : 120 }, t => torturedProgram(t, scenario));
}
