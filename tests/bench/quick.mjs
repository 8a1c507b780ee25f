// SPDX-License-Identifier: MIT
// ./dev bench --quick: in a minute, what one process does with Claude Code's own requests, so that a change can be seen.
//
// Client and provider have one core, what stands between them the other; the subjects take turns of a fraction of a
// second, and each figure is the median over the turns. Times are CPU, from the scheduler, to the nanosecond.
import { readFileSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { command } from '../e2e/lib/parts.mjs';
import { canCount, instructionsPer } from './instructions.mjs';
import { below, modProxy, proxyPass, pssKb, router, tokensOf } from './rig.mjs';

const SAMPLES = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../samples');
const ROUNDS = 11, CONNECTIONS = 4, STREAMS = 200;
const KINDS = [['first turn, 49 KB', 49e3, 160], ['turn of 200 KB', 200e3, 60], ['turn of 1 MB', 1e6, 16]];

// --- What Claude Code sends ------------------------------------------------------------------------------------------

// Its headers but for those that the client of the benchmark has itself.
const headers = readFileSync(path.join(SAMPLES, 'tool-turn.headers'), 'utf8').trim().split('\n').slice(1)
  .map(line => line.trim()).filter(line => !/^(connection|host|content-|accept-encoding|anthropic-version|x-api-key)/i.test(line));
const named = Object.fromEntries(headers.map(line => line.split(/: */)).map(([name, ...value]) => [name, value.join(':')]));

// A turn of a conversation that has grown to about so many bytes: calls of a tool, and code that it read.
function turn(bytes, text) {
  const body = JSON.parse(readFileSync(path.join(SAMPLES, 'tool-turn.json'), 'utf8'));
  const code = 'const name = "a value";\t// and a remark\n'.repeat(55);
  const [call, result] = body.messages.slice(-2);
  for (let n = 0, size = JSON.stringify(body).length; size < bytes; n++) {
    const again = structuredClone([call, result]), id = `toolu_again${n}`;
    again[0].content.find(block => block.type === 'tool_use').id = id;
    Object.assign(again[1].content[0], { tool_use_id: id, content: code, cache_control: undefined });
    body.messages.splice(-2, 0, ...again);
    size += JSON.stringify(again).length;
  }
  if (text) result.content.push({ type: 'text', text });
  return body;
}

// --- Turns -----------------------------------------------------------------------------------------------------------

const median = values => [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];

const ownMs = results => median(results.map(result => result.own)) / 1000;

function cpuNs(pids) {
  const ofTask = (pid, task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/task`).reduce((all, task) => all + ofTask(pid, task), 0), 0);
}

async function pin(pids, core) {
  for (const pid of pids) await command('taskset', ['-acp', String(Math.min(core, cpus().length - 1)), String(pid)]);
}

const between = subject => [...new Set([...subject.pids(), ...subject.responders()])];

// CPU in µs for a request: of the responder, and of all that stands between client and provider.
async function slice(load, subject, file, count) {
  const [own, all] = [cpuNs(subject.responders()), cpuNs(between(subject))];
  const result = await load(subject, 'requests', file, CONNECTIONS, count);
  if (result.failed) throw new Error(`${subject.name}: ${result.failed} of ${count} failed`);
  return { own: (cpuNs(subject.responders()) - own) / 1000 / count, all: (cpuNs(between(subject)) - all) / 1000 / count };
}

// What each subject used in each round; the first one warms up.
async function rounds(load, subjects, file, count) {
  const seen = new Map(subjects.map(subject => [subject, []]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const subject of subjects) seen.get(subject).push(await slice(load, subject, file, count));
  for (const results of seen.values()) results.shift();
  return seen;
}

// --- What is measured ------------------------------------------------------------------------------------------------

// tools: dir, upstream, tls (options of a provider), body(FIELDS), which makes a file, load of bench.mjs, builds: the
// directory of each, by its name, and row(BUILD, WHAT, VALUE, UNIT).
export async function quick(tools) {
  await pin([process.pid, tools.upstream.part.pid], 0);
  await passed(tools);
  await rewritten(tools);
  await streams(tools);
  if (canCount) await counted(tools);
}

async function started(tools, options) {
  const subject = await router(tools.dir, tools.upstream, { procs: 1, ...options });
  await pin([...below(subject.web), ...subject.responders()], 1);
  return Object.assign(subject, { headers, path: '/v1/messages?beta=true' });
}

async function passed(tools) {
  const { dir, upstream, load, row } = tools, ours = [];
  const proxies = [await modProxy(dir, upstream), await proxyPass(dir, upstream, { workers: 1 })];
  try {
    for (const proxy of proxies) await pin(below(Object.assign(proxy, { headers, path: '/v1/messages?beta=true' }).web), 1);
    for (const [name, build] of Object.entries(tools.builds))
      for (const server of ['lighttpd', 'nginx']) ours.push(Object.assign(await started(tools, { server, build }), { name, server }));
    for (const [kind, bytes, count] of KINDS) {
      const seen = await rounds(load, [...proxies, ...ours], tools.body(turn(bytes)), count);
      const ratio = (subject, proxy) => median(seen.get(subject).map((result, i) => result.all / seen.get(proxy)[i].all)).toFixed(2);
      for (const subject of ours) {
        if (subject.server === 'lighttpd') row(subject.name, `${kind}: responder`, ownMs(seen.get(subject)), 'ms');
        row(subject.name, `${kind}: with ${subject.server} / mod_proxy / proxy_pass`, proxies.map(proxy => ratio(subject, proxy)).join(' / '), '×');
      }
    }
  } finally { for (const subject of [...proxies, ...ours]) await subject.stop(); }
}

const section = (name, url) => `provider ${name} { url = "${url}" }`;

async function rewritten(tools) {
  const { ports } = tools.upstream, subjects = [];
  const ways = { deepseek: `http://127.0.0.1:${ports.deepseek}/anthropic`, openai: `http://127.0.0.1:${ports.openai}` };
  try {
    for (const [way, url] of Object.entries(ways))
      for (const [name, build] of Object.entries(tools.builds)) subjects.push(Object.assign(await started(tools, { build, sections: section(way, url) }), { name, way }));
    const [kind, bytes, count] = KINDS.at(-1);
    const seen = await rounds(tools.load, subjects, tools.body(turn(bytes)), count);
    for (const [subject, results] of seen) tools.row(subject.name, `${kind}, rewritten for ${subject.way}: responder`, ownMs(results), 'ms');
  } finally { for (const subject of subjects) await subject.stop(); }
}

// Streams that began with a first turn, by TLS, after the memory of their bodies was given back.
async function streams(tools) {
  for (const [name, build] of Object.entries(tools.builds)) {
    const subject = await started(tools, { ...tools.tls, build });
    try {
      const idle = pssKb(subject.responders()), file = tools.body(turn(49e3, 'SIM:LONG 1000000\nSIM:PACE 250'));
      const running = tools.load(subject, 'streams', file, STREAMS, 13);
      await new Promise(resolve => setTimeout(resolve, 12_000));
      tools.row(name, `${STREAMS} streams of a first turn by TLS: each`, (pssKb(subject.responders()) - idle) / STREAMS, 'KB PSS');
      await running;
    } finally { await subject.stop(); }
  }
}

async function counted({ dir, upstream, row, builds }) {
  const sections = section('claude_api', `http://127.0.0.1:${upstream.port}`), tokens = tokensOf(sections);
  const first = JSON.stringify(turn(49e3)), events = n => JSON.stringify(turn(49e3, `SIM:LONG ${n}\nSIM:PACE 4`));
  for (const [name, build] of Object.entries(builds)) {
    const count = (bodies, more, units) => instructionsPer(dir, sections, tokens, bodies, more, units, { build, headers: named });
    row(name, 'a first turn', await count([first], [first, first, first], 2) / 1000, 'thousand instructions');
    row(name, 'an event of a stream', await count([events(50)], [events(450)], 400) / 1000, 'thousand instructions');
  }
}
