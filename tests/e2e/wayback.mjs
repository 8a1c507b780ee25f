// SPDX-License-Identifier: MIT
// What one provider made goes back to another as history: through every order of the four, and home to Claude (PROTOCOLS 5, 7).
// Tools, calls at once, thinking and searches at each; no provider may refuse what it is sent.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { person } from './lib/claude.mjs';
import { providers, router } from './lib/router.mjs';
import { CLAUDE_CODE, assembled, keys, login, session } from './lib/scene.mjs';

const tools = [
  { type: 'web_search_20250305', name: 'web_search', max_uses: 5 },
  { name: 'Bash', description: 'runs a command', input_schema: { type: 'object', properties: { command: { type: 'string' } } } },
];
const PROMPT = 'SIM:TOOLS 3 SIM:CALLS 2 SIM:SEARCH';
const isClaude = name => name.startsWith('claude');

// A client that sends back what it got, as Claude Code does.
class Conversation {
  messages = [];
  made = []; // every block, with who served it
  constructor(r, n) {
    this.r = r;
    this.headers = {
      ...login, 'user-agent': CLAUDE_CODE, 'x-app': 'cli', 'x-claude-code-session-id': session(n),
      'anthropic-beta': 'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,oauth-2025-04-20',
    };
  }

  async step(provider, streamed) {
    const body = {
      model: 'claude-sonnet-5-5', max_tokens: 32_000, messages: this.messages, tools, stream: streamed,
      system: [{ type: 'text', text: 'You are Claude Code, Anthropic\'s official CLI for Claude.' }],
      thinking: { type: 'adaptive' }, output_config: { effort: 'medium' },
      context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    };
    const { status, by, content, text } = await (streamed ? this.streamed(body) : this.whole(body));
    assert.equal(status, 200, `${provider}, after ${this.path}: ${text}`);
    assert.equal(by, provider, `after ${this.path}`);
    this.messages.push({ role: 'assistant', content });
    this.made.push(...content.map(block => ({ by, block })));
    const calls = content.filter(block => block.type === 'tool_use');
    if (calls.length) this.messages.push({ role: 'user', content: calls.map(call => ({ type: 'tool_result', tool_use_id: call.id, content: 'done' })) });
    return calls.length > 0;
  }

  async streamed(body) {
    const s = await this.r.stream(JSON.stringify(body), this.headers, '/v1/messages?beta=true');
    const events = await s.rest();
    const head = { status: s.status, by: s.headers['x-router-provider'], text: String(s.bytes) };
    if (s.status !== 200) return head;
    const content = assembled(events).content.map(({ json, ...block }) => (block.type === 'tool_use' || block.type === 'server_tool_use' ? { ...block, input: JSON.parse(json || '{}') } : block));
    return { ...head, content };
  }

  async whole(body) {
    const answer = await this.r.post(body, this.headers, '/v1/messages?beta=true');
    return { status: answer.status, by: answer.headers['x-router-provider'], text: answer.text, content: answer.status === 200 ? answer.json.content : undefined };
  }

  async turn(provider, streamed) {
    await this.r.switchTo(provider);
    this.messages.push({ role: 'user', content: [{ type: 'text', text: PROMPT }] });
    for (let i = 0; await this.step(provider, streamed); i++) assert.ok(i < 10, 'the tool loop ends');
    this.path = [...(this.path ?? []), provider];
  }
}

function orders(list) {
  return list.length < 2 ? [list] : list.flatMap(first => orders(list.filter(other => other !== first)).map(rest => [first, ...rest]));
}

// What reaches the client can go to Claude: ids, texts. And there was something to be made fit.
function fitForClaude(talk) {
  const made = (name, type) => talk.made.filter(({ by, block }) => by === name && block.type === type).length;
  for (const name of providers) for (const [type, least] of [['tool_use', 3], ['thinking', 1]]) assert.ok(made(name, type) >= least, `${name} made ${type}`);
  for (const name of ['claude_pro', 'deepseek']) assert.ok(made(name, 'server_tool_use') > 0, `${name} searched`);
  const ids = talk.made.filter(({ block }) => block.type === 'tool_use').map(({ block }) => block.id);
  for (const id of ids) assert.match(id, /^[a-zA-Z0-9_-]+$/);
  assert.equal(new Set(ids).size, ids.length, 'no id twice');
  for (const { by, block } of talk.made) if (block.type === 'text') assert.notEqual(block.text.trim(), '', `a blank text of ${by}`);
}

// Kimi says whether it wants thinking where there was none; it is asked once more then (PROTOCOLS 5).
const asksForThinking = request => request.provider === 'kimi' && /reasoning_content is missing/.test(request.refused ?? '');

async function nothingRefused(r, own) {
  for (const name of providers) {
    const requests = (await r.sim.requests(name)).filter(request => !asksForThinking(request));
    assert.ok(requests.length > 0, `${name} was asked`);
    for (const request of requests) assert.equal(request.refused, null, `${name} #${request.n}`);
    if (own[name]) assert.ok(requests.some(request => own[name].test(request.body)), `${name} sees its own ids as it made them`);
  }
}

const OWN = { kimi: /"functions\.Bash:\d+"/, deepseek: /"call_0\d_dS\d+"/, claude_pro: /"toolu_claude_pro_\d+_\d"/ };

for (const first of providers) {
  check(`every order that begins at ${first}, and back to Claude`, { timeout: 120 }, async t => {
    const r = await router(t, { tokens: keys, config: 'retry_delay = 0.01' });
    for (const [n, order] of orders(providers).filter(order => order[0] === first).entries()) {
      const talk = new Conversation(r, n + 1);
      for (const [i, provider] of [...order, 'claude_pro', 'claude_api'].entries()) await talk.turn(provider, (n + i) % 3 !== 2);
      fitForClaude(talk);
      await nothingRefused(r, OWN);
    }
  });
}

// --- The real Claude Code ----------------------------------------------------------------------------------------------

for (const order of [['kimi', 'deepseek', 'claude_pro', 'claude_api', 'claude_pro'], ['deepseek', 'claude_pro', 'kimi', 'claude_pro']]) {
  check(`Claude Code over ${order.join(' → ')}`, { timeout: 240 }, async t => {
    const r = await router(t, { tokens: keys, config: 'retry_delay = 0.01' });
    const me = person(t, r);
    let resume = [];
    for (const provider of order) {
      await r.switchTo(provider);
      const run = await me.claude('SIM:TOOLS 3 SIM:CALLS 2', ...resume);
      assert.equal(run.code, 0, `${provider}: ${run.stdout}\n${run.stderr}`);
      assert.match(run.text, new RegExp(`done 3 steps, last by ${provider}`));
      resume = ['--resume', run.session];
    }
    for (const name of new Set(order)) {
      for (const request of (await r.sim.requests(name)).filter(request => !asksForThinking(request))) {
        assert.equal(request.refused, null, `${name} #${request.n}`);
        if (isClaude(name)) assert.doesNotMatch(request.body, /"router\.(deepseek|kimi)/);
      }
    }
  });
}
