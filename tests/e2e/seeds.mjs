// SPDX-License-Identifier: MIT
// Claude Code through ten turns with tools while a seeded script limits, throttles, overloads, cuts and recovers providers:
// every turn ends with status 0 and the right text, and Claude Pro serves every turn in which it can.
import assert from 'node:assert/strict';
import { all, check } from './lib/case.mjs';
import { person } from './lib/claude.mjs';
import { router, stored } from './lib/router.mjs';

const TURNS = 10;

// Those of the configuration that has always been here; and all that we ship, with OpenAI as the third of five.
const stories = [
  { name: 'four providers', troubled: ['deepseek'], seeds: all ? 50 : 2 },
  { name: 'five providers', order: ['claude_pro', 'deepseek', 'openai', 'kimi', 'claude_api'], troubled: ['deepseek', 'openai'], seeds: all ? 50 : 1 },
];

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

// Plans one turn: nothing (half of them), or trouble at Claude Pro, or also at those behind it.
async function plan(r, pick, troubled) {
  const story = [];
  if (pick(2) === 0) return story;
  for (const provider of ['claude_pro', ...troubled.slice(0, pick(3))]) {
    const trouble = { ...troubles[pick(troubles.length)], after: pick(3) };
    await r.sim.next(provider, trouble);
    story.push(`${provider} ${JSON.stringify(trouble)}`);
  }
  return story;
}

async function turn(r, me, pick, troubled, session) {
  // Now and then hours pass, and all rests are over.
  if (pick(3) === 0) r.clock.forward('70m');
  const before = (await r.status()).providers.claude_pro.state;
  const story = await plan(r, pick, troubled);
  const steps = 1 + pick(2);
  const run = await me.claude(`SIM:TOOLS ${steps}`, ...session);
  const told = `${story.join(', ') || 'no trouble'}; claude_pro was ${before}\n${run.stdout}\n${run.stderr}`;
  assert.equal(run.code, 0, told);
  assert.match(run.text, new RegExp(`done ${steps} steps, last by`), told);
  if (story.length === 0 && before !== 'resting') assert.match(run.text, /last by claude_pro/, told);
  // What was planned and did not happen is not for the next turn.
  for (const provider of ['claude_pro', ...troubled]) await r.sim.clear(provider);
  return ['--resume', run.session];
}

// The limits of those before it are reached: its turn is the conversation's first, and stays in it.
async function openaiFirst(r, me) {
  for (const provider of ['claude_pro', 'deepseek']) await r.sim.next(provider, { fault: 'usage_limit', reset: 3600 });
  const run = await me.claude('SIM:TOOLS 2');
  assert.match(run.text, /done 2 steps, last by openai/, `${run.stdout}\n${run.stderr}`);
  r.clock.forward('70m');
  return ['--resume', run.session];
}

for (const { name, order, troubled, seeds } of stories) {
  for (let seed = 1; seed <= seeds; seed++) {
    check(`${name}, seed ${seed}: ten turns`, { timeout: 400 }, async t => {
      const tokens = { deepseek: stored.deepseek, kimi: stored.kimi, claude_api: stored.claude_api, openai: 'sk-stored-openai' };
      const r = await router(t, { tokens, order, config: 'retry_delay = 0.02', problems: true });
      const me = person(t, r);
      const pick = random(seed);
      let session = order ? await openaiFirst(r, me) : [];
      for (let n = order ? 2 : 1; n <= TURNS; n++) session = await turn(r, me, pick, troubled, session);
      for (const request of await r.sim.requests('claude_pro')) assert.ok(!request.leak, 'no other credential at claude_pro');
      for (const request of await r.sim.requests('openai')) assert.equal(request.refused, null, `openai #${request.n}`);
    });
  }
}
