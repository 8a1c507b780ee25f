// SPDX-License-Identifier: MIT
// The real Claude Code CLI and the real SDK, talking to a case's router and to nothing else.
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { command } from './parts.mjs';
import { TOP } from './router.mjs';

const NPM = process.env.NPM_DIR ?? path.join(TOP, 'build/npm');

// The SDK's constructor.
export function sdk() {
  const found = createRequire(path.join(NPM, 'package.json'))('@anthropic-ai/sdk');
  return found.default ?? found.Anthropic ?? found;
}

export const CLAUDE_LOGIN = 'sk-ant-oat01-made-up-login-of-the-tests';

// A person with a home of their own, in which conversations are kept from run to run.
export function person(t, r, { login = CLAUDE_LOGIN, env = {} } = {}) {
  const home = mkdtempSync(path.join(tmpdir(), 'cr-home-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const work = path.join(home, 'work');
  mkdirSync(work);
  return { claude: (prompt, ...args) => claude(r, home, work, login, env, prompt, args), home, work };
}

// One run of `claude -p`: { code, stdout, stderr, json, text (the final answer), session }.
async function claude(r, home, work, login, env, prompt, args) {
  const binary = path.join(NPM, 'node_modules/.bin/claude');
  if (!existsSync(binary)) throw new Error(`${binary} is missing: ./dev check installs it`);
  const run = await command(binary, ['-p', prompt, '--output-format', 'json', '--allowedTools', 'Bash(echo:*)', ...args], {
    cwd: work, timeout: 120,
    env: {
      HOME: home, TERM: 'dumb', IS_SANDBOX: '1', ANTHROPIC_BASE_URL: r.url, CLAUDE_CODE_OAUTH_TOKEN: login,
      DISABLE_TELEMETRY: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_AUTOUPDATER: '1', DISABLE_ERROR_REPORTING: '1',
      ...env,
    },
  });
  let json;
  try { json = JSON.parse(run.stdout); } catch { /* the caller shows stdout */ }
  return { ...run, json, text: json?.result, session: json?.session_id };
}
