// SPDX-License-Identifier: MIT
// The judge of Chat Completions: what the simulated OpenAI refuses and in which words, and what the servers refuse that speak like it (PROTOCOLS 8).
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { KEY, judge, post, simulator } from './lib/judge.mjs';

const user = content => ({ role: 'user', content });
const said = (fields = {}) => ({ role: 'assistant', content: 'so', ...fields });
const call = (id, more = {}) => ({ id, type: 'function', function: { name: 'Bash', arguments: '{}' }, ...more });
const calls = (...list) => ({ role: 'assistant', content: null, tool_calls: list });
const done = (id, content = 'done') => ({ role: 'tool', tool_call_id: id, content });
const turn = (...list) => [user('a'), calls(...list), ...list.map(one => done(one.id))];
const text = words => ({ type: 'text', text: words });
const PNG = 'data:image/png;base64,aGk=', PDF = 'data:application/pdf;base64,aGk=';
const image = (url, more = {}) => ({ type: 'image_url', image_url: { url, ...more } });
const file = fields => ({ type: 'file', file: fields });
const schema = (more = {}) => ({ type: 'object', properties: {}, ...more });
const tool = (fields = {}, more = {}) => ({ type: 'function', function: { name: 'Bash', description: 'runs', parameters: schema(), ...fields }, ...more });
const tools = (...list) => ({ tools: list.length ? list : [tool()], reasoning_effort: 'none' });
const format = (fields = {}) => ({ response_format: { type: 'json_schema', json_schema: { name: 'output', schema: schema(), ...fields } } });
const old = (fields = {}) => ({ model: 'gpt-4.1', ...fields });
const long = n => 'x'.repeat(n);

// [what, fields of the body, the refusal's words or null, its code, its param]
const rules = [
  ['a plain message', {}, null],
  ['parts, an image, a file', { messages: [user([text('a'), image(PNG, { detail: 'low' }), image('https://example.com/a.png'), file({ filename: 'a.pdf', file_data: PDF })])] }, null],
  ['a tool turn', { ...tools(), messages: turn(call('call_1')) }, null],
  ['parallel calls, their results in another order', { messages: [user('a'), calls(call('a'), call('b')), done('b'), done('a'), user('and')] }, null],
  ['two system messages, a developer\'s', { messages: [{ role: 'system', content: 'a' }, { role: 'developer', content: 'b' }, user('c')] }, null],
  ['an assistant\'s refusal', { messages: [user('a'), { role: 'assistant', refusal: 'no' }, user('b')] }, null],
  ['all that the router may send', { ...tools(), ...format(), tool_choice: { type: 'function', function: { name: 'Bash' } }, parallel_tool_calls: false, stream: true, stream_options: { include_usage: true }, safety_identifier: 'a', prompt_cache_key: 'b' }, null],
  // the body
  ['no model', { model: undefined }, /^you must provide a model parameter$/, null, null],
  ['a model that is a number', { model: 1 }, /Invalid type for 'model': expected a string, but got an integer instead/, 'invalid_type', 'model'],
  ['an unknown model', { model: 'gpt-3' }, /^The model `gpt-3` does not exist or you do not have access to it\.$/, 'model_not_found', null, 404],
  ['a dated snapshot', { model: 'gpt-4o-2024-08-06' }, null],
  ['an unknown field', { top_k: 5 }, /^Unknown parameter: 'top_k'\.$/, 'unknown_parameter', 'top_k'],
  ['Anthropic\'s fields', { system: 'x' }, /^Unknown parameter: 'system'/, 'unknown_parameter', 'system'],
  ['no messages', { messages: undefined }, /^Missing required parameter: 'messages'\.$/, 'missing_required_parameter', 'messages'],
  ['messages that are a text', { messages: 'a' }, /Invalid type for 'messages': expected an array of objects, but got a string instead/, 'invalid_type', 'messages'],
  ['an empty list of messages', { messages: [] }, /^Invalid 'messages': empty array\. Expected an array with minimum length 1/, 'empty_array', 'messages'],
  // messages
  ['an unknown role', { messages: [{ role: 'tools', content: 'x' }] }, /^Invalid value: 'tools'\. Supported values are: 'system', 'assistant', 'user'/, 'invalid_value', 'messages[0].role'],
  ['no role', { messages: [{ content: 'x' }] }, /Missing required parameter: 'messages\[0\]\.role'/, 'missing_required_parameter', 'messages[0].role'],
  ['a member of a message', { messages: [{ ...user('a'), cache_control: {} }] }, /Unknown parameter: 'messages\[0\]\.cache_control'/, 'unknown_parameter', 'messages[0].cache_control'],
  ['calls by the user', { messages: [{ ...user('a'), tool_calls: [call('a')] }] }, /Unknown parameter: 'messages\[0\]\.tool_calls'/, 'unknown_parameter'],
  ['reasoning given back', { messages: [user('a'), said({ reasoning_content: 'so' }), user('b')] }, /Unknown parameter: 'messages\[1\]\.reasoning_content'/, 'unknown_parameter'],
  ['a user without content', { messages: [{ role: 'user', content: null }] }, /^Invalid value for 'content': expected a string, got null\.$/, null, 'messages.[0].content'],
  ['an assistant with nothing', { messages: [user('a'), { role: 'assistant', content: null }] }, /expected a string, got null/, null],
  ['content of no parts', { messages: [user([])] }, /Invalid 'messages\[0\]\.content': empty array/, 'empty_array', 'messages[0].content'],
  ['content that is an object', { messages: [user({})] }, /Invalid type for 'messages\[0\]\.content'/, 'invalid_type'],
  ['Anthropic\'s image', { messages: [user([{ type: 'image', source: {} }])] }, /^Invalid value: 'image'\. Supported values are: 'text', 'image_url'/, 'invalid_value', 'messages[0].content[0].type'],
  ['a text part without text', { messages: [user([{ type: 'text' }])] }, /Missing required parameter: 'messages\[0\]\.content\[0\]\.text'/, 'missing_required_parameter'],
  ['a part\'s cache_control', { messages: [user([{ ...text('a'), cache_control: {} }])] }, /Unknown parameter: 'messages\[0\]\.content\[0\]\.cache_control'/, 'unknown_parameter'],
  ['an image in a result', { messages: [user('a'), calls(call('a')), done('a', [image(PNG)])] }, /^Invalid 'messages\[2\]'\. Image URLs are only allowed for messages with role 'user', but this message with role 'tool'/, 'invalid_value', 'messages[2]'],
  ['an image of the assistant', { messages: [user('a'), said({ content: [image(PNG)] })] }, /role 'assistant' contains an image URL/, 'invalid_value'],
  ['an image of the system', { messages: [{ role: 'system', content: [image(PNG)] }, user('a')] }, /role 'system' contains an image URL/, 'invalid_value'],
  ['an image without url', { messages: [user([{ type: 'image_url', image_url: {} }])] }, /Missing required parameter: 'messages\[0\]\.content\[0\]\.image_url\.url'/, 'missing_required_parameter'],
  ['an image that is a text', { messages: [user([{ type: 'image_url', image_url: PNG }])] }, /expected an object, but got a string/, 'invalid_type'],
  ['an image\'s url that is none', { messages: [user([image('picture.png')])] }, /Expected a valid URL/, 'invalid_value'],
  ['an image of an unknown type', { messages: [user([image('data:image/tiff;base64,aGk=')])] }, /unsupported image.*'png', 'jpeg', 'gif', 'webp'/, 'invalid_image_format'],
  ['an image without base64', { messages: [user([image('data:image/png,hi')])] }, /Expected a base64-encoded data URL/, 'invalid_value'],
  ['an image with broken base64', { messages: [user([image('data:image/png;base64,a!')])] }, /^Invalid base64 image_url\.$/, 'invalid_base64'],
  ['an unknown detail', { messages: [user([image(PNG, { detail: 'huge' })])] }, /Invalid value: 'huge'/, 'invalid_value'],
  ['a file without data', { messages: [user([file({ filename: 'a.pdf' })])] }, /Missing required parameter: 'messages\[0\]\.content\[0\]\.file\.file_id'/, 'missing_required_parameter'],
  ['a file that is no PDF', { messages: [user([file({ filename: 'a', file_data: 'aGk=' })])] }, /Expected a base64-encoded data URL with an application MIME type/, 'invalid_value'],
  ['a file without name', { messages: [user([file({ file_data: PDF })])] }, /Missing required parameter: '.*filename'/, 'missing_required_parameter'],
  // calls and results
  ['no calls in a list of calls', { messages: [user('a'), said({ tool_calls: [] })] }, /Invalid 'messages\[1\]\.tool_calls': empty array/, 'empty_array'],
  ['an id of 41 bytes', { messages: turn(call(long(41))) }, /^Invalid 'messages\[1\]\.tool_calls\[0\]\.id': string too long\. Expected a string with maximum length 40, but got a string with length 41 instead\.$/, 'string_above_max_length', 'messages[1].tool_calls[0].id'],
  ['an id of 40 bytes, with a dot', { messages: turn(call(`functions.Bash:0${long(24)}`)) }, null],
  ['an empty id', { messages: turn(call('')) }, /tool_calls\[0\]\.id': empty string/, 'empty_string'],
  ['no id', { messages: turn(call(undefined)) }, /Missing required parameter: 'messages\[1\]\.tool_calls\[0\]\.id'/, 'missing_required_parameter'],
  ['a call of another type', { messages: turn(call('a', { type: 'tool_use' })) }, /^Invalid value: 'tool_use'\. Supported values are: 'function' and 'custom'/, 'invalid_value'],
  ['a call without function', { messages: turn(call('a', { function: undefined })) }, /Missing required parameter: '.*tool_calls\[0\]\.function'/, 'missing_required_parameter'],
  ['a call\'s name with a dot', { messages: turn(call('a', { function: { name: 'a.b', arguments: '{}' } })) }, /function\.name': string does not match pattern\. Expected a string that matches the pattern '\^\[a-zA-Z0-9_-\]\+\$'/, 'invalid_value'],
  ['arguments that are an object', { messages: turn(call('a', { function: { name: 'a', arguments: {} } })) }, /function\.arguments': expected a string, but got an object instead/, 'invalid_type'],
  ['a call\'s index', { messages: turn(call('a', { index: 0 })) }, /Unknown parameter: 'messages\[1\]\.tool_calls\[0\]\.index'/, 'unknown_parameter'],
  ['a call without its result', { messages: [user('a'), calls(call('a')), user('b')] }, /^An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'\. The following tool_call_ids did not have response messages: a$/, null, 'messages.[2].role'],
  ['one of two results missing, at the end', { messages: [user('a'), calls(call('a'), call('b')), done('a')] }, /did not have response messages: b$/, null, 'messages.[3].role'],
  ['something between call and result', { messages: [user('a'), calls(call('a')), user('b'), done('a')] }, /did not have response messages: a/, null],
  ['something between two results', { messages: [user('a'), calls(call('a'), call('b')), done('a'), user('x'), done('b')] }, /did not have response messages: b/, null],
  ['a result without calls before it', { messages: [user('a'), done('a')] }, /^Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'\.$/, null, 'messages.[1].role'],
  ['a result of another call', { messages: [user('a'), calls(call('a')), done('b')] }, /'tool_call_id' of 'b' not found in 'tool_calls' of previous message/, null],
  ['two results of one call', { messages: [user('a'), calls(call('a')), done('a'), done('a')] }, /Duplicate value for 'tool_call_id' of 'a'/, null],
  ['a result without id', { messages: [user('a'), calls(call('a')), { role: 'tool', content: 'x' }] }, /Missing required parameter: 'messages\[2\]\.tool_call_id'/, 'missing_required_parameter'],
  ['a result\'s id of 41 bytes', { messages: [user('a'), calls(call('a')), done(long(41))] }, /tool_call_id': string too long/, 'string_above_max_length'],
  ['is_error of a result', { messages: [user('a'), calls(call('a')), { ...done('a'), is_error: true }] }, /Unknown parameter: 'messages\[2\]\.is_error'/, 'unknown_parameter'],
  // tools
  ['an empty list of tools', { tools: [] }, /^Invalid 'tools': empty array/, 'empty_array', 'tools'],
  ['129 tools', tools(...Array.from({ length: 129 }, (_, i) => tool({ name: `t${i}` }))), /^Invalid 'tools': array too long\. Expected an array with maximum length 128, but got an array with length 129 instead/, 'array_above_max_length', 'tools'],
  ['128 tools', tools(...Array.from({ length: 128 }, (_, i) => tool({ name: `t${i}` }))), null],
  ['Anthropic\'s tool', tools({ name: 'Bash', input_schema: {} }), /^Missing required parameter: 'tools\[0\]\.type'\.$/, 'missing_required_parameter'],
  ['a typed tool', tools({ type: 'web_search_20250305', name: 'web_search' }), /^Invalid value: 'web_search_20250305'/, 'invalid_value', 'tools[0].type'],
  ['a tool without function', tools({ type: 'function' }), /Missing required parameter: 'tools\[0\]\.function'/, 'missing_required_parameter'],
  ['a tool\'s unknown member', tools(tool({ input_schema: {} })), /Unknown parameter: 'tools\[0\]\.function\.input_schema'/, 'unknown_parameter'],
  ['a tool\'s cache_control', tools(tool({}, { cache_control: {} })), /Unknown parameter: 'tools\[0\]\.cache_control'/, 'unknown_parameter'],
  ['a tool without name', tools(tool({ name: undefined })), /Missing required parameter: 'tools\[0\]\.function\.name'/, 'missing_required_parameter'],
  ['a tool\'s name with a dot', tools(tool({ name: 'mcp.run' })), /^Invalid 'tools\[0\]\.function\.name': string does not match pattern/, 'invalid_value'],
  ['a tool\'s name of 65 bytes', tools(tool({ name: long(65) })), /Expected a string with maximum length 64, but got a string with length 65/, 'string_above_max_length'],
  ['a tool\'s name of 64 bytes', tools(tool({ name: long(64) })), null],
  ['a tool twice', tools(tool(), tool()), /Tool names must be unique/, null],
  ['a schema that is no object\'s', tools(tool({ parameters: { type: 'string' } })), /^Invalid schema for function 'Bash': schema must be a JSON Schema of 'type: "object"', got 'type: "string"'\.$/, 'invalid_function_parameters', 'tools[0].function.parameters'],
  ['an empty schema', tools(tool({ parameters: {} })), /got 'type: "None"'/, 'invalid_function_parameters'],
  ['a schema without properties', tools(tool({ parameters: { type: 'object' } })), /^Invalid schema for function 'Bash': In context=\(\), object schema missing properties\.$/, 'invalid_function_parameters'],
  ['a list of nothing, deep inside', tools(tool({ parameters: schema({ properties: { a: schema({ properties: { b: { type: 'array' } } }) } }) })), /In context=\('properties', 'a', 'properties', 'b'\), array schema missing items/, 'invalid_function_parameters'],
  ['a strict schema that is open', tools(tool({ strict: true })), /'additionalProperties' is required to be supplied and to be false/, 'invalid_function_parameters'],
  ['no parameters', tools(tool({ parameters: undefined })), null],
  ['tool_choice without tools', { tool_choice: 'auto' }, /^Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified\.$/, null, 'tool_choice'],
  ['Anthropic\'s tool_choice', { ...tools(), tool_choice: { type: 'any' } }, /^Invalid value: 'any'/, 'invalid_value', 'tool_choice.type'],
  ['an unknown word of tool_choice', { ...tools(), tool_choice: 'any' }, /^Invalid value: 'any'\. Supported values are: 'none', 'auto', and 'required'/, 'invalid_value', 'tool_choice'],
  ['a tool_choice that is not there', { ...tools(), tool_choice: { type: 'function', function: { name: 'x' } } }, /no function named 'x' was specified in the 'tools' parameter/, null],
  ['a tool_choice without function', { ...tools(), tool_choice: { type: 'function', name: 'Bash' } }, /Unknown parameter: 'tool_choice\.name'/, 'unknown_parameter'],
  ['parallel_tool_calls without tools', { parallel_tool_calls: false }, /'parallel_tool_calls' is only allowed when 'tools' are specified/, null],
  ['parallel_tool_calls at o3', { ...tools(), model: 'o3', reasoning_effort: 'low', parallel_tool_calls: false }, /^Unsupported parameter: 'parallel_tool_calls' is not supported with this model\.$/, 'unsupported_parameter'],
  // limits and sampling, by the model
  ['max_tokens at a model that reasons', { max_completion_tokens: undefined, max_tokens: 9 }, /^Unsupported parameter: 'max_tokens' is not supported with this model\. Use 'max_completion_tokens' instead\.$/, 'unsupported_parameter', 'max_tokens'],
  ['max_tokens at o3', { model: 'o3', max_completion_tokens: undefined, max_tokens: 9 }, /Use 'max_completion_tokens' instead/, 'unsupported_parameter'],
  ['max_tokens at one that does not', old({ max_completion_tokens: undefined, max_tokens: 9 }), null],
  ['both', old({ max_tokens: 9 }), /^Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported\.$/, 'invalid_parameter_combination'],
  ['a limit of 0', { max_completion_tokens: 0 }, /^Invalid 'max_completion_tokens': integer below minimum value\. Expected a value >= 1, but got 0 instead\.$/, 'integer_below_min_value'],
  ['a limit that is a text', { max_completion_tokens: '9' }, /expected an integer, but got a string/, 'invalid_type'],
  ['a limit that is too large', { max_completion_tokens: 128_001 }, /^max_tokens is too large: 128001\. This model supports at most 128000 completion tokens, whereas you provided 128001\.$/, 'invalid_value'],
  ['a limit of 1, with a thought to think', { model: 'gpt-5', max_completion_tokens: 1 }, /^Could not finish the message because max_tokens or model output limit was reached/, null],
  ['a limit of 1 without', { max_completion_tokens: 1, reasoning_effort: 'none' }, null],
  ['temperature 0 at a model that reasons', { temperature: 0 }, /^Unsupported value: 'temperature' does not support 0 with this model\. Only the default \(1\) value is supported\.$/, 'unsupported_value', 'temperature'],
  ['temperature 1 there', { temperature: 1 }, null],
  ['top_p there', { top_p: 0.5 }, /'top_p' does not support 0\.5 with this model/, 'unsupported_value'],
  ['stop there', { stop: ['a'] }, /^Unsupported parameter: 'stop' is not supported with this model\.$/, 'unsupported_parameter', 'stop'],
  ['sampling at one that does not', old({ temperature: 0, top_p: 0.5, stop: ['a', 'b', 'c', 'd'] }), null],
  ['temperature above 2', old({ temperature: 2.5 }), /^Invalid 'temperature': decimal above maximum value\. Expected a value <= 2, but got 2\.5 instead\.$/, 'decimal_above_max_value'],
  ['top_p below 0', old({ top_p: -1 }), /decimal below minimum value/, 'decimal_below_min_value'],
  ['five stops', old({ stop: ['a', 'b', 'c', 'd', 'e'] }), /^Invalid 'stop': array too long\. Expected an array with maximum length 4, but got an array with length 5 instead\.$/, 'array_above_max_length', 'stop'],
  ['an empty stop', old({ stop: [''] }), /Invalid 'stop\[0\]': empty string/, 'empty_string'],
  ['one stop as a text', old({ stop: 'a' }), null],
  ['effort at a model that does not reason', old({ reasoning_effort: 'low' }), /^Unrecognized request argument supplied: reasoning_effort$/, null],
  ['an unknown effort', { reasoning_effort: 'huge' }, /^Invalid value: 'huge'\./, 'invalid_value', 'reasoning_effort'],
  ['minimal at a new model', { reasoning_effort: 'minimal' }, /^Unsupported value: 'reasoning_effort' does not support 'minimal' with this model\. Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'\.$/, 'unsupported_value'],
  ['none at gpt-5', { model: 'gpt-5', reasoning_effort: 'none' }, /does not support 'none' with this model\. Supported values are: 'minimal'/, 'unsupported_value'],
  ['none at o3', { model: 'o3', reasoning_effort: 'none' }, /Supported values are: 'low', 'medium', and 'high'/, 'unsupported_value'],
  ['tools with reasoning', { ...tools(), reasoning_effort: 'low' }, /^Function tools with reasoning_effort are not supported for gpt-6-sol in \/v1\/chat\/completions\. To use function tools, use \/v1\/responses or set reasoning_effort to 'none'\.$/, null, 'reasoning_effort'],
  ['tools with the reasoning that nobody asked for', { ...tools(), reasoning_effort: undefined }, /Function tools with reasoning_effort are not supported/, null],
  ['tools with reasoning at gpt-5', { ...tools(), model: 'gpt-5', reasoning_effort: 'low' }, null],
  // format, stream, identity
  ['a format of an unknown type', { response_format: { type: 'xml' } }, /^Invalid value: 'xml'\. Supported values are: 'json_object', 'json_schema', and 'text'/, 'invalid_value', 'response_format.type'],
  ['Anthropic\'s format', { response_format: { type: 'json_schema', schema: schema() } }, /Unknown parameter: 'response_format\.schema'/, 'unknown_parameter'],
  ['a format without schema', { response_format: { type: 'json_schema' } }, /Missing required parameter: 'response_format\.json_schema'/, 'missing_required_parameter'],
  ['a format without name', format({ name: undefined }), /Missing required parameter: 'response_format\.json_schema\.name'/, 'missing_required_parameter'],
  ['a format\'s name with a blank', format({ name: 'a b' }), /json_schema\.name': string does not match pattern/, 'invalid_value'],
  ['a format that is a list', format({ schema: { type: 'array', items: {} } }), /^Invalid schema for response_format 'output': schema must be a JSON Schema of 'type: "object"', got 'type: "array"'\.$/, null, 'response_format'],
  ['a strict format that is open', format({ strict: true }), /Invalid schema for response_format 'output': .*'additionalProperties'/, null],
  ['a strict format', format({ strict: true, schema: schema({ additionalProperties: false }) }), null],
  ['stream that is a text', { stream: 'yes' }, /Invalid type for 'stream': expected a boolean/, 'invalid_type'],
  ['stream_options without stream', { stream_options: { include_usage: true } }, /^The 'stream_options' parameter is only allowed when 'stream' is enabled\.$/, null, 'stream_options'],
  ['an unknown stream option', { stream: true, stream_options: { usage: true } }, /Unknown parameter: 'stream_options\.usage'/, 'unknown_parameter'],
  ['a safety_identifier of 65 bytes', { safety_identifier: long(65) }, /^Invalid 'safety_identifier': string too long\. Expected a string with maximum length 64/, 'string_above_max_length'],
  ['a prompt_cache_key of 65 bytes', { prompt_cache_key: long(65) }, /Invalid 'prompt_cache_key': string too long/, 'string_above_max_length'],
  ['a context that is too long', { model: 'gpt-4o', messages: [user(long(520_000))] }, /^This model's maximum context length is 128000 tokens\. However, your messages resulted in 13\d{4} tokens\. Please reduce the length of the messages\.$/, 'context_length_exceeded', 'messages'],
];

// [server, what, fields, the refusal's words or null, the record's problem or nothing]
const local = (...messages) => ({ model: 'qwen3-coder', max_completion_tokens: undefined, max_tokens: 9, ...(messages.length ? { messages } : {}) });
const servers = [
  ['llamacpp', 'a plain message', local(), null],
  ['llamacpp', 'a tool turn', local({ role: 'system', content: 'x' }, ...turn(call('a'), call('b')), user('b')), null],
  ['llamacpp', 'role developer', local({ role: 'developer', content: 'x' }, user('a')), /^Unexpected message role\.$/],
  ['llamacpp', 'a second system message', local({ role: 'system', content: 'x' }, { role: 'system', content: 'y' }, user('a')), /^System message must be at the beginning\.$/],
  ['llamacpp', 'two user messages in a row', local(user('a'), user('b')), /conversation roles must alternate/],
  ['vllm', 'two assistant messages in a row', local(user('a'), said(), said()), /conversation roles must alternate/],
  ['llamacpp', 'a named tool', { ...local(), ...tools(), reasoning_effort: undefined, tool_choice: { type: 'function', function: { name: 'Bash' } } }, /^Invalid tool_choice type: 'object'\. Supported string values: none, auto, required$/],
  ['lmstudio', 'a named tool', { ...local(), ...tools(), reasoning_effort: undefined, tool_choice: { type: 'function', function: { name: 'Bash' } } }, /^Invalid tool_choice type: 'object'/],
  ['lmstudio', 'a word', { ...local(), ...tools(), reasoning_effort: undefined, tool_choice: 'required' }, null],
  ['ollama', 'OpenAI\'s limit', { ...local(), max_tokens: undefined, max_completion_tokens: 9 }, null, /"max_completion_tokens", which such a server does not know/],
  ['ollama', 'OpenAI\'s keys', { ...local(), safety_identifier: 'a' }, null, /"safety_identifier", which such a server does not know/],
  ['ollama', 'a file', local(user([file({ filename: 'a.pdf', file_data: PDF })])), /unsupported content\[\]\.type/],
  ['groq', 'reasoning_content given back', local(user('a'), said({ reasoning_content: 'so' }), user('b')), /property 'reasoning_content' is unsupported/],
  ['groq', 'reasoning given back', local(user('a'), said({ reasoning: 'so' }), user('b')), null],
  ['groq', 'an effort', { ...local(), reasoning_effort: 'high' }, /^`reasoning_effort` must be one of `none` or `default`$/],
  ['groq', 'an effort at gpt-oss', { ...local(), model: 'openai/gpt-oss-120b', reasoning_effort: 'high' }, null],
  ['vllm', 'reasoning under the other name', local(user('a'), said({ reasoning_content: 'so' }), user('b')), null, /reasoning_content: it reads reasoning alone/],
  ['deepseek', 'reasoning that is not given back', local(user('a'), said(), user('b')), /`reasoning_content` in the thinking mode must be passed back/],
  ['deepseek', 'reasoning given back', local(user('a'), said({ reasoning_content: 'so' }), user('b')), null],
  ['azure', 'a model that reasons', { max_completion_tokens: undefined, max_tokens: 9 }, /Use 'max_completion_tokens' instead/],
  ['azure', 'a deployment', { model: 'my-deployment' }, null],
];
const BASE = { openrouter: '/api', groq: '/openai', azure: '/openai' };

const ask = (sim, fields, base = '') => post(`${sim.url('openai')}${base}/v1/chat/completions`, { model: 'gpt-6-sol', max_completion_tokens: 2000, messages: [user('Hello')], ...fields }, KEY);

check('openai takes and refuses as the real one', t => judge(t, rules, ask));

check('those who speak like OpenAI refuse in their own way', async t => {
  const sim = await simulator(t), wrong = [];
  for (const [server, what, fields, words, problem] of servers) {
    await sim.control('POST', '/sim/openai/habits', { server });
    const answer = await ask(sim, fields, BASE[server]), error = answer.status === 200 ? undefined : answer.json;
    const message = error && (error.error?.message ?? error.error ?? error.message);
    const { problems } = (await sim.requests('openai')).at(-1);
    const noted = problem ? problem.test(problems.join()) : problems.length === 0;
    if ((words === null ? answer.status !== 200 : answer.status < 400 || !words.test(message)) || !noted) wrong.push(`${server}, ${what}: ${answer.status} ${message} ${problems}`);
  }
  assert.deepEqual(wrong, []);
});

check('a server that does not know a parameter says so in its own words', async t => {
  const sim = await simulator(t);
  for (const [server, words] of [['openai', /^Unknown parameter: 'stream_options'\.$/], ['groq', /^property 'stream_options' is unsupported$/], ['vllm', /extra_forbidden.*'stream_options'/]]) {
    await sim.control('POST', '/sim/openai/habits', { server, refuses: ['stream_options'] });
    const answer = await ask(sim, { model: 'gpt-4.1', stream: true, stream_options: { include_usage: true } }, BASE[server]);
    assert.equal(answer.status, 400, server);
    assert.match(answer.json.error?.message ?? answer.json.message, words);
  }
});

check('the body is JSON, the key a Bearer, the model one that is there', async t => {
  const sim = await simulator(t);
  const sent = async (body, headers = KEY) => (await post(`${sim.url('openai')}/v1/chat/completions`, body, headers)).json.error;
  for (const body of ['{', '[]', '{"a":1} x', '']) assert.match((await sent(body)).message, /^We could not parse the JSON body of your request/);
  assert.match((await sent({}, {})).message, /^You didn't provide an API key/);
  assert.equal((await sent({}, { authorization: 'Bearer nothing' })).code, 'invalid_api_key');
  await sim.control('POST', '/sim/openai/retire', { model: 'gpt-6-sol' });
  assert.equal((await ask(sim, {})).json.error.code, 'model_not_found');
  assert.equal((await ask(sim, { model: 'gpt-6-luna' })).status, 200);
});
