// SPDX-License-Identifier: MIT
// A second opinion on Chat Completions and Responses, from OpenAI's own package: its types fit what the router sends and what the simulator answers, and its client reads the latter.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { NPM } from './lib/claude.mjs';
import { post, request } from './lib/client.mjs';
import { simulator } from './lib/judge.mjs';
import { command } from './lib/parts.mjs';
import { TOP, router } from './lib/router.mjs';

// What tsc says of the values, each { type, value, bad: true when it must not fit }: its complaints, or ''.
async function typed(t, values) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-types-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const lines = values.map(({ type, value, bad }) => `${bad ? '// @ts-expect-error\n' : ''}(${JSON.stringify(value)}) satisfies ${type};`);
  const compilerOptions = { noEmit: true, strict: true, skipLibCheck: true, module: 'nodenext', target: 'es2022', types: [] };
  symlinkSync(path.join(NPM, 'node_modules'), `${dir}/node_modules`);
  writeFileSync(`${dir}/package.json`, '{"type":"module"}');
  writeFileSync(`${dir}/tsconfig.json`, JSON.stringify({ compilerOptions, files: ['values.ts'] }));
  writeFileSync(`${dir}/values.ts`, ['import type { ChatCompletion, ChatCompletionChunk, ChatCompletionCreateParams } from \'openai/resources/chat/completions\';', 'import type { Response, ResponseCreateParams, ResponseStreamEvent } from \'openai/resources/responses/responses\';', ...lines, ''].join('\n'));
  const run = await command(process.execPath, [path.join(NPM, 'node_modules/typescript/bin/tsc'), '-p', dir, '--pretty', 'false'], { timeout: 300 });
  return run.stdout.replace(/^(values\.ts\((\d+))/gm, (_, at, line) => `${at} ${readFileSync(`${dir}/values.ts`, 'utf8').split('\n')[line - 1].slice(0, 300)}\n   `);
}

const CHAT = 'ChatCompletionCreateParams', RESPONSES = 'ResponseCreateParams';
const user = content => ({ role: 'user', content });
const said = (...content) => ({ role: 'assistant', content });
const text = words => ({ type: 'text', text: words });
const call = (id, input = { command: 'ls' }) => ({ type: 'tool_use', id, name: 'Bash', input });
const result = (id, content = 'done', more = {}) => ({ type: 'tool_result', tool_use_id: id, content, ...more });
const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' } };
const linked = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
const document = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' }, title: 'a page' };
const pdf = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'aGk=' } };
const tools = { tools: [{ name: 'Bash', description: 'runs', input_schema: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] } }, { name: 'Nothing', input_schema: { type: 'object' } }] };
const asked = (messages, fields = {}) => ({ model: 'claude-sonnet-5-5', max_tokens: 2000, messages, ...fields });

// Each as a client of Anthropic's says it.
const conversations = [
  asked([user('Hello')]),
  asked([user('Hello')], { stream: true, system: [{ ...text('You are kind.'), cache_control: { type: 'ephemeral' } }, text('And brief.')] }),
  asked([user([text('look'), image, linked])]),
  asked([user([text('read'), document, pdf])]),
  asked([user('a'), said(text('b')), user('c'), { role: 'system', content: 'd' }]),
  asked([user('a'), said({ type: 'thinking', thinking: 'so', signature: 'EqoBx' }, text('b')), user('c')], { thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } }),
  asked([user('a')], { ...tools, stream: true, thinking: { type: 'adaptive' } }),
  asked([user('a'), said(text('b'), call('toolu_1'), call('toolu_2')), user([result('toolu_2', [text('x'), image]), result('toolu_1', 'no', { is_error: true }), text('and')])], tools),
  asked([user('a'), said(call(`functions.Bash:0${'x'.repeat(60)}`)), user([result(`functions.Bash:0${'x'.repeat(60)}`)])], tools),
  asked([user('a'), said(call('toolu_1', {})), user([result('toolu_1', [])])], tools),
  asked([user('a')], { ...tools, tool_choice: { type: 'any' } }),
  asked([user('a')], { ...tools, tool_choice: { type: 'tool', name: 'Bash' } }),
  asked([user('a')], { ...tools, tool_choice: { type: 'none' } }),
  asked([user('a')], { output_config: { format: { type: 'json_schema', schema: { type: 'object', properties: { title: { type: 'string' } }, required: ['title'], additionalProperties: false } } } }),
  asked([user('a')], { metadata: { user_id: 'user_x_account__session_y' }, stop_sequences: ['a', 'b', 'c', 'd', 'e'], top_p: 0.5 }),
  asked([user('a')], { max_tokens: 1 }),
  asked([user('a')], { ...tools, tool_choice: { type: 'auto', disable_parallel_tool_use: true } }),
];
const models = 'models = { "claude-haiku-*=gpt-6-luna", "claude-opus-4-8=o3", "claude-fable-*=gpt-5", "claude-sonnet-4-*=gpt-4.1", "*=gpt-6-sol" }';
const kinds = ['claude-sonnet-5-5', 'claude-haiku-4-5', 'claude-opus-4-8', 'claude-fable-5-1', 'claude-sonnet-4-5'];

// What Claude Code really sends, but for the counting of tokens.
function samples() {
  const folder = path.join(TOP, 'tests/samples');
  return readdirSync(folder).filter(name => name.endsWith('.json') && name !== 'count-tokens.json').map(name => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')));
}

for (const [dialect, type] of [['openai', CHAT], ['openai-responses', RESPONSES]]) {
  check(`every request translated for ${dialect} is one of OpenAI's`, async t => {
    const r = await router(t, { order: ['openai'], sections: { openai: `dialect = "${dialect}"\n${models}` }, tokens: { openai: 'sk-x' } });
    const all = [...kinds.flatMap(model => conversations.map(body => ({ ...body, model }))), ...samples()];
    const wrong = [];
    for (const body of all) {
      const answer = await post(`${r.url}/v1/messages`, body);
      if (answer.status !== 200) wrong.push(`${answer.status} ${answer.text.slice(0, 300)}: ${JSON.stringify(body).slice(0, 500)}`);
    }
    const arrived = await r.sim.requests('openai', { wait: all.length });
    for (const one of arrived) if (one.refused) wrong.push(`refused: ${one.refused}: ${one.body.slice(0, 500)}`);
    assert.deepEqual(wrong, []);
    assert.equal(arrived.length, all.length);
    assert.equal(await typed(t, arrived.map(one => ({ type, value: one.json }))), '');
  });
}

check('the types find fault with what is none', async t => {
  const fine = { model: 'gpt-6-sol', messages: [user('a')] };
  const bad = [
    { ...fine, top_k: 5 }, { ...fine, system: 'x' }, { ...fine, reasoning_effort: 'huge' }, { ...fine, stream_options: { usage: true } },
    { ...fine, messages: [{ ...user('a'), cache_control: {} }] }, { ...fine, messages: [user([image])] }, { ...fine, messages: [{ role: 'tool', content: 'x' }] },
    { ...fine, tools: [{ name: 'Bash', input_schema: {} }] }, { ...fine, tool_choice: { type: 'any' } }, { ...fine, messages: [{ role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'a', arguments: {} } }] }] },
  ];
  const flat = { model: 'gpt-6-sol', input: [user('a')] };
  const reasoning = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'x' };
  const worse = [
    { ...flat, messages: [] }, { ...flat, reasoning: { effort: 'huge' } }, { ...flat, include: ['everything'] }, { ...flat, input: [user([{ type: 'text', text: 'a' }])] }, { ...flat, input: [{ ...reasoning, summary: undefined }] },
    { ...flat, tools: [{ type: 'function', name: 'a', parameters: {} }] }, { ...flat, tool_choice: { type: 'function', function: { name: 'a' } } }, { ...flat, input: [{ type: 'function_call', call_id: 'a', name: 'a', arguments: {} }] },
  ];
  const both = [[CHAT, fine, bad], [RESPONSES, { ...flat, input: [...flat.input, reasoning] }, worse]];
  assert.equal(await typed(t, both.flatMap(([type, value, others]) => [{ type, value }, ...others.map(other => ({ type, value: other, bad: true }))])), '');
});

// What the types add to what is on the wire.
const whole = response => ({ ...response, output_text: '' });
const flatBash = { tools: [{ type: 'function', name: 'Bash', parameters: { type: 'object', properties: {} }, strict: false }], reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'] };
const bash = { tools: [{ type: 'function', function: { name: 'Bash', parameters: { type: 'object', properties: {} } } }], reasoning_effort: 'none' };

check('the simulator answers as OpenAI', async t => {
  const sim = await simulator(t), values = [];
  for (const [words, fields] of [['Hello', {}], ['SIM:TOOLS 2 SIM:CALLS 2', bash], ['SIM:REFUSE no', {}], ['SIM:STOP max_tokens', {}], ['SIM:STOP refusal', {}], ['SIM:READ 30 SIM:WRITE5M 4', {}]]) {
    for (const stream of [false, true]) {
      const body = JSON.stringify({ model: 'gpt-6-sol', messages: [user(words)], stream, ...(stream ? { stream_options: { include_usage: true } } : {}), ...fields });
      const answer = await request(`${sim.url('openai')}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer sk-x' }, body });
      assert.equal(answer.status, 200, answer.text);
      if (stream) for (const [, data] of answer.text.matchAll(/^data: (\{.*)$/gm)) values.push({ type: 'ChatCompletionChunk', value: JSON.parse(data) });
      else values.push({ type: 'ChatCompletion', value: answer.json });
    }
  }
  for (const [words, fields] of [['Hello', {}], ['SIM:TOOLS 2 SIM:CALLS 2', flatBash], ['SIM:REFUSE no', {}], ['SIM:STOP max_tokens', {}], ['SIM:STOP refusal', {}], ['SIM:READ 30 SIM:WRITE5M 4', {}]]) {
    for (const stream of [false, true]) {
      const body = JSON.stringify({ model: 'gpt-6-sol', input: [user(words)], store: false, stream, ...fields });
      const answer = await request(`${sim.url('openai')}/v1/responses`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: 'Bearer sk-x' }, body });
      assert.equal(answer.status, 200, answer.text);
      if (!stream) values.push({ type: 'Response', value: whole(answer.json) });
      else for (const [, data] of answer.text.matchAll(/^data: (\{.*)$/gm)) values.push({ type: 'ResponseStreamEvent', value: JSON.parse(data, (key, value) => (key === 'response' ? whole(value) : key === 'obfuscation' ? undefined : value)) });
    }
  }
  assert.equal(await typed(t, values), '');
});

check('OpenAI\'s client reads the streams of Responses', async t => {
  const sim = await simulator(t);
  const OpenAI = createRequire(path.join(NPM, 'package.json'))('openai').default;
  const { responses } = new OpenAI({ apiKey: 'sk-x', baseURL: `${sim.url('openai')}/v1`, maxRetries: 0 });
  const asked = { model: 'gpt-6-sol', store: false };
  const final = await responses.stream({ ...asked, ...flatBash, input: [user('SIM:TOOLS 2 SIM:CALLS 2')] }).finalResponse();
  assert.deepEqual(final.output.map(item => item.type), ['reasoning', 'function_call', 'function_call']);
  assert.deepEqual(final.output.slice(1).map(item => JSON.parse(item.arguments).command), ['echo step-1', 'echo step-2']);
  const { output } = await responses.create({ ...asked, ...flatBash, input: [user('SIM:TOOLS 2 SIM:CALLS 2')] });
  const next = await responses.create({ ...asked, ...flatBash, input: [user('SIM:TOOLS 2 SIM:CALLS 2'), ...output, ...output.slice(1).map(({ call_id }) => ({ type: 'function_call_output', call_id, output: 'done' }))] });
  assert.equal(next.output_text, 'done 2 steps, last by openai');
  const failed = fields => responses.create({ ...asked, input: [user('Hello')], ...fields }).then(() => 'taken', error => [error.status, error.code, error.param]);
  assert.deepEqual(await failed({ max_output_tokens: 1 }), [400, 'integer_below_min_value', 'max_output_tokens']);
  for (const form of ['chunk', 'named', 'beside']) {
    await sim.control('POST', '/sim/openai/habits', { error_events: form });
    await sim.next('openai', { fault: 'error_event', at: 'text', message: 'broken' });
    let end;
    try {
      for await (const event of await responses.create({ ...asked, input: [user('Hello')], stream: true })) end = event;
    } catch (error) { end = error; }
    assert.match(end.response?.error.message ?? end.message, /broken/, form);
  }
});

check('OpenAI\'s client reads the simulator\'s streams and errors', async t => {
  const sim = await simulator(t);
  const OpenAI = createRequire(path.join(NPM, 'package.json'))('openai').default;
  const { completions } = new OpenAI({ apiKey: 'sk-x', baseURL: `${sim.url('openai')}/v1`, maxRetries: 0 }).chat;
  for (const calls of ['deltas', 'interleaved', 'whole']) {
    await sim.control('POST', '/sim/openai/habits', { calls });
    const final = await completions.stream({ model: 'gpt-6-sol', messages: [user('SIM:TOOLS 2 SIM:CALLS 2')], stream_options: { include_usage: true }, ...bash }).finalChatCompletion();
    const [{ message, finish_reason }] = final.choices;
    assert.deepEqual(message.tool_calls.map(one => JSON.parse(one.function.arguments).command), ['echo step-1', 'echo step-2'], calls);
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(final.usage.total_tokens, final.usage.prompt_tokens + final.usage.completion_tokens);
  }
  const failed = body => completions.create({ model: 'gpt-6-sol', messages: [user('Hello')], ...body }).then(() => 'taken', error => [error.status, error.code, error.param, error.message]);
  assert.deepEqual(await failed({ model: 'gpt-3' }), [404, 'model_not_found', null, '404 The model `gpt-3` does not exist or you do not have access to it.']);
  assert.deepEqual(await failed({ stop: ['a'] }), [400, 'unsupported_parameter', 'stop', '400 Unsupported parameter: \'stop\' is not supported with this model.']);
  await sim.next('openai', { fault: 'error_event', at: 'text', message: 'broken' });
  await assert.rejects(completions.stream({ model: 'gpt-6-sol', messages: [user('Hello')] }).finalChatCompletion(), /broken/);
});
