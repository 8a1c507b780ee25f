// SPDX-License-Identifier: MIT
// The judge of Responses: what the simulated OpenAI refuses there, and in which words (PROTOCOLS 10). What both of its APIs refuse alike: simulator-openai.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { KEY, judge, post } from './lib/judge.mjs';

const user = content => ({ role: 'user', content });
const text = words => ({ type: 'input_text', text: words });
const image = url => ({ type: 'input_image', detail: 'auto', image_url: url });
const PNG = 'data:image/png;base64,aGk=', PDF = 'data:application/pdf;base64,aGk=';
const call = (id, more = {}) => ({ type: 'function_call', call_id: id, name: 'Bash', arguments: '{}', ...more });
const done = (id, output = 'done') => ({ type: 'function_call_output', call_id: id, output });
// As the simulator makes them: n and its product.
const seal = n => `gAAAAAsim_-${n.toString(16).padStart(12, '0')}${(n * 2654435761).toString(16).padStart(12, '0')}==`;
const thought = (more = {}) => ({ type: 'reasoning', id: 'rs_openai_7', summary: [], encrypted_content: seal(7), ...more });
const input = (...items) => ({ input: [user('a'), ...items] });
const schema = (more = {}) => ({ type: 'object', properties: {}, ...more });
const tool = (more = {}) => ({ type: 'function', name: 'Bash', description: 'runs', parameters: schema(), strict: false, ...more });
const format = (more = {}) => ({ text: { format: { type: 'json_schema', name: 'output', schema: schema(), ...more } } });
const old = (more = {}) => ({ model: 'gpt-4.1', reasoning: undefined, include: undefined, ...more });
const long = n => 'x'.repeat(n);

const rules = [
  ['a plain message', {}, null],
  ['parts, an image, a file', { input: [user([text('a'), image(PNG), image('https://example.com/a.png'), { type: 'input_file', filename: 'a.pdf', file_data: PDF }])] }, null],
  ['reasoning, tools, their results', { tools: [tool()], ...input(thought(), call('a'), call('b'), done('b'), done('a', [text('x'), image(PNG)]), thought({ summary: [{ type: 'summary_text', text: 'so' }] }), { role: 'assistant', content: 'b' }, user('c')) }, null],
  ['all that the router may send', { tools: [tool()], tool_choice: { type: 'function', name: 'Bash' }, parallel_tool_calls: false, instructions: 'x', stream: true, safety_identifier: 'a', prompt_cache_key: 'b', ...format() }, null],
  ['an unknown model', { model: 'gpt-3' }, /does not exist or you do not have access/, 'model_not_found', null, 404],
  ['an unknown field', { stop: ['a'] }, /^Unknown parameter: 'stop'\.$/, 'unknown_parameter', 'stop'],
  ['those of Chat Completions', { messages: [user('a')] }, /^Unknown parameter: 'messages'/, 'unknown_parameter'],
  ['… their limit', { max_completion_tokens: 99 }, /^Unknown parameter: 'max_completion_tokens'/, 'unknown_parameter'],
  ['… their effort', { reasoning_effort: 'low' }, /^Unknown parameter: 'reasoning_effort'/, 'unknown_parameter'],
  ['no input', { input: undefined }, /^Missing required parameter: 'input'\.$/, 'missing_required_parameter', 'input'],
  ['an empty input', { input: [] }, /^Invalid 'input': empty array/, 'empty_array', 'input'],
  ['instructions that are a list', { instructions: [] }, /Invalid type for 'instructions': expected a string/, 'invalid_type'],
  ['store that is a text', { store: 'no' }, /Invalid type for 'store'/, 'invalid_type'],
  ['stream that is a text', { stream: 'no' }, /Invalid type for 'stream'/, 'invalid_type'],
  // items
  ['an unknown item', input({ type: 'tool_use' }), /^Invalid value: 'tool_use'\./, 'invalid_value', 'input[1].type'],
  ['an unknown role', { input: [{ role: 'tool', content: 'x' }] }, /^Invalid value: 'tool'\. Supported values are: 'assistant', 'system'/, 'invalid_value', 'input[0].role'],
  ['a member of a message', { input: [{ ...user('a'), cache_control: {} }] }, /Unknown parameter: 'input\[0\]\.cache_control'/, 'unknown_parameter'],
  ['a message without content', { input: [{ role: 'user' }] }, /Missing required parameter: 'input\[0\]\.content'/, 'missing_required_parameter'],
  ['content of no parts', { input: [user([])] }, /'input\[0\]\.content': empty array/, 'empty_array'],
  ['content that is an object', { input: [user({})] }, /Invalid type for 'input\[0\]\.content'/, 'invalid_type'],
  ['a part of Chat Completions', { input: [user([{ type: 'text', text: 'a' }])] }, /^Invalid value: 'text'\. Supported values are: 'input_text', 'input_image'/, 'invalid_value', 'input[0].content[0].type'],
  ['a part\'s member', { input: [user([{ ...text('a'), cache_control: {} }])] }, /Unknown parameter: 'input\[0\]\.content\[0\]\.cache_control'/, 'unknown_parameter'],
  ['a part without its text', { input: [user([{ type: 'input_text' }])] }, /Missing required parameter: 'input\[0\]\.content\[0\]\.text'/, 'missing_required_parameter'],
  ['the assistant\'s parts of the user\'s kind', input({ role: 'assistant', content: [text('a')] }, user('b')), /Supported values are: 'output_text' and 'refusal'/, 'invalid_value'],
  ['an image that is an object', { input: [user([{ type: 'input_image', image_url: { url: PNG } }])] }, /Invalid type for 'input\[0\]\.content\[0\]\.image_url': expected a string/, 'invalid_type'],
  ['an image of an unknown type', { input: [user([image('data:image/tiff;base64,aGk=')])] }, /unsupported image/, 'invalid_image_format'],
  ['an unknown detail', { input: [user([{ ...image(PNG), detail: 'huge' }])] }, /Invalid value: 'huge'/, 'invalid_value'],
  ['a file that is no PDF', { input: [user([{ type: 'input_file', filename: 'a', file_data: 'aGk=' }])] }, /application MIME type/, 'invalid_value'],
  // calls and results
  ['a call without its result', input(call('a')), /^No tool output found for function call a\.$/, null, 'input'],
  ['a result without its call', input(done('a')), /^No tool call found for function call output with call_id a\.$/, null, 'input'],
  ['a result before its call', input(done('a'), call('a')), /^No tool call found for function call output with call_id a\.$/, null],
  ['an id of 65 bytes', input(call(long(65)), done(long(65))), /'input\[1\]\.call_id': string too long\. Expected a string with maximum length 64/, 'string_above_max_length'],
  ['no id', input(call(undefined)), /Missing required parameter: 'input\[1\]\.call_id'/, 'missing_required_parameter'],
  ['a call\'s name with a blank', input(call('a', { name: 'a b' }), done('a')), /does not match pattern/, 'invalid_value'],
  ['arguments as an object', input(call('a', { arguments: {} }), done('a')), /Invalid type for 'input\[1\]\.arguments': expected a string/, 'invalid_type'],
  ['a result without output', input(call('a'), { type: 'function_call_output', call_id: 'a' }), /Missing required parameter: 'input\[2\]\.output'/, 'missing_required_parameter'],
  ['a result that is an error by a member', input(call('a'), { ...done('a'), is_error: true }), /Unknown parameter: 'input\[2\]\.is_error'/, 'unknown_parameter'],
  // reasoning
  ['reasoning without a summary', input(thought({ summary: undefined }), { role: 'assistant', content: 'b' }), /^Missing required parameter: 'input\[1\]\.summary'\.$/, 'missing_required_parameter'],
  ['reasoning without an id', input(thought({ id: undefined }), { role: 'assistant', content: 'b' }), /Missing required parameter: 'input\[1\]\.id'/, 'missing_required_parameter'],
  ['reasoning with its text', input(thought({ content: [{ type: 'reasoning_text', text: 'so' }] }), { role: 'assistant', content: 'b' }), /^Invalid 'input\[1\]\.content': array too long\. Expected an array with maximum length 0/, 'array_above_max_length'],
  ['reasoning that is not there', input(thought({ encrypted_content: undefined }), { role: 'assistant', content: 'b' }), /^Item with id 'rs_openai_7' not found\. Items are not persisted/, null, 'input', 404],
  ['reasoning that was altered', input(thought({ encrypted_content: `${seal(7)}x` }), { role: 'assistant', content: 'b' }), /^The encrypted content gAAA\.\.\..* could not be verified\.$/, 'invalid_encrypted_content'],
  ['reasoning of another id', input(thought({ id: 'rs_openai_8' }), { role: 'assistant', content: 'b' }), /could not be verified/, 'invalid_encrypted_content'],
  ['reasoning that leads to nothing', input(thought()), /^Item 'rs_openai_7' of type 'reasoning' was provided without its required following item\.$/, null, 'input'],
  ['reasoning that leads to the user', input(thought(), user('b')), /without its required following item/, null],
  // tools
  ['a tool of Chat Completions', { tools: [{ type: 'function', function: { name: 'a', parameters: schema() } }] }, /Unknown parameter: 'tools\[0\]\.function'/, 'unknown_parameter'],
  ['a tool of Anthropic\'s', { tools: [{ name: 'a', input_schema: schema() }] }, /Missing required parameter: 'tools\[0\]\.type'/, 'missing_required_parameter'],
  ['a tool without parameters', { tools: [tool({ parameters: undefined })] }, /Missing required parameter: 'tools\[0\]\.parameters'/, 'missing_required_parameter'],
  ['a tool twice', { tools: [tool(), tool()] }, /Tool names must be unique/, null],
  ['a schema without properties', { tools: [tool({ parameters: { type: 'object' } })] }, /object schema missing properties/, 'invalid_function_parameters'],
  ['a strict schema that is open', { tools: [tool({ strict: true })] }, /'additionalProperties' is required/, 'invalid_function_parameters'],
  ['a choice of Chat Completions', { tools: [tool()], tool_choice: { type: 'function', function: { name: 'Bash' } } }, /Unknown parameter: 'tool_choice\.function'/, 'unknown_parameter'],
  ['a choice that is not there', { tools: [tool()], tool_choice: { type: 'function', name: 'x' } }, /no function named 'x'/, null],
  ['tool_choice without tools', { tool_choice: 'auto' }, /only allowed when 'tools' are specified/, null],
  // what belongs to the model
  ['a limit of 15', { max_output_tokens: 15 }, /^Invalid 'max_output_tokens': integer below minimum value\. Expected a value >= 16, but got 15 instead\.$/, 'integer_below_min_value', 'max_output_tokens'],
  ['a limit that is too large', { max_output_tokens: 128_001 }, /max_tokens is too large/, 'invalid_value'],
  ['temperature at a model that reasons', { temperature: 1 }, /^Unsupported parameter: 'temperature' is not supported with this model\.$/, 'unsupported_parameter', 'temperature'],
  ['temperature at one that does not', old({ temperature: 0, top_p: 0.5 }), null],
  ['an unknown effort', { reasoning: { effort: 'huge' } }, /^Invalid value: 'huge'/, 'invalid_value', 'reasoning.effort'],
  ['minimal at a new model', { reasoning: { effort: 'minimal' } }, /^Unsupported value: 'reasoning\.effort' does not support 'minimal' with this model/, 'unsupported_value'],
  ['an effort at a model that does not reason', old({ reasoning: { effort: 'low' } }), /^Unsupported parameter: 'reasoning\.effort' is not supported with this model\.$/, 'unsupported_parameter'],
  ['an unknown summary', { reasoning: { effort: 'low', summary: 'long' } }, /^Invalid value: 'long'\. Supported values are: 'concise', 'detailed', and 'auto'/, 'invalid_value'],
  ['a member of reasoning', { reasoning: { budget: 1 } }, /Unknown parameter: 'reasoning\.budget'/, 'unknown_parameter'],
  ['to include what nobody knows', { include: ['everything'] }, /^Invalid value: 'everything'/, 'invalid_value', 'include[0]'],
  ['encrypted content of a model that does not reason', old({ include: ['reasoning.encrypted_content'] }), /^Encrypted content is not supported with this model\.$/, null, 'include'],
  ['a format of Chat Completions', { text: { format: { type: 'json_schema', json_schema: { name: 'a', schema: schema() } } } }, /Unknown parameter: 'text\.format\.json_schema'/, 'unknown_parameter'],
  ['a format without schema', format({ schema: undefined }), /Missing required parameter: 'text\.format\.schema'/, 'missing_required_parameter'],
  ['a format\'s name with a blank', format({ name: 'a b' }), /does not match pattern/, 'invalid_value'],
  ['a prompt_cache_key of 65 bytes', { prompt_cache_key: long(65) }, /Invalid 'prompt_cache_key': string too long/, 'string_above_max_length'],
  ['a context that is too long', old({ model: 'gpt-4o', input: [user(long(520_000))] }), /maximum context length is 128000 tokens/, 'context_length_exceeded', 'input'],
];

const ask = (sim, fields) => post(`${sim.url('openai')}/v1/responses`, { model: 'gpt-6-sol', store: false, reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'], input: [user('Hello')], ...fields }, KEY);

check('Responses takes and refuses as the real one', t => judge(t, rules, ask));

check('what it swallows, and the router should not send, is noted', async t => {
  const sim = await judge(t, [], ask);
  for (const [fields, problem] of [
    [{ store: true }, /"store" is not false/], [{ store: undefined }, /"store" is not false/], [{ tools: [tool({ strict: undefined })] }, /does not say whether it is strict/], [{ user: 'a' }, /unneeded field "user"/],
    [{ input: [user(' ')] }, /empty or blank text/], [input(call('a', { arguments: '{' }), done('a')), /is no JSON object/], [input(call('a'), done('a'), done('a')), /a second output/],
  ]) {
    assert.equal((await ask(sim, fields)).status, 200);
    assert.match((await sim.requests('openai')).at(-1).problems.join(), problem);
  }
});
