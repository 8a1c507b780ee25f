// SPDX-License-Identifier: MIT
// Runs the end-to-end tests: node run.mjs [--counts FILE] [PATTERN]. ./dev check calls it; see README.md beside it.
// FILE gets one line of the numbers of cases that passed, failed and were skipped, and a line for each that failed.
// Each file is a process of its own, a few at once; its cases come as JSON lines over a descriptor (lib/case.mjs).
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import path from 'node:path';
import { shown } from './lib/case.mjs';
import { DEFAULT, SERVERS, suffix } from './lib/servers/index.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
const FILE_SECONDS = process.env.CHECK_ALL === '1' ? 3600 : 1200;
const LONGEST_FIRST = ['doctor', 'matrix', 'share', 'retries', 'streams', 'seeds', 'access', 'dashboard', 'drill', 'reload', 'claude-code', 'bill', 'processes', 'faults', 'torture', 'secrets', 'leaks'];
// Whose subject passes through the web server: run under each of them, as e2e/limit@nginx/…, @apache-proxy, @apache-fcgid. With --all so do all files but those that are
// about lighttpd itself, about ./dev, or about no web server at all.
const EVERY_SERVER = ['abort', 'access', 'bad-requests', 'basic', 'bodies', 'claude-code', 'credentials', 'doors', 'dropin', 'limit', 'logs', 'many', 'sdk', 'streams'];
// Of these, under the others, one case of so many; each with --all, or asked for by name.
const SAMPLED = { access: 4, bodies: 3, 'claude-code': 2, credentials: 4, doors: 2, streams: 8 };
// And one of so many under lighttpd, where a table of the units has the same rows.
const SAMPLED_HERE = { matrix: 2 };
// The container's web server is lighttpd, too: only what its network changes runs there without --all.
const CONTAINER = ['abort', 'access', 'basic', 'doors'];
const LIGHTTPD_ONLY = ['bad-input', 'bill', 'container', 'cron', 'ctl', 'doctor', 'drill', 'faults', 'home', 'home-assistant', 'install-user', 'leaks', 'load', 'metrics', 'monitoring', 'processes', 'reload', 'secrets', 'serve', 'service', 'share', 'share-network', 'stampede',
  'top', 'torture', 'units', 'usage'];

const args = process.argv.slice(2);
const countsFile = args[0] === '--counts' ? args.splice(0, 2)[1] : undefined;
const pattern = args.filter(arg => arg !== '--')[0] ?? '';
// One more than there are processors: a file waits more than it works, and other groups run beside.
const atOnce = Number(process.env.CHECK_JOBS ?? Math.min(6, 1 + (availableParallelism?.() ?? cpus().length)));
const counts = { ok: 0, not: 0, skip: 0 };
const failures = [];

// CHECK_FILES: these alone.
const only = process.env.CHECK_FILES?.split(' ').filter(Boolean) ?? [];
const names = readdirSync(here).filter(name => name.endsWith('.mjs') && name !== 'run.mjs').map(name => name.slice(0, -4)).filter(name => !only.length || only.includes(name));
const servers = process.env.CHECK_SERVERS?.split(/[\s,]+/).filter(Boolean) ?? SERVERS;
const runs = servers.flatMap(server => names.filter(name => isFor(name, server)).map(name => ({ name, server }))).filter(mayMatch)
  .sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name));
await Promise.all(Array.from({ length: atOnce }, async () => { while (runs.length) await runFile(runs.shift()); }));
if (countsFile) writeFileSync(countsFile, [`${counts.ok} ${counts.not} ${counts.skip}`, ...failures, ''].join('\n'));
else process.stdout.write(`${counts.ok} passed, ${counts.not} failed, ${counts.skip} skipped\n`);
process.exitCode = counts.not ? 1 : 0;

function rank(name) {
  const at = LONGEST_FIRST.indexOf(name);
  return at < 0 ? LONGEST_FIRST.length : at;
}

function isFor(name, server) {
  if (server === DEFAULT || (server === 'container' ? CONTAINER : EVERY_SERVER).includes(name)) return true;
  return !LIGHTTPD_ONLY.includes(name) && (process.env.CHECK_ALL === '1' || pattern.startsWith(`e2e/${name}@${server}`));
}

// Whether a case of the file can match: by the file's and the server's name, or because its text holds what the pattern names.
function mayMatch({ name, server }) {
  const full = `e2e/${name}${suffix(server)}/`;
  return full.includes(pattern) || pattern.startsWith(full)
    || readFileSync(path.join(here, `${name}.mjs`), 'utf8').includes(pattern.replace(/^e2e\//, ''));
}

function sample(name, server) {
  const isWhole = process.env.CHECK_ALL === '1' || !['', 'e2e/'].includes(pattern);
  return isWhole ? 1 : (server === DEFAULT ? SAMPLED_HERE : SAMPLED)[name] ?? 1;
}

function runFile({ name, server }) {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [path.join(here, `${name}.mjs`)], {
      env: { ...process.env, CHECK_SERVER: server, CHECK_PATTERN: pattern, CHECK_SAMPLE: String(sample(name, server)), CHECK_RESULTS: '3' }, stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    let output = '', lines = '', failed = 0;
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', text => { output = (output + text).slice(-8000); });
    child.stdio[3].setEncoding('utf8').on('data', text => {
      lines += text;
      for (let end; (end = lines.indexOf('\n')) >= 0; lines = lines.slice(end + 1)) failed += done(JSON.parse(lines.slice(0, end)));
    });
    const timer = setTimeout(() => child.kill('SIGTERM'), FILE_SECONDS * 1000);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0 && !failed) {
        done({ name: `e2e/${name}${suffix(server)}`, result: 'not', seconds: 0, why: `the file ended with ${code ?? signal} outside of its cases:\n${output}` });
      }
      resolve();
    });
  });
}

function done(result) {
  counts[result.result]++;
  process.stdout.write(shown(result));
  if (result.result !== 'not') return 0;
  failures.push(result.name);
  return 1;
}
