// SPDX-License-Identifier: MIT
// ./dev serve without any credential: simulated providers, the three lines that it prints, and a clean end.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { Part, command, connects, eventually, freePort } from './lib/parts.mjs';
import { TOP } from './lib/router.mjs';

async function serve(t, env = {}) {
  const port = await freePort();
  const part = new Part('./dev serve', path.join(TOP, 'dev'), ['serve'], { env: { HOME: '/nonexistent', ROUTER_PORT: String(port), ...env } });
  t.after(() => part.stop());
  t.evidence('./dev serve', () => part.output);
  await part.until(() => part.output.includes('The request log:'), 240);
  return { part, port };
}

// The command of one of the printed lines, run as a person would.
function printed(part, name) {
  const line = part.output.split('\n').find(l => l.trimStart().startsWith(`${name}:`));
  assert.ok(line, `a line "${name}:"\n${part.output}`);
  return command('bash', ['-c', line.slice(line.indexOf(':') + 1)]);
}

const ours = () => readdirSync('/proc').filter(pid => /^\d+$/.test(pid)).filter(pid => {
  try { return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(path.join(TOP, 'build/release')); } catch { return false; }
});

check('three lines to try, a request log, and Ctrl-C stops all of it', { timeout: 300, skip: readdirSync(TOP).includes('tokens.txt') && 'tokens.txt is here' }, async t => {
  const before = ours();
  const { part, port } = await serve(t);
  assert.match(part.output, /simulated/i);
  assert.match((await printed(part, 'a message')).stdout, /Hello from claude_pro/);
  assert.match((await printed(part, 'a limit')).stdout, /"ok":true/);
  assert.match((await printed(part, 'a message')).stdout, /Hello from deepseek/);
  assert.equal(JSON.parse((await printed(part, 'the status')).stdout).current_provider, 'deepseek');
  await eventually('the request log is shown', () => /provider=deepseek/.test(part.output));
  const ctl = (...args) => command(path.join(TOP, 'dev'), ['ctl', ...args], { env: { HOME: '/nonexistent', ROUTER_PORT: String(port) } });
  assert.match((await ctl('key', 'add', 'ada')).stdout, /^crk_/);
  assert.doesNotMatch((await ctl('doctor', '--url', `http://127.0.0.1:${port}`)).stdout, /overrides the configuration/);
  await part.stop('SIGINT');
  assert.equal(part.code, 0);
  assert.equal(await connects(port), false);
  assert.deepEqual(ours().filter(pid => !before.includes(pid)), [], 'nothing stays');
});

check('a port that is taken is said at once', { timeout: 300 }, async t => {
  const { port } = await serve(t);
  const second = await command(path.join(TOP, 'dev'), ['serve'], { env: { HOME: '/nonexistent', ROUTER_PORT: String(port) } });
  assert.equal(second.code, 1);
  assert.match(second.stderr, new RegExp(`port ${port} .* is taken`));
});

check('a wrong tokens file is said at once', { timeout: 300 }, async t => {
  const run = await command(path.join(TOP, 'dev'), ['serve', '--tokens', '/nonexistent/tokens.txt'], { env: { HOME: '/nonexistent' } });
  assert.equal(run.code, 1);
  assert.match(run.stderr, /nonexistent\/tokens\.txt/);
  t.evidence('./dev serve', run.stderr);
});
