// SPDX-License-Identifier: MIT
// A conversation that changes providers, as Claude Code would carry it: thinking, tools and models on every side (BEHAVIOUR 7, 3).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { all, check } from './lib/case.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { CLAUDE_CODE, ask, assembled, asked, attempts, keys, login, random, session, who } from './lib/scene.mjs';

const tools = [{ name: 'Bash', description: 'runs a command', input_schema: { type: 'object', properties: { command: { type: 'string' } } } }];
const claudeCode = n => ({
  ...login, 'user-agent': CLAUDE_CODE, 'x-app': 'cli', 'x-claude-code-session-id': session(n),
  'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,oauth-2025-04-20',
});

// A client that keeps its history as Claude Code does (CLIENT.md 1, 2): thinking goes back unchanged, whatever its signature.
class Conversation {
  messages = [];
  bodies = []; // as they went out
  constructor(r, n = 1, model = 'claude-sonnet-5-5') { Object.assign(this, { r, model, headers: claudeCode(n) }); }

  body() {
    return JSON.stringify({
      messages: this.messages, model: this.model, max_tokens: 32_000, tools,
      system: [{ type: 'text', text: 'You are Claude Code, Anthropic\'s official CLI for Claude.', cache_control: { type: 'ephemeral' } }],
      thinking: { type: 'adaptive', display: 'omitted' }, output_config: { effort: 'medium' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
      metadata: { user_id: JSON.stringify({ device_id: 'a'.repeat(64), account_uuid: '', session_id: this.headers['x-claude-code-session-id'] }) },
      stream: true,
    });
  }

  say(text) {
    this.messages.push({ role: 'user', content: [{ type: 'text', text }] });
    if (this.messages.length === 1) this.messages.push({ role: 'system', content: 'Here is what this project is about.' });
  }

  // One request; its answer becomes history, and what it calls is done.
  async step() {
    const body = this.body();
    this.bodies.push(body);
    const s = await this.r.stream(body, this.headers, '/v1/messages?beta=true');
    const events = await s.rest();
    assert.equal(s.status, 200, String(s.bytes));
    const { content, stop_reason } = assembled(events);
    const blocks = content.map(({ json, ...block }) => (block.type === 'tool_use' ? { ...block, input: JSON.parse(json) } : block.type === 'thinking' ? { signature: '', ...block } : block));
    this.messages.push({ role: 'assistant', content: blocks });
    const calls = blocks.filter(block => block.type === 'tool_use');
    if (calls.length) this.messages.push({ role: 'user', content: calls.map(call => ({ type: 'tool_result', tool_use_id: call.id, content: 'done', is_error: false })) });
    return { by: s.headers['x-router-provider'], stop_reason, text: blocks.map(block => block.text ?? '').join('') };
  }

  // A turn of the user with its tool loop: who served each request, and what was said at last.
  async turn(text, before = async () => {}) {
    this.say(text);
    const by = [];
    for (let i = 0; i < 60; i++) {
      await before(i);
      const step = await this.step();
      by.push(step.by);
      if (step.stop_reason !== 'tool_use') return { by, text: step.text };
    }
    throw new Error('the tool loop does not end');
  }

  thoughts() { return this.messages.flatMap(m => (m.role === 'assistant' ? m.content.filter(b => b.type === 'thinking') : [])); }
}

const isClaude = name => name.startsWith('claude');
const thinkingIn = body => body.messages.flatMap(m => (Array.isArray(m.content) ? m.content.filter(b => /thinking/.test(b.type)) : []));

// What each provider was sent in all of the conversation: nothing refused, its own thinking, nobody else's.
async function soundly(r, talks) {
  for (const name of ['claude_pro', 'deepseek', 'kimi', 'claude_api']) {
    const requests = (await r.sim.requests(name)).filter(request => !asksForThinking(request));
    let own = 0;
    for (const request of requests) {
      assert.equal(request.refused, null, `${name} #${request.n} was refused: ${request.body?.slice(-300)}`);
      assert.doesNotMatch(request.body, /"router\.(deepseek|kimi|claude)/, `${name} #${request.n} sees a mark`);
      for (const block of thinkingIn(request.json)) {
        if (isClaude(name)) assert.match(block.signature, /^EqoB/, `${name} #${request.n}: ${JSON.stringify(block)}`);
        else assert.ok(!/^EqoB/.test(block.signature ?? ''), `${name} #${request.n}: ${JSON.stringify(block)}`);
        if (name === 'kimi') assert.equal(block.signature, undefined);
        own += block.thinking.includes(`as ${name} would`);
        if (!isClaude(name)) assert.ok(!/as (claude_pro|claude_api) would/.test(block.thinking), `${name} #${request.n} sees Claude's thinking`);
      }
    }
    const turns = requests.filter(request => request.json.messages.some(m => m.role === 'assistant')).length;
    if (turns > 2 && talks.includes(name)) assert.ok(own > 0, `${name} gets its own thinking back`);
    prefixesStay(name, requests);
  }
}

// Kimi says whether it wants thinking where there was none; it is asked once more then (PROTOCOLS 5).
const asksForThinking = request => request.provider === 'kimi' && /reasoning_content is missing/.test(request.refused ?? '');

// What was sent once stands unchanged at the beginning of all that is sent later: caches and Claude's signatures live by it.
function prefixesStay(name, requests) {
  for (let i = 1; i < requests.length; i++) {
    const [before, after] = [requests[i - 1], requests[i]];
    if (!isClaude(name)) {
      const n = before.json.messages.length;
      assert.deepEqual(after.json.messages.slice(0, n), before.json.messages, `${name}: #${after.n} begins as #${before.n}`);
      for (const field of ['system', 'tools']) assert.deepEqual(after.json[field], before.json[field], field);
      continue;
    }
    const end = before.body.indexOf('],"model":');
    assert.ok(end > 0 && after.body.startsWith(before.body.slice(0, end)), `${name}: #${after.n} begins with the bytes of #${before.n}`);
  }
}

// Claude's bodies: as they went out, but for the thinking of others.
async function onlyForeignThinkingIsCut(r, talk) {
  const sent = new Set(talk.bodies.map(body => createHash('sha256').update(body).digest('hex')));
  const cut = new Set(talk.bodies.map(body => JSON.stringify(withoutForeign(JSON.parse(body)))));
  for (const name of ['claude_pro', 'claude_api']) {
    for (const request of await r.sim.requests(name)) {
      if (!sent.has(request.body_sha256)) assert.ok(cut.has(JSON.stringify(request.json)), `${name} #${request.n}: more than foreign thinking was changed\n${request.body}`);
    }
  }
}

function withoutForeign(body) {
  for (const m of body.messages) if (Array.isArray(m.content)) m.content = m.content.filter(b => b.type !== 'thinking' || (b.signature !== '' && !b.signature.startsWith('router.')));
  return { ...body, messages: body.messages.filter(m => m.content.length) };
}

for (const order of [['claude_pro', 'deepseek', 'kimi', 'claude_pro'], ['deepseek', 'claude_pro', 'kimi', 'deepseek', 'claude_api'], ['kimi', 'deepseek', 'claude_pro', 'deepseek', 'kimi', 'claude_pro']]) {
  check(`tools and thinking over ${order.join(' → ')}`, async t => {
    const r = await router(t, { tokens: keys, config: 'retry_delay = 0.01' });
    const talk = new Conversation(r);
    for (const provider of order) {
      await r.switchTo(provider);
      const { by, text } = await talk.turn('SIM:TOOLS 3');
      assert.deepEqual([...new Set(by)], [provider]);
      assert.equal(text, `done 3 steps, last by ${provider}`);
      const last = talk.thoughts().at(-1);
      if (isClaude(provider)) assert.match(last.signature, /^EqoB/, 'Claude\'s own signatures stay untouched');
      else assert.match(last.signature, new RegExp(`^router\\.${provider}\\.`), 'others are marked with their maker');
    }
    await soundly(r, order);
    await onlyForeignThinkingIsCut(r, talk);
  });
}

check('limits move the conversation in the middle of its loops, and back at the next turn', async t => {
  const r = await router(t, { tokens: keys, config: 'retry_delay = 0.01' });
  const talk = new Conversation(r);
  assert.deepEqual((await talk.turn('SIM:TOOLS 2')).by, ['claude_pro', 'claude_pro', 'claude_pro']);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 600, after: 1 });
  assert.deepEqual((await talk.turn('SIM:TOOLS 2')).by, ['claude_pro', 'deepseek', 'deepseek']);
  await r.sim.next('deepseek', { fault: 'throttle', retry_after: 3000, after: 1 });
  assert.deepEqual((await talk.turn('SIM:TOOLS 2')).by, ['deepseek', 'kimi', 'kimi']);
  talk.say('SIM:TOOLS 2');
  assert.equal((await talk.step()).by, 'kimi');
  r.clock.forward('12m');
  assert.equal((await talk.step()).by, 'kimi', 'in the middle of the loop');
  assert.equal((await talk.step()).by, 'kimi');
  assert.deepEqual((await talk.turn('SIM:TOOLS 1')).by, ['claude_pro', 'claude_pro']);
  await r.sim.requests('claude_pro');
  for (const request of await r.sim.requests('claude_pro')) assert.equal(request.refused, null);
  await onlyForeignThinkingIsCut(r, talk);
});

for (let seed = 1; seed <= (all ? 50 : 3); seed++) {
  check(`any provider at any step of a conversation: seed ${seed}`, async t => {
    const dice = random(seed);
    const r = await router(t, { tokens: keys, procs: 1, config: 'retry_delay = 0.01' });
    const talk = new Conversation(r, seed, dice.of(['claude-sonnet-5-5', 'claude-opus-5-5', 'claude-haiku-5-5']));
    for (let i = 0; i < 5; i++) {
      const n = 1 + dice.below(4);
      const { text } = await talk.turn(`SIM:TOOLS ${n}`, async () => {
        if (dice() < 0.6) await r.switchTo(dice.of(['claude_pro', 'deepseek', 'kimi', 'claude_api']));
      });
      assert.match(text, new RegExp(`^done ${n} steps`));
    }
    await soundly(r, []);
    await onlyForeignThinkingIsCut(r, talk);
  });
}

check('a body for Claude with nothing to cut goes byte for byte, however it is written', async t => {
  const r = await router(t, { tokens: keys });
  const history = signature => `{ "model" : "claude-sonnet-5-5",\t"messages":[ {"role":"user","content":"a \\u00e4 ä \\/ 1.50"},\r\n`
    + ` {"content":[{"type":"thinking","thinking":"so…","signature":"${signature}"} ,{"type":"text","text":"b"}],"role":"assistant"}, {"role":"user","content":"c"}] ,`
    + `"max_tokens":2000,"temperature":1.00}`;
  const own = history('EqoBCkgIclaude_pro000000000001GAIiQ0simulated+signature/00009e3779b1==');
  const first = await r.post(own, login);
  assert.equal(first.status, 200, first.text);
  const foreign = history('router.deepseek.00000001-5eed-4dee-8eec-000000000001');
  assert.equal((await r.post(foreign, login)).status, 200);
  const [a, b] = await r.sim.requests('claude_pro');
  assert.equal(a.body, own);
  assert.notEqual(b.body, foreign);
  assert.equal(b.body.replace(/\s/g, ''), foreign.replace(/\{"type":"thinking"[^}]*\} ,/, '').replace(/\s/g, ''), 'only the block is cut');
});

check('an answer of which only thinking was left leaves no empty message behind', async t => {
  const r = await router(t, { tokens: keys });
  for (const [name, signature] of [['claude_pro', 'router.deepseek.x'], ['claude_pro', ''], ['deepseek', 'router.kimi.'], ['kimi', 'EqoBCkgIclaude_pro000000000001GAIiQ0simulated+signature/00009e3779b1==']]) {
    await r.switchTo(name);
    const messages = [{ role: 'user', content: 'a' }, { role: 'assistant', content: [{ type: 'thinking', thinking: 'so', signature }] }, { role: 'user', content: 'SIM:SAY fine' }];
    const answer = await ask(r, true, '', claudeCode(1), { messages, max_tokens: 2000 });
    assert.equal(who(answer), name, String(answer.bytes));
    assert.equal(answer.text, 'fine');
    const [request] = (await r.sim.requests(name)).slice(-1);
    assert.equal(request.refused, null);
  }
});

check('not streamed, thinking is marked and unmarked as well', async t => {
  const r = await router(t, { tokens: keys });
  for (const name of ['deepseek', 'kimi']) {
    await r.switchTo(name);
    const fields = { max_tokens: 8000, thinking: { type: 'adaptive' }, tools };
    const first = (await ask(r, false, 'SIM:TOOLS 1', claudeCode(1), fields)).json;
    const [thought, call] = first.content;
    assert.match(thought.signature, new RegExp(`^router\\.${name}\\.`));
    const messages = [{ role: 'user', content: 'SIM:TOOLS 1' }, { role: 'assistant', content: first.content }, { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'x' }] }];
    assert.equal((await ask(r, false, '', claudeCode(1), { ...fields, messages })).text, `done 1 steps, last by ${name}`);
    const [arrived] = thinkingIn((await r.sim.requests(name)).at(-1).json);
    assert.equal(arrived.thinking, thought.thinking);
    if (name === 'deepseek') assert.equal(`router.deepseek.${arrived.signature}`, thought.signature);
    else assert.equal(arrived.signature, undefined);
    await r.switchTo('claude_pro');
    assert.equal((await ask(r, false, '', claudeCode(1), { ...fields, messages })).text, 'done 1 steps, last by claude_pro');
    assert.deepEqual(thinkingIn((await r.sim.requests('claude_pro')).at(-1).json), []);
  }
});

// --- Models that retire ------------------------------------------------------------------------------------------------

const retired = [
  ['deepseek', 'claude-sonnet-5-5', 'deepseek-flash', 'deepseek-reasoner'],
  ['deepseek', 'claude-opus-5-5', 'deepseek-v4-pro', 'deepseek-reasoner'],
  ['kimi', 'claude-sonnet-5-5', 'kimi-k3.1-pro', 'kimi-k3'],
];
for (const [name, model, old, next] of retired) {
  for (const streamed of [true, false]) {
    check(`${old} retires: ${next} is tried at once, remembered and told (${streamed ? 'stream' : 'no stream'})`, async t => {
      const r = await router(t, { tokens: keys, procs: 2, order: [name, 'claude_pro'], config: 'retry_delay = 20' });
      await r.sim.control('POST', `/sim/${name}/retire`, { model: old });
      const fields = { model, max_tokens: 2000 };
      const first = await ask(r, streamed, 'SIM:SAY fine', login, fields);
      assert.equal(who(first), name, String(first.bytes));
      assert.equal(first.text, 'fine');
      assert.equal(attempts(first), 2);
      assert.deepEqual((await r.sim.requests(name)).map(request => request.json.model), [old, next]);
      assert.match(r.log(), new RegExp(`level=notice msg="[^"]*${name}[^"]*${old}[^"]*${next}`));
      assert.equal((await r.status()).providers[name].model, next);
      for (let i = 0; i < 4; i++) assert.equal(attempts(await ask(r, streamed, 'SIM:SAY fine', login, fields)), 1, 'in each process');
      assert.deepEqual([...new Set((await r.sim.requests(name)).slice(2).map(request => request.json.model))], [next]);
      assert.equal(r.log().match(/no longer knows/g).length, 1, 'told once');

      const before = r.pids();
      for (const pid of before) process.kill(pid, 'SIGKILL');
      await eventually('new ones are there', () => r.pids().filter(pid => !before.includes(pid)).length === 2);
      await eventually('and answer', async () => (await r.get('/health?live=1')).status === 200);
      assert.equal(attempts(await ask(r, streamed, 'SIM:SAY fine', login, fields)), 1, 'remembered in the state file');
    });
  }
}

check('all names of a model are retired: the next provider, and this one stays ready', async t => {
  const r = await router(t, { tokens: keys, order: ['deepseek', 'kimi'] });
  for (const model of ['deepseek-reasoner', 'deepseek-flash']) await r.sim.control('POST', '/sim/deepseek/retire', { model });
  const answer = await ask(r, true);
  assert.equal(who(answer), 'kimi');
  assert.deepEqual(await asked(r, 'deepseek', 'kimi'), [2, 1]);
  assert.equal((await r.status()).providers.deepseek.state, 'ready');
  const opus = await ask(r, true, 'SIM:SAY fine', login, { model: 'claude-opus-5-5' });
  assert.equal(who(opus), 'deepseek', 'another model there still serves');
});

check('successors of one\'s own are tried in their order', async t => {
  const r = await router(t, { tokens: keys, order: ['deepseek'], sections: { deepseek: 'models = { "*=gone-1|gone-2|gone-3|deepseek-flash|deepseek-v4-pro" }' } });
  const answer = await ask(r, true);
  assert.equal(attempts(answer), 4);
  assert.deepEqual((await r.sim.requests('deepseek')).map(request => request.json.model), ['gone-1', 'gone-2', 'gone-3', 'deepseek-flash']);
  assert.equal((await r.status()).providers.deepseek.model, 'deepseek-flash');
});
