// SPDX-License-Identifier: MIT
// Instructions that a responder runs for something, counted by valgrind's callgrind: unlike times they are the same each time.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fastcgi } from '../e2e/lib/fastcgi.mjs';
import { Part, connects } from '../e2e/lib/parts.mjs';
import { BUILD } from '../e2e/lib/simulator.mjs';

export const canCount = existsSync('/usr/bin/valgrind');

let runs = 0;

// Of a responder with these provider sections, from its start over its answers to these bodies (texts) until its end.
async function instructions(dir, sections, tokens, bodies, { build = BUILD, headers = {} } = {}) {
  const own = path.join(dir, `count-${++runs}`), file = name => path.join(own, name);
  mkdirSync(own, { recursive: true });
  writeFileSync(file('conf'), `tokens_file = "${file('tokens')}"\nstate_file = "${file('state')}"\nlog = "${file('log')}"\nledger = "off"\ndrain = 0\n${sections}\n`);
  writeFileSync(file('tokens'), tokens, { mode: 0o600 });
  const part = new Part('responder', 'valgrind', ['--tool=callgrind', `--callgrind-out-file=${file('counts')}`, path.join(build, 'claude-router'), '--config', file('conf'), '--socket', file('socket')]);
  try {
    await part.until(() => connects(file('socket')), 60);
    for (const body of bodies) {
      const answer = await fastcgi(file('socket'), { headers: { ...headers, 'content-type': 'application/json' }, body, records: 16 }, { timeout: 120 });
      if (answer.status !== 200) throw new Error(`under callgrind: ${answer.status} ${answer.body}`);
    }
  } finally { await part.stop('SIGTERM', 60); }
  return Number(readFileSync(file('counts'), 'utf8').match(/^(?:summary|totals): (\d+)/m)[1]);
}

// What the second list of bodies takes more than the first one, for each of `units`.
export async function instructionsPer(dir, sections, tokens, bodies, more, units, options) {
  return (await instructions(dir, sections, tokens, more, options) - await instructions(dir, sections, tokens, bodies, options)) / units;
}
