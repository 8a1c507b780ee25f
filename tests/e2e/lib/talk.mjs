// SPDX-License-Identifier: MIT
// A conversation with tools, as Claude Code leads it.
import assert from 'node:assert/strict';
import { message } from './client.mjs';
import { CLAUDE_CODE, assembled, login, session } from './scene.mjs';

const tools = [{ name: 'Bash', description: 'runs a command', input_schema: { type: 'object', properties: { command: { type: 'string' } } } }];

// One step of it; the blocks that came are appended to talk, and the results of its calls, which are returned.
export async function step(r, talk, streamed, fields = {}) {
  const body = { model: 'claude-sonnet-5-5', max_tokens: 4000, messages: talk, tools, thinking: { type: 'adaptive' }, output_config: { effort: 'medium' }, stream: streamed, system: 'You are helpful.', ...fields };
  const headers = { ...login, 'user-agent': CLAUDE_CODE, 'x-claude-code-session-id': session(1) };
  let content, stop_reason;
  if (streamed) {
    const s = await r.stream(JSON.stringify(body), headers), events = await s.rest();
    assert.equal(s.status, 200, String(s.bytes));
    ({ content, stop_reason } = assembled(events));
    content = content.map(({ json, ...block }) => (block.type === 'tool_use' ? { ...block, input: JSON.parse(json || '{}') } : block));
  } else {
    const answer = await r.post(body, headers);
    assert.equal(answer.status, 200, answer.text);
    ({ content, stop_reason } = answer.json);
  }
  talk.push({ role: 'assistant', content });
  const calls = content.filter(block => block.type === 'tool_use');
  assert.equal(stop_reason, calls.length ? 'tool_use' : 'end_turn');
  if (calls.length) talk.push({ role: 'user', content: calls.map(call => ({ type: 'tool_result', tool_use_id: call.id, content: 'done' })) });
  return calls;
}

// A user's turn, with as many steps as it takes.
export async function turn(r, talk, prompt, fields) {
  talk.push({ role: 'user', content: prompt });
  for (let i = 0; (await step(r, talk, i % 2 === 0, fields)).length > 0; i++) assert.ok(i < 10, 'the tool loop ends');
  return talk.at(-1).content;
}

// Why a message ended, of a stream and of JSON.
export async function stopReasons(r) {
  for (const [prompt, reason] of [['SIM:REFUSE I will not', 'refusal'], ['SIM:SAY x SIM:STOP refusal', 'refusal'], ['SIM:SAY x SIM:STOP max_tokens', 'max_tokens']]) {
    const s = await r.stream(message(prompt), login);
    assert.equal(assembled(await s.rest()).stop_reason, reason, prompt);
    assert.equal((await r.post(message(prompt), login)).json.stop_reason, reason, prompt);
  }
}

export async function nothingRefused(r, name = 'openai') {
  for (const request of await r.sim.requests(name)) assert.equal(request.refused, null, `#${request.n}: ${request.body.slice(0, 300)}`);
}
