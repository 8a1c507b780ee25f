// SPDX-License-Identifier: MIT
// The judge itself: what the simulated providers refuse, as the real ones do (PROTOCOLS 1 to 7), and what each makes in its own way.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { post, stream } from './lib/client.mjs';
import { assembled } from './lib/scene.mjs';
import { command } from './lib/parts.mjs';
import { TOP } from './lib/router.mjs';
import { BUILD, Simulator } from './lib/simulator.mjs';

async function simulator(t) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-sim-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return Simulator.start(t, dir);
}

const LOGIN = { authorization: 'Bearer sk-ant-oat01-x', 'anthropic-beta': 'oauth-2025-04-20' };
const OWN = { claude_pro: LOGIN, claude_api: { 'x-api-key': 'sk-ant-api03-x' }, deepseek: { authorization: 'Bearer sk-x' }, kimi: { authorization: 'Bearer sk-x' } };
const MODEL = { claude_pro: 'claude-sonnet-5-5', claude_api: 'claude-sonnet-5-5', deepseek: 'deepseek-flash', kimi: 'kimi-k3' };

const user = content => ({ role: 'user', content });
const said = (...content) => ({ role: 'assistant', content });
const text = words => ({ type: 'text', text: words });
const call = (id, more = {}) => ({ type: 'tool_use', id, name: 'Bash', input: {}, ...more });
const result = (id, more = {}) => ({ type: 'tool_result', tool_use_id: id, content: 'done', ...more });
const SIGNED = 'EqoBCkgIclaude_pro000000000001GAIiQ0simulated+signature/00009e3779b1==';
const thought = signature => ({ type: 'thinking', thinking: 'so', signature });
const search = id => ({ type: 'server_tool_use', id, name: 'web_search', input: { query: 'a' } });
const found = (id, encrypted_content) => ({ type: 'web_search_tool_result', tool_use_id: id, content: [{ type: 'web_search_result', title: 't', url: 'https://example.com/', encrypted_content }] });
const tool = (more = {}) => ({ name: 'Bash', description: 'runs', input_schema: { type: 'object', properties: {} }, ...more });
const talk = (...blocks) => [user('a'), said(...blocks), user('b')];
const turn = (id, ...results) => [user('a'), said(call(id)), user(results.length ? results : [result(id)])];

// [what, fields of the body, the refusal's words or null]
const claude = [
  ['a plain message', {}, null],
  ['a tool turn', { messages: turn('toolu_1-a_B') }, null],
  ['parallel calls', { messages: [user('a'), said(call('a'), call('b')), user([result('b'), result('a'), text('and')])] }, null],
  ['a system message between call and result', { messages: [user('a'), said(call('a')), { role: 'system', content: 'x' }, user([result('a')])] }, null],
  ['Kimi\'s tool id', { messages: turn('functions.Bash:0') }, /messages\.1\.content\.0\.tool_use\.id: String should match pattern '\^\[a-zA-Z0-9_-\]\+\$'/],
  ['an empty tool id', { messages: turn('') }, /tool_use\.id: String should match/],
  ['an id with \\u0000', { messages: turn('a\0b') }, /tool_use\.id: String should match/],
  ['a call without its result', { messages: talk(call('a')) }, /`tool_use` ids were found without `tool_result`/],
  ['one of two results missing', { messages: [user('a'), said(call('a'), call('b')), user([result('a')])] }, /`tool_use` ids were found without `tool_result`.*: b\./],
  ['a result without its call', { messages: [user('a'), said(text('x')), user([result('a')])] }, /unexpected `tool_use_id`/],
  ['two results of one call', { messages: turn('a', result('a'), result('a')) }, /single result/],
  ['an id used again', { messages: [...turn('a'), said(call('a')), user([result('a')])] }, /ids must be unique/],
  ['a text before the result', { messages: turn('a', text('x'), result('a')) }, /without `tool_result` blocks immediately after/],
  ['an input that is a text', { messages: [user('a'), said(call('a', { input: '{}' })), user([result('a')])] }, /tool_use\.input: Input should be a valid dictionary/],
  ['a call by the user', { messages: [user([call('a')])] }, /can only be in `assistant` messages/],
  ['a result by the assistant', { messages: talk(result('a')) }, /can only be in `user` messages/],
  ['an empty text', { messages: talk(text('')) }, /text content blocks must be non-empty/],
  ['a blank text', { messages: talk(text('\n\n')) }, /must contain non-whitespace text/],
  ['a blank text of the user', { messages: [user([text(' \t')])] }, /must contain non-whitespace text/],
  ['a blank string', { messages: [user(' ')] }, /must contain non-whitespace text/],
  ['a text of \\u0000 is none of them', { messages: talk(text('\0')) }, null],
  ['a blank text inside a result', { messages: turn('a', result('a', { content: [text('\n')] })) }, null],
  ['an empty text inside a result', { messages: turn('a', result('a', { content: [text('')] })) }, /must be non-empty/],
  ['an empty message', { messages: [user('a'), said(), user('b')] }, /non-empty content except for the optional final/],
  ['an empty system text', { system: [text('')] }, /system: text content blocks must be non-empty/],
  ['a blank system text', { system: [text('  ')] }, /system: text content blocks must contain non-whitespace/],
  ['a system image', { system: [{ type: 'image' }] }, /system\.0\.type: Input should be 'text'/],
  ['an unknown block', { messages: talk({ type: 'reasoning', text: 'x' }) }, /Input tag 'reasoning' found using 'type'/],
  ['a tool call inside a result', { messages: turn('a', result('a', { content: [call('b')] })) }, /Input tag 'tool_use'/],
  ['an unknown member of a block', { messages: talk({ ...text('x'), index: 0 }) }, /messages\.1\.content\.0\.text\.index: Extra inputs are not permitted/],
  ['an unknown member of a message', { messages: [{ ...user('a'), id: 'msg_1' }] }, /messages\.0\.id: Extra inputs are not permitted/],
  ['an unknown role', { messages: [{ role: 'tool', content: 'x' }] }, /messages\.0\.role/],
  ['its own signature', { messages: talk(thought(SIGNED), text('x')) }, null],
  ['an empty signature', { messages: talk(thought(''), text('x')) }, /messages\.1\.content\.0: Invalid `signature` in `thinking` block/],
  ['a missing signature', { messages: talk({ type: 'thinking', thinking: 'so' }, text('x')) }, /signature: Field required/],
  ['DeepSeek\'s signature', { messages: talk(thought('00000001-5eed-4dee-8eec-000000000001'), text('x')) }, /Invalid `signature`/],
  ['an altered signature', { messages: talk(thought(SIGNED.replace('9e37', '9e38')), text('x')) }, /Invalid `signature`/],
  ['a signature with something behind it', { messages: talk(thought(`${SIGNED}x`), text('x')) }, /Invalid `signature`/],
  ['foreign redacted thinking', { messages: talk({ type: 'redacted_thinking', data: 'x' }, text('x')) }, /Invalid `data` in `redacted_thinking` block/],
  ['its own search', { messages: talk(search('srvtoolu_1'), found('srvtoolu_1', SIGNED), text('x')) }, null],
  ['a search with another\'s id', { messages: talk(search('call_00_1'), found('call_00_1', SIGNED), text('x')) }, /String should match pattern '\^srvtoolu_\[a-zA-Z0-9_\]\+\$'/],
  ['a search that another encrypted', { messages: talk(search('srvtoolu_1'), found('srvtoolu_1', 'ZHM='), text('x')) }, /Invalid `encrypted_content`/],
  ['a search without its result', { messages: talk(search('srvtoolu_1'), text('x')) }, /without a corresponding `web_search_tool_result`/],
  ['a result without its search', { messages: talk(found('srvtoolu_1', SIGNED), text('x')) }, /unexpected `tool_use_id`/],
  ['an unknown field', { user: 'x' }, /^user: Extra inputs are not permitted/],
  ['a field of metadata', { metadata: { user_id: 'x', team: 'y' } }, /metadata\.team: Extra inputs/],
  ['max_tokens of 0', { max_tokens: 0 }, null],
  ['max_tokens below 0', { max_tokens: -1 }, /max_tokens/],
  ['max_tokens too large', { max_tokens: 128_001 }, /128001 > 128000, which is the maximum allowed/],
  ['stream that is a number', { stream: 1 }, /stream: Input should be a valid boolean/],
  ['temperature on a model without it', { temperature: 0.5 }, /temperature/],
  ['thinking with too small a budget', { model: 'claude-haiku-4-5', thinking: { type: 'enabled', budget_tokens: 1000 } }, /greater than or equal to 1024/],
  ['thinking over max_tokens', { model: 'claude-haiku-4-5', thinking: { type: 'enabled', budget_tokens: 4000 } }, /`max_tokens` must be greater/],
  ['thinking with a budget on a 5.5', { thinking: { type: 'enabled', budget_tokens: 1024 } }, /not supported for this model/],
  ['thinking off on a 5.5', { thinking: { type: 'disabled' } }, /not supported for this model/],
  ['thinking of an unknown type', { thinking: { type: 'on' } }, /Input tag 'on'/],
  ['an unknown effort', { output_config: { effort: 'huge' } }, /output_config\.effort/],
  ['a blank stop sequence', { stop_sequences: ['\n'] }, /must contain non-whitespace/],
  ['a tool\'s unknown key', { tools: [tool({ parameters: {} })] }, /tools\.0\.custom\.parameters: Extra inputs/],
  ['a tool without a schema', { tools: [{ name: 'a' }] }, /input_schema: Field required/],
  ['a tool\'s name with a dot', { tools: [tool({ name: 'a.b' })] }, /tools\.0\.custom\.name: String should match/],
  ['a tool twice', { tools: [tool(), tool()] }, /Tool names must be unique/],
  ['a tool of an unknown type', { tools: [{ type: 'function', name: 'a' }] }, /Input tag 'function'/],
  ['a typed tool', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, null],
  ['an unknown tool_choice', { tools: [tool()], tool_choice: { type: 'required' } }, /Input tag 'required'/],
  ['tool_choice without tools', { tool_choice: { type: 'auto' } }, /only be specified while providing tools/],
  ['a tool_choice that is not there', { tools: [tool()], tool_choice: { type: 'tool', name: 'x' } }, /not found in provided tools/],
  ['a forced tool on a 5.5', { tools: [tool()], tool_choice: { type: 'any' } }, /forces tool use/],
  ['five cache marks', { messages: [user(Array.from({ length: 5 }, () => ({ ...text('x'), cache_control: { type: 'ephemeral' } })))] }, /Found 5/],
];
const deepseek = [
  ['a tool turn with any id', { messages: turn('functions.Bash:0'), thinking: { type: 'disabled' } }, null],
  ['an unknown block', { messages: talk({ type: 'search_result' }) }, /unknown variant `search_result`, expected one of/],
  ['an unknown tool_choice', { tools: [tool()], tool_choice: { type: 'required' } }, /tool_choice: unknown variant `required`/],
  ['an unknown thinking', { thinking: { type: 'on' } }, /thinking: unknown variant `on`/],
  ['an unknown effort', { output_config: { effort: 'huge' } }, /unknown variant `huge`/],
];
const kimi = [
  ['its own ids', { messages: [user('a'), said({ type: 'thinking', thinking: 'so' }, call('functions.Bash:0')), user([result('functions.Bash:0')])] }, null],
  ['a tool_reference', { messages: turn('a', result('a', { content: [{ type: 'tool_reference', tool_name: 'x' }] })) }, /failed to convert tool result content/],
];

for (const [name, rules] of [['claude_pro', claude], ['claude_api', claude], ['deepseek', deepseek], ['kimi', kimi]]) {
  check(`${name} takes and refuses as the real one`, async t => {
    const sim = await simulator(t);
    const wrong = [];
    for (const [what, fields, words] of rules) {
      const answer = await post(`${sim.url(name)}/v1/messages`, { model: MODEL[name], max_tokens: 2000, messages: [user('Hello')], ...fields }, OWN[name]);
      const message = answer.json.error?.message;
      if (words === null ? answer.status !== 200 : answer.status !== 400 || !words.test(message)) wrong.push(`${what}: ${answer.status} ${message}`);
    }
    assert.deepEqual(wrong, []);
  });
}

check('what Claude Code adds to its system message needs its beta', async t => {
  const sim = await simulator(t);
  const body = { model: MODEL.claude_pro, max_tokens: 20, messages: [user('Hello'), { role: 'system', content: 'x', output_config: { effort: 'medium' } }] };
  const sent = async betas => (await post(`${sim.url('claude_pro')}/v1/messages`, body, { ...LOGIN, 'anthropic-beta': betas })).json.error?.message;
  assert.equal(await sent('oauth-2025-04-20,per-turn-control-2026-07-01'), undefined);
  assert.equal(await sent('oauth-2025-04-20'), 'messages.1.output_config: Extra inputs are not permitted');
});

check('heads: a single-valued header once, a body that says it is JSON', async t => {
  const sim = await simulator(t);
  const body = JSON.stringify({ model: MODEL.claude_pro, max_tokens: 20, messages: [user('Hello')] });
  const flat = ['host', '127.0.0.1', ...Object.entries(LOGIN).flat()];
  for (const [name, value] of [['content-type', 'application/json'], ['anthropic-version', '2023-06-01'], ['authorization', LOGIN.authorization]]) {
    const answer = await post(`${sim.url('claude_pro')}/v1/messages`, body, [...flat, name, value]);
    assert.match(answer.json.error.message, new RegExp(`^${name}: header given more than once`));
    assert.equal(answer.status, 400);
  }
  for (const type of ['text/plain', 'application/jsonx', 'application/json, application/json']) {
    const answer = await post(`${sim.url('claude_pro')}/v1/messages`, body, { ...LOGIN, 'content-type': type });
    assert.equal(answer.status, 400, type);
  }
  for (const type of ['application/json; charset=utf-8', 'Application/JSON']) {
    assert.equal((await post(`${sim.url('claude_pro')}/v1/messages`, body, { ...LOGIN, 'content-type': type })).status, 200, type);
  }
});

check('bodies: JSON to the letter, UTF-8 to the byte', async t => {
  const sim = await simulator(t);
  const made = middle => Buffer.concat([Buffer.from('{"model":"claude-sonnet-5-5","max_tokens":20,"messages":[{"role":"user","content":"ä€😀'), middle, Buffer.from('"}]}')]);
  const sent = async body => {
    const answer = await post(`${sim.url('claude_pro')}/v1/messages`, body, LOGIN);
    return answer.status === 200 ? 'taken' : answer.json.error.message;
  };
  assert.equal(await sent(made(Buffer.from('\\ud83d\\u0000é'))), 'taken');
  for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf5, 0x80, 0x80, 0x80]]) {
    assert.match(await sent(made(Buffer.from(bytes))), new RegExp(`not valid UTF-8: invalid byte 0x${bytes[0].toString(16)} at offset ${made(Buffer.alloc(0)).length - 4}`));
  }
  for (const text of ['\t', '\\x', '\\u12']) assert.match(await sent(made(Buffer.from(text))), /not valid JSON/);
  const whole = made(Buffer.alloc(0)).toString();
  for (const text of [`${whole}x`, whole.slice(0, -1), whole.replace('20', '020'), whole.replace('20', 'NaN'), whole.replace(/"/g, '\''), whole.replace('20,', '20,,'), `/* */${whole}`, '', '[]']) {
    assert.match(await sent(text), /not valid JSON/, text);
  }
  assert.match(await sent(whole.replace('"model"', '"model\\u0000x"')), /Extra inputs are not permitted/);
});

// What each answers to two calls at once and a search: ids, signatures, blank texts.
check('each has ids and habits of its own', async t => {
  const sim = await simulator(t);
  const fields = { max_tokens: 9000, tools: [{ type: 'web_search_20250305', name: 'web_search' }, tool()], messages: [user('SIM:TOOLS 2 SIM:CALLS 2 SIM:SEARCH')] };
  const expected = {
    claude_api: { ids: /^toolu_[a-zA-Z0-9_]+$/, signature: /^EqoB/, search: /^srvtoolu_[a-zA-Z0-9_]+$/, blank: 0 },
    deepseek: { ids: /^call_0\d_[a-zA-Z0-9]+$/, signature: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, search: /^call_00_/, blank: 0 },
    kimi: { ids: /^functions\.Bash:[01]$/, signature: undefined, search: undefined, blank: 1 },
  };
  for (const [name, habit] of Object.entries(expected)) {
    const body = { ...fields, model: MODEL[name], ...(name === 'claude_api' ? { thinking: { type: 'adaptive' } } : {}), tools: name === 'kimi' ? [tool()] : fields.tools };
    const url = `${sim.url(name)}/v1/messages`;
    for (const content of [assembled(await (await stream(url, body, OWN[name])).rest()).content, (await post(url, body, OWN[name])).json.content]) {
      const shown = JSON.stringify(content), of = type => content.filter(block => block.type === type);
      assert.equal(of('tool_use').length, 2, shown);
      assert.equal(new Set(of('tool_use').map(block => block.id)).size, 2);
      for (const block of of('tool_use')) assert.match(block.id, habit.ids);
      const [thinking] = of('thinking'), [asked] = of('server_tool_use');
      if (habit.signature) assert.match(thinking.signature, habit.signature);
      else assert.equal(thinking.signature, undefined, shown);
      if (habit.search) assert.match(asked.id, habit.search);
      else assert.equal(asked, undefined);
      assert.equal(of('web_search_tool_result').length, habit.search ? 1 : 0);
      assert.equal(of('text').filter(block => block.text.trim() === '').length, habit.blank, shown);
    }
  }
});

check('an answer without a block ends as it is told', async t => {
  const sim = await simulator(t);
  for (const stop_reason of ['refusal', 'max_tokens', 'pause_turn', 'stop_sequence', 'end_turn']) {
    const body = { model: MODEL.kimi, max_tokens: 20, messages: [user('Hello')] };
    await sim.next('kimi', { fault: 'no_content_stream', stop_reason, times: 2 });
    const streamed = assembled(await (await stream(`${sim.url('kimi')}/v1/messages`, body, OWN.kimi)).rest());
    const { content, stop_reason: ended } = (await post(`${sim.url('kimi')}/v1/messages`, body, OWN.kimi)).json;
    assert.deepEqual([streamed, { content, stop_reason: ended }], [{ content: [], stop_reason }, { content: [], stop_reason }]);
  }
});

check('over raw sockets: its faults, its records and its wire, and the page that lists them', { timeout: 120 }, async () => {
  const tests = path.join(TOP, 'tests');
  const run = await command('python3', [path.join(tests, 'simulator/selftest.py'), path.join(BUILD, 'tests/simulator/simulator')], { timeout: 110, env: { SAMPLES: path.join(tests, 'samples') } });
  assert.equal(run.code, 0, `${run.stdout}\n${run.stderr}`);
});
