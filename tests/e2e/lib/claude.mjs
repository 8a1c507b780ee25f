// SPDX-License-Identifier: MIT
// The real Claude Code CLI and the real SDK, talking to a case's router and to nothing else.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Part, command } from './parts.mjs';
import { TOP } from './router.mjs';

export const NPM = process.env.NPM_DIR ?? path.join(TOP, 'build/npm');

// The SDK's constructor.
export function sdk() {
  const found = createRequire(path.join(NPM, 'package.json'))('@anthropic-ai/sdk');
  return found.default ?? found.Anthropic ?? found;
}

export const CLAUDE_LOGIN = 'sk-ant-oat01-made-up-login-of-the-tests';

// A person with a home of their own, in which conversations are kept from run to run; host: of lib/world.mjs, where they are.
export function person(t, r, { login = CLAUDE_LOGIN, env = {}, host = { command } } = {}) {
  const home = mkdtempSync(path.join(tmpdir(), 'cr-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const work = path.join(home, 'work');
  mkdirSync(work);
  const binary = path.join(NPM, 'node_modules/.bin/claude');
  if (!existsSync(binary)) throw new Error(`${binary} is missing: ./dev check installs it`);
  const me = {
    host, home, work, binary,
    env: {
      HOME: home, TERM: 'dumb', IS_SANDBOX: '1', ANTHROPIC_BASE_URL: r.url, CLAUDE_CODE_OAUTH_TOKEN: login,
      DISABLE_TELEMETRY: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1', DISABLE_ERROR_REPORTING: '1',
      ...env,
    },
  };
  return { claude: (prompt, ...args) => claude(me, prompt, args), screen: (...args) => screen(t, me, args), home, work };
}

// One run of `claude -p`: { code, stdout, stderr, json, text (the final answer), session }.
async function claude({ host, binary, work, env }, prompt, args) {
  const run = await host.command(binary, ['-p', prompt, '--output-format', 'json', '--allowedTools', 'Bash(echo:*)', ...args], { cwd: work, timeout: 120, env });
  let json;
  try { json = JSON.parse(run.stdout); } catch { /* the caller shows stdout */ }
  return { ...run, json, text: json?.result, session: json?.session_id };
}

// Claude Code in a terminal of its own, script(1)'s, past the questions of a first start; text(): what it has shown, without colours and places.
async function screen(t, { binary, home, work, env }, args) {
  writeFileSync(path.join(home, '.claude.json'), JSON.stringify({ hasCompletedOnboarding: true, theme: 'dark', projects: { [work]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } } }));
  const words = [binary, '--allowedTools', 'Bash(echo:*)', ...args].map(word => `'${word}'`).join(' ');
  const part = new Part('claude', 'script', ['-qec', `stty rows 60 columns 160; exec ${words}`, '/dev/null'], { cwd: work, input: null, env: { ...env, TERM: 'xterm-256color', SHELL: '/bin/sh' } });
  t.after(() => part.stop('SIGTERM').catch(() => {}));
  part.text = () => part.stdout.replace(/\x1b\[\d*[CG]/g, ' ').replace(/\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])/g, '').replace(/ +/g, ' ');
  t.evidence('screen', () => part.text().slice(-3000));
  return part;
}
