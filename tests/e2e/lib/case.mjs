// SPDX-License-Identifier: MIT
// A case of the end-to-end tests: check('what must hold', async t => { … }).
//
// Its full name is e2e/<file>/<what must hold>, or e2e/<file>@<web server>/… for another one than lighttpd; CHECK_PATTERN
// picks cases by it. What the server cannot do (its table in lib/servers) is skipped. What a case starts it stops (t.after),
// also when it fails or runs out of time; what its parts wrote (t.evidence) is shown only when it fails.
// Results go as JSON lines to the descriptor CHECK_RESULTS names (run.mjs reads them); by hand, `node limit.mjs` prints them.
import { test } from 'node:test';
import { writeSync } from 'node:fs';
import path from 'node:path';
import { Server, server, suffix } from './servers/index.mjs';

const file = path.basename(process.argv[1], '.mjs');
const pattern = process.env.CHECK_PATTERN ?? '';
const oneOf = Number(process.env.CHECK_SAMPLE ?? 1); // so many cases runs: run.mjs, SAMPLED
export const all = process.env.CHECK_ALL === '1'; // ./dev check --all: long samples run whole

export class Skip extends Error {}

let cases = 0;

// options: { timeout: seconds (60), skip: reason or false }
export function check(name, options, body) {
  if (typeof options === 'function') [options, body] = [{}, options];
  const full = `e2e/${file}${suffix(server)}/${name}`;
  if (!full.includes(pattern)) return;
  if (cases++ % oneOf !== 0) return;
  const cannot = Server.cannot[`${file}/${name}`];
  test(full, () => run(full, cannot ? { ...options, skip: cannot } : options, body));
}

async function run(name, { timeout = 60, skip = false }, body) {
  const began = Date.now();
  const t = new Case(name);
  let error = skip ? new Skip(skip) : undefined;
  if (!error) error = await outcome(within(timeout, name, () => body(t)));
  const evidence = error && !(error instanceof Skip) ? await t.collect() : '';
  const cleanup = await t.cleanUp();
  if (!error && cleanup) { error = cleanup; }
  const result = error instanceof Skip ? 'skip' : error ? 'not' : 'ok';
  report({ name, result, seconds: (Date.now() - began) / 1000, why: error && explain(error), evidence });
  if (result === 'not') process.exitCode = 1;
}

const outcome = promise => promise.then(() => undefined, error => error ?? new Error('thrown: undefined'));

function within(seconds, name, body) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([Promise.resolve().then(body), late]).finally(() => clearTimeout(timer));
}

// What went wrong, for a person: the sentence, and where in our own files.
function explain(error) {
  if (error instanceof Skip) return error.message;
  const stack = String(error?.stack ?? error);
  const where = stack.split('\n').filter(line => /^\s+at /.test(line) && line.includes('/tests/e2e/'));
  const sentence = stack.split('\n').filter(line => !/^\s+at /.test(line)).join('\n');
  const cause = error?.cause ? `\ncause: ${error.cause.message ?? error.cause}` : '';
  return `${sentence.trimEnd()}${cause}\n${where.slice(0, 4).join('\n')}`;
}

function report(result) {
  if (process.env.CHECK_RESULTS) return void writeSync(Number(process.env.CHECK_RESULTS), JSON.stringify(result) + '\n');
  process.stdout.write(shown(result));
}

// A result as lines for a person; run.mjs prints with it too.
export function shown({ name, result, seconds, why, evidence }) {
  const word = { ok: 'ok     ', not: 'FAILED ', skip: 'skipped' }[result];
  const head = `${word} ${name}${result === 'skip' ? `: ${why}` : ` (${seconds.toFixed(1)} s)`}\n`;
  if (result !== 'not') return head;
  return head + indent(why) + (evidence ? indent(evidence) : '') + `        repeat: ./dev check ${quoted(name)}\n`;
}

const indent = text => text.trimEnd().split('\n').map(line => `        ${line}\n`).join('');
const quoted = name => (/^[\w./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`);

class Case {
  #after = [];
  #evidence = [];
  constructor(name) { this.name = name; }

  // Called when the case is over, the last one first.
  after(stop) { this.#after.push(stop); }

  // A text, or a function that returns one, shown when the case fails.
  evidence(title, text) { this.#evidence.push([title, text]); }

  skip(reason) { throw new Skip(reason); }

  async collect() {
    let out = '';
    for (const [title, text] of this.#evidence) {
      const body = String(await Promise.resolve(typeof text === 'function' ? text() : text).catch(error => error));
      if (body.trim()) out += `--- ${title}\n${tail(body)}\n`;
    }
    return out;
  }

  async cleanUp() {
    let first;
    for (const stop of this.#after.reverse()) {
      const error = await outcome(within(20, this.name, stop));
      first ??= error;
    }
    return first;
  }
}

// The last lines of it, enough to see what happened.
function tail(text) {
  const lines = text.trimEnd().split('\n').map(line => (line.length > 400 ? `${line.slice(0, 400)}…` : line));
  return lines.length <= 20 ? lines.join('\n') : `… ${lines.length - 20} lines before\n${lines.slice(-20).join('\n')}`;
}
