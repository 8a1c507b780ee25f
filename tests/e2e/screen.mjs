// SPDX-License-Identifier: MIT
// Claude Code as people use it, in a terminal, with OpenAI alone.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { person } from './lib/claude.mjs';
import { router } from './lib/router.mjs';
import { nothingRefused } from './lib/talk.mjs';

// Types a prompt and sends it; then waits for the words of the answer.
async function say(screen, prompt, answer) {
  const before = screen.text().length;
  screen.type(prompt);
  await screen.until(() => screen.text().slice(before).includes(prompt.split(' ').at(-1)), 60);
  screen.type('\r');
  await screen.until(() => answer.test(screen.text().slice(before)), 90);
}

check('a tool loop and a second prompt in the terminal, served by OpenAI alone', { timeout: 240 }, async t => {
  const r = await router(t, { order: ['openai'], tokens: { openai: 'sk-stored-openai' }, config: 'retry_delay = 0.01' });
  const screen = await person(t, r).screen();
  await screen.until(() => screen.text().includes('❯'), 90);
  await say(screen, 'SIM:TOOLS 2 SIM:CALLS 2', /done 2 steps, last by openai/);
  await say(screen, 'SIM:SAY what OpenAI says', /● what OpenAI says/);
  await nothingRefused(r);
  const last = (await r.sim.requests('openai')).at(-1).json;
  assert.ok(last.input.some(item => item.type === 'reasoning') && last.tools.length > 0 && last.reasoning.effort !== 'none');
});
