// SPDX-License-Identifier: MIT
// What a provider's answer means, row by row: BEHAVIOUR 4 as tests (matrix.mjs) and as a page: node lib/matrix-table.mjs
//
//   says      the answer, in words
//   at        the provider that gives it; 'own' is claude_pro with the client's login, else the credential is stored
//   fault     what the simulator does (tests/simulator/README.md); a function of the epoch in seconds where times are told
//   verdict   pass, hop, cool, bench; served: a normal answer. An object { stream, json } where the two differ
//   again     the same provider is asked once more first
//   rest      seconds: [least, most] as an answer of now wants it, or a number that the provider named
//   whom      who rests: account, family or everybody
//   died      a stream whose content had begun: event: error, and the provider rests
//   only      'stream': without a stream it is something else (mostly silence, for which only the deadline holds)
//   always    not only in samples
//   names     the model has so many names there; retries: other than three; as: the status that an event stands for
//   also      more of the set-up: config, sections, model, order
const SHORT = [14, 20];
const COOLDOWN = 300;
const HOUR = 3600;
const u = (name, value) => [`anthropic-ratelimit-unified-${name}`, String(value)];
const error = (type, message) => JSON.stringify({ type: 'error', error: { type, message } });
const raw = (status, body, headers = []) => ({ fault: 'raw', status, body, content_type: 'application/json', headers });
const served = { verdict: 'served' };
const cool = (rest, whom = 'account') => ({ verdict: 'cool', rest, whom });
const busy = { verdict: 'cool', again: true, rest: SHORT, whom: 'account' };
const unreachable = { ...busy, whom: 'everybody' };
const hop = { verdict: 'hop' };
const pass = { verdict: 'pass' };
const bench = { verdict: 'bench', rest: HOUR, whom: 'account' };
const died = { verdict: { stream: 'died', json: 'cool' }, again: true, rest: SHORT, whom: 'account' };
const streamOnly = { only: 'stream' };

export const groups = [
  ['An answer', [
    { says: '200', at: 'own', fault: { fault: 'pass' }, ...served },
    { says: '200', at: 'deepseek', fault: { fault: 'pass' }, ...served },
    { says: '200, extra usage is used and allowed', at: 'own', fault: { fault: 'extra_usage' }, ...served },
    { says: '200, extra usage is used, and plan_limits_only', at: 'own', fault: { fault: 'extra_usage', reset: 1800 }, verdict: 'served', rest: 1800, whom: 'account', also: { config: 'plan_limits_only = true', sections: { kimi: 'paid = false' } } },
    { says: '200 with a window nearly full', at: 'own', fault: { fault: 'utilization', utilization: 0.97 }, ...served },
    { says: '200 behind an interim 100', at: 'own', fault: { fault: 'continue_100' }, ...served },
    { says: '200 as HTTP/1.0, ended by FIN', at: 'own', fault: { fault: 'http10' }, ...served },
    { says: '200 with a second answer glued behind it', at: 'own', fault: { fault: 'glued' }, ...served },
    { says: '200, its Content-Length too long', at: 'own', fault: { fault: 'wrong_length_long' }, ...served },
    { says: '200 with blank lines or comments before it', at: 'deepseek', fault: { fault: 'comments', count: 3, delay_ms: 20 }, ...served },
    { says: '200 that steers the web server', at: 'own', fault: { fault: 'steer' }, ...served },
  ]],
  ['A window of the account is rejected', [
    { says: '429, 5h rejected', at: 'own', fault: { fault: 'usage_limit', reset: 1800 }, ...cool(1800) },
    { says: '429, 7d rejected', at: 'own', fault: { fault: 'usage_limit_7d', reset: 172_800 }, ...cool(172_800) },
    { says: '429, 5h rejected, with a retry-after', at: 'own', fault: { fault: 'usage_limit', reset: 1800, retry_after: 5 }, ...cool(1800) },
    { says: '429, 5h and 7d rejected: the later reset', at: 'own', ...cool(90_000),
      fault: now => raw(429, error('rate_limit_error', 'x'), [u('status', 'rejected'), u('5h-status', 'rejected'), u('5h-reset', now + 1800), u('7d-status', 'rejected'), u('7d-reset', now + 90_000)]) },
    { says: '429, rejected as a whole, claim and reset', at: 'own', ...cool(2400),
      fault: now => raw(429, error('rate_limit_error', 'x'), [u('status', 'rejected'), u('representative-claim', 'five_hour'), u('reset', now + 2400)]) },
    { says: '429, rejected as a whole, no reset', at: 'own', ...cool(COOLDOWN), fault: raw(429, error('rate_limit_error', 'x'), [u('status', 'rejected')]) },
    { says: '429, 5h rejected, with a text that says something else', at: 'own', ...cool(1800), fault: { fault: 'usage_limit', reset: 1800, message: 'Usage credits are required for long context requests.' } },
    { says: '529 with unified headers, which do not count there', at: 'own', ...busy,
      fault: now => raw(529, error('overloaded_error', 'Overloaded'), [u('status', 'rejected'), u('5h-status', 'rejected'), u('5h-reset', now + 7200)]) },
  ]],
  ['The window of a family is rejected', [
    { says: '429, 7d_opus rejected, for an opus', at: 'own', fault: { fault: 'family_limit', reset: 5000 }, ...cool(5000, 'family'), also: { model: 'claude-opus-5-5' } },
    { says: '429, 7d_sonnet rejected, for a sonnet', at: 'own', fault: { fault: 'family_limit', family: '7d_sonnet', reset: 5000 }, ...cool(5000, 'family') },
    { says: '429, 7d_oi rejected: the family that was asked for', at: 'own', fault: { fault: 'family_limit', family: '7d_oi', reset: 5000 }, ...cool(5000, 'family') },
  ]],
  ['Limits told in words', [
    { says: 'out of extra usage', at: 'own', fault: { fault: 'out_of_extra_usage' }, ...cool(60) },
    { says: 'third-party apps draw from extra usage', at: 'own', ...cool(60), fault: raw(400, error('invalid_request_error', 'Third-party apps now draw from your extra usage, not your plan limits.')) },
    { says: 'usage credits wanted for a long context', at: 'own', fault: { fault: 'long_context_credits' }, ...hop },
    { says: 'extra usage wanted for a long context', at: 'own', fault: { fault: 'long_context_credits', message: 'Extra usage is required for long context requests.' }, ...hop },
    { says: 'extra usage wanted for fast mode', at: 'own', fault: { fault: 'long_context_credits', message: 'Extra usage is required for fast mode.' }, ...hop },
    ...[429, 400, 403].map(status => ({ says: `${status} usage limit reached|epoch`, at: 'own', fault: { fault: 'usage_text', status, reset: 4000 }, ...cool(4000) })),
    { says: '429 usage limit reached, no time', at: 'own', fault: { fault: 'usage_text', message: 'Claude AI usage limit reached' }, ...cool(COOLDOWN) },
    { says: '429 usage limit has been reached', at: 'own', fault: { fault: 'usage_text', message: 'Your usage limit has been reached.' }, ...cool(COOLDOWN) },
    { says: '429 usage limit reached, the cooldown is configured', at: 'own', fault: { fault: 'usage_text', message: 'Claude AI usage limit reached' }, ...cool(40), also: { sections: { claude_pro: 'cooldown = 40' } } },
    { says: '400 regain access on a date', at: 'claude_api', fault: { fault: 'regain_text', reset: 90_000 }, verdict: 'cool', rest: [89_930, 90_100], whom: 'account' },
  ]],
  ['Money is gone', [
    ...['claude_api', 'deepseek', 'kimi'].map(at => ({ says: '402', at, fault: { fault: 'balance' }, ...cool(HOUR) })),
    ...[429, 403].map(status => ({ says: `${status} exceeded_current_quota_error`, at: 'kimi', fault: { fault: 'quota_exceeded', status }, ...cool(HOUR) })),
    ...['own', 'claude_api'].map(at => ({ says: '400 credit balance is too low', at, fault: { fault: 'credit_low' }, ...cool(HOUR) })),
    { says: '400 organization_on_hold', at: 'claude_api', ...cool(HOUR), fault: raw(400, '{"type":"error","error":{"type":"invalid_request_error","message":"x","details":{"error_code":"organization_on_hold"}}}') },
    { says: '429 enforced_spend_limit_reached', at: 'claude_api', ...cool(HOUR), fault: raw(429, '{"type":"error","error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}') },
    ...['claude_api', 'deepseek', 'kimi'].map(at => ({ says: 'no balance, compressed', at, fault: { fault: 'gzip_error' }, ...cool(HOUR) })),
  ]],
  ['Throttles', [
    ...['own', 'deepseek', 'kimi'].map(at => ({ says: '429 with retry-after 7', at, fault: { fault: 'throttle', retry_after: 7 }, ...cool(7) })),
    { says: '429 with retry-after 118800', at: 'claude_api', fault: { fault: 'throttle', retry_after: 118_800 }, ...cool(118_800) },
    { says: '429 with retry-after as a date', at: 'claude_api', fault: now => ({ fault: 'throttle', retry_after: new Date((now + 600) * 1000).toUTCString() }), ...cool(600) },
    ...['own', 'deepseek', 'kimi'].map(at => ({ says: '429 with nothing else', at, fault: { fault: 'throttle_bare' }, ...hop, again: true })),
    { says: '429 with an overage reason and no reset', at: 'own', ...hop, fault: raw(429, error('rate_limit_error', 'x'), [u('overage-disabled-reason', 'out_of_credits')]) },
    { says: '429 as the first event', at: 'own', fault: { fault: 'error_event', type: 'rate_limit_error' }, ...hop, again: true, ...streamOnly },
  ]],
  ['Busy', [
    ...['own', 'deepseek', 'kimi'].map(at => ({ says: 'overloaded', at, fault: { fault: 'overloaded' }, ...busy })),
    { says: '529, with a retry-after that asks for more', at: 'own', fault: { fault: 'overloaded', retry_after: 30 }, ...busy },
    { says: 'overloaded_error as the first event', at: 'own', fault: { fault: 'overloaded_event' }, ...busy, ...streamOnly },
    { says: 'api_error as the first event', at: 'own', fault: { fault: 'error_event' }, ...busy, ...streamOnly },
    { says: 'overloaded_error after message_start', at: 'own', fault: { fault: 'overloaded_event', at: 'message_start' }, ...busy, ...streamOnly },
    { says: 'an error of an unknown type after a ping', at: 'deepseek', fault: { fault: 'error_event', type: 'strange_error', at: 'ping' }, ...busy, ...streamOnly },
    ...['own', 'deepseek', 'kimi'].flatMap(at => ['internal', 'bad_gateway', 'unavailable', 'timeout_504'].map(fault => ({ says: `5xx: ${fault}`, at, fault: { fault }, ...busy }))),
    { says: '500, x-should-retry: false', at: 'own', fault: { fault: 'internal', headers: [['x-should-retry', 'false']] }, ...busy, again: false },
    { says: '500, compressed and cut', at: 'own', fault: { fault: 'truncated_gzip' }, ...busy },
    ...[200, 401, 403, 404].map(status => ({ says: `an HTML page, ${status}`, at: 'own', fault: { fault: 'html_200', status }, ...busy })),
    ...[400, 413].map(status => ({ says: `an HTML page about the body, ${status}`, at: 'own', fault: { fault: 'html_200', status }, ...hop })),
    { says: 'an HTML page, 403', at: 'deepseek', fault: { fault: 'html_200', status: 403 }, ...busy },
    { says: 'a redirect', at: 'own', fault: { fault: 'redirect' }, ...busy },
  ]],
  ['No answer', [
    ...['refuse', 'reset', 'close'].map(fault => ({ says: `${fault} before the head`, at: 'own', fault: { fault }, ...busy })),
    { says: 'reset in the middle of the head', at: 'own', fault: { fault: 'reset', at: 'half_head' }, ...busy },
    { says: 'closed in the middle of the head', at: 'deepseek', fault: { fault: 'close', at: 'half_head' }, ...busy, always: true },
    { says: 'reset after the head', at: 'own', fault: { fault: 'reset', at: 'head' }, ...busy },
    { says: 'a proper end after the head', at: 'own', fault: { fault: 'end', at: 'head' }, ...busy, ...streamOnly },
    { says: 'reset after message_start', at: 'own', fault: { fault: 'reset', at: 'message_start' }, ...busy },
    { says: 'closed after a ping', at: 'kimi', fault: { fault: 'close', at: 'ping' }, ...busy },
    { says: 'reset in the middle of the first event', at: 'own', fault: { fault: 'reset', at: 40 }, ...busy },
    { says: 'a proper end in the middle of the first event', at: 'own', fault: { fault: 'end', at: 40 }, ...busy, ...streamOnly },
    { says: 'no HTTP at all', at: 'own', fault: { fault: 'garbage', at: 'start' }, ...unreachable },
    { says: 'junk after the head', at: 'own', fault: { fault: 'garbage' }, ...busy, ...streamOnly },
    { says: '200 without a body', at: 'own', fault: { fault: 'empty_200' }, ...busy },
    { says: 'a stream without an event', at: 'own', fault: { fault: 'empty_stream' }, ...busy },
    { says: 'JSON that ends half-way', at: 'own', fault: raw(200, '{"type":"message","content":[{"type":"text","te'), ...busy },
    { says: 'a head of 1 MB', at: 'own', fault: { fault: 'huge_header' }, ...hop },
    { says: 'no such name', at: 'deepseek', fault: { fault: 'pass' }, ...unreachable, also: { sections: { deepseek: 'url = "https://nobody.invalid/anthropic"' }, unheard: true } },
    { says: 'no TLS there', at: 'kimi', fault: { fault: 'pass' }, ...unreachable, also: { tls: true, unheard: true } },
    { says: 'silence before the head', at: 'own', fault: { fault: 'stall' }, ...busy, ...streamOnly, also: { config: 'first_byte_timeout = 1\nmax_retries = 1' }, retries: 1 },
    { says: 'silence after message_start', at: 'own', fault: { fault: 'stall', at: 'message_start' }, ...busy, ...streamOnly, also: { config: 'first_byte_timeout = 1\nmax_retries = 1' }, retries: 1 },
    { says: 'pings and nothing else', at: 'own', fault: { fault: 'pings', delay_ms: 50 }, ...busy, ...streamOnly, also: { config: 'first_byte_timeout = 1\nmax_retries = 1' }, retries: 1 },
  ]],
  ['Death after the first content', [
    { says: 'reset in the middle of an event', at: 'own', fault: { fault: 'half_event', end: 'reset' }, ...died },
    { says: 'closed in the middle of an event', at: 'deepseek', fault: { fault: 'half_event', end: 'close' }, ...died },
    { says: 'a proper end in the middle of an event', at: 'own', fault: { fault: 'half_event', end: 'clean' }, ...died, ...streamOnly },
    { says: 'reset in the middle of a UTF-8 sequence of the first content', at: 'own', fault: { fault: 'reset', at: 'utf8' }, ...busy },
    { says: 'Content-Length too short, in the middle of the content', at: 'own', fault: { fault: 'wrong_length_short', bytes: 400 }, verdict: { stream: 'died', json: 'cool' }, again: true, rest: SHORT, whom: 'account' },
    { says: 'overloaded_error in the middle', at: 'own', fault: { fault: 'overloaded_event', at: 'text' }, ...died, ...streamOnly },
    { says: 'silence in the middle', at: 'own', fault: { fault: 'stall', at: 'text' }, ...died, ...streamOnly, also: { config: 'idle_timeout = 1' } },
  ]],
  ['The credential', [
    { says: '401 for the client\'s own login', at: 'own', fault: { fault: 'unauthorized' }, ...pass },
    { says: '403 for the client\'s own login', at: 'own', fault: { fault: 'forbidden_key' }, ...pass },
    ...['claude_pro', 'deepseek', 'kimi', 'claude_api'].flatMap(at => ['unauthorized', 'forbidden_key'].map(fault => ({ says: `${fault === 'unauthorized' ? 401 : 403} for a stored one`, at, fault: { fault }, ...bench }))),
    ...['own', 'claude_pro', 'deepseek', 'kimi'].map(at => ({ says: '403 about the model', at, fault: { fault: 'forbidden_model' }, ...hop })),
    { says: '400, for Claude Code only', at: 'own', ...hop, fault: raw(400, error('invalid_request_error', 'This credential is only authorized for use with Claude Code and cannot be used for other API requests.')) },
    { says: '401 as the first event, the client\'s own login', at: 'own', fault: { fault: 'error_event', type: 'authentication_error' }, verdict: 'pass', as: 401, ...streamOnly },
  ]],
  ['The request', [
    ...['own', 'claude_api'].map(at => ({ says: '404, the model is unknown', at, fault: { fault: 'unknown_model' }, ...hop })),
    { says: 'the model and its successors are unknown', at: 'deepseek', fault: { fault: 'unknown_model' }, verdict: 'hop', names: 2 },
    { says: 'the model and its successors are unknown', at: 'kimi', fault: { fault: 'unknown_model' }, verdict: 'hop', names: 3 },
    ...['own', 'claude_pro', 'claude_api'].flatMap(at => [['400', 'bad_request'], ['413', 'too_large'], ['422', 'unprocessable']].map(([status, fault]) => ({ says: `${status} that blames the request`, at, fault: { fault }, ...pass }))),
    { says: '400, the prompt is too long', at: 'own', ...pass, fault: { fault: 'bad_request', message: 'prompt is too long: 203052 tokens > 200000 maximum' } },
    { says: '400 as the first event', at: 'own', fault: { fault: 'error_event', type: 'invalid_request_error' }, verdict: 'pass', as: 400, ...streamOnly },
    ...['deepseek', 'kimi'].flatMap(at => [['400', 'bad_request'], ['413', 'too_large'], ['422', 'unprocessable']].map(([status, fault]) => ({ says: `${status} that blames our rewriting`, at, fault: { fault }, ...hop }))),
  ]],
];

const seconds = rest => (rest === undefined ? '–' : Array.isArray(rest) ? `${rest[0]} to ${rest[1]} s` : `${rest} s`);
const word = row => [row.again ? 'retry, then' : '', typeof row.verdict === 'string' ? row.verdict : `stream: ${row.verdict.stream}; JSON: ${row.verdict.json}`].join(' ').trim();

// The table as Markdown.
export function page() {
  let text = '';
  for (const [title, rows] of groups) {
    text += `### ${title}\n\n| Answer | At | Verdict | Rest | Whose |\n|---|---|---|---|---|\n`;
    for (const row of rows) text += `| ${row.says.replaceAll('|', '\\|')}${row.only ? ` (${row.only})` : ''} | ${row.at} | ${word(row)} | ${seconds(row.rest)} | ${row.whom ?? '–'} |\n`;
    text += '\n';
  }
  return text;
}

if (process.argv[1] === new URL(import.meta.url).pathname) process.stdout.write(page());
