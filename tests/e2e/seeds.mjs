// SPDX-License-Identifier: MIT
// Claude Code through ten turns with tools while a seeded script limits, throttles, overloads, cuts and recovers providers:
// every turn ends with status 0 and the right text, and Claude Pro serves every turn in which it can.
import assert from 'node:assert/strict';
import { all, check } from './lib/case.mjs';
import { person } from './lib/claude.mjs';
import { router, stored } from './lib/router.mjs';

const SEEDS = all ? 50 : 3;
const TURNS = 10;

// A small generator (mulberry32): the same seed, the same story, on every machine.
function random(seed) {
  let a = seed;
  return n => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

// What may happen to a provider in a turn. None of these leaves it for longer than an hour.
const troubles = [
  { fault: 'usage_limit', reset: 3600 },
  { fault: 'throttle', retry_after: 30 },
  { fault: 'throttle_bare' },
  { fault: 'overloaded' },
  { fault: 'overloaded_event' },
  { fault: 'internal' },
  { fault: 'bad_gateway' },
  { fault: 'empty_stream' },
  { fault: 'reset', at: 'head' },
  { fault: 'reset', at: 'thinking' },
  { fault: 'close', at: 'text' },
  { fault: 'reset', at: 'tool' },
  { fault: 'reset', at: 'tool_end' },
  { fault: 'error_event', type: 'overloaded_error', at: 'text' },
];

// Plans one turn: nothing (half of them), or trouble at Claude Pro, or at both it and DeepSeek.
async function plan(r, pick) {
  const story = [];
  if (pick(2) === 0) return story;
  for (const provider of pick(3) === 0 ? ['claude_pro', 'deepseek'] : ['claude_pro']) {
    const trouble = { ...troubles[pick(troubles.length)], after: pick(3) };
    await r.sim.next(provider, trouble);
    story.push(`${provider} ${JSON.stringify(trouble)}`);
  }
  return story;
}

async function turn(r, me, pick, session) {
  // Now and then hours pass, and all rests are over.
  if (pick(3) === 0) r.clock.forward('70m');
  const before = (await r.status()).providers.claude_pro.state;
  const story = await plan(r, pick);
  const steps = 1 + pick(2);
  const run = await me.claude(`SIM:TOOLS ${steps}`, ...session);
  const told = `${story.join(', ') || 'no trouble'}; claude_pro was ${before}\n${run.stdout}\n${run.stderr}`;
  assert.equal(run.code, 0, told);
  assert.match(run.text, new RegExp(`done ${steps} steps, last by`), told);
  if (story.length === 0 && before !== 'resting') assert.match(run.text, /last by claude_pro/, told);
  // What was planned and did not happen is not for the next turn.
  for (const provider of ['claude_pro', 'deepseek']) await r.sim.clear(provider);
  return ['--resume', run.session];
}

for (let seed = 1; seed <= SEEDS; seed++) {
  check(`seed ${seed}: ten turns`, { timeout: 180 }, async t => {
    const tokens = { deepseek: stored.deepseek, kimi: stored.kimi, claude_api: stored.claude_api };
    const r = await router(t, { tokens, config: 'retry_delay = 0.02', problems: true });
    const me = person(t, r);
    const pick = random(seed);
    let session = [];
    for (let n = 1; n <= TURNS; n++) session = await turn(r, me, pick, session);
    for (const request of await r.sim.requests('claude_pro')) assert.ok(!request.leak, 'no other credential at claude_pro');
  });
}
