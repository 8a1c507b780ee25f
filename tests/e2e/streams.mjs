// SPDX-License-Identifier: MIT
// Streams: what arrives is what was sent, nothing before its first content, and a death in the middle that Claude Code survives.
import assert from 'node:assert/strict';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { all, check } from './lib/case.mjs';
import { begin, message, post, textOf } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { CLAUDE_CODE, ask, assembled, asked, keys, login, session, standing, timed, who } from './lib/scene.mjs';

const tool = { name: 'Bash', description: 'runs', input_schema: { type: 'object', properties: { command: { type: 'string' } } } };
const thinking = { max_tokens: 20_000, thinking: { type: 'adaptive' }, tools: [tool] };
const claudeCode = n => ({ ...login, 'user-agent': CLAUDE_CODE, 'x-claude-code-session-id': session(n) });

// --- Split at every byte -----------------------------------------------------------------------------------------------

// Numbers that the simulator counts up are no difference.
const alike = bytes => bytes.toString('utf8').replace(/(msg|toolu)_(\w+?)_\d+/g, '$1_$2_N').replace(/call_00_\w+/g, 'call_00_N').replace(/(functions-2e\w+-3a)\d+/g, '$1N').replace(/(EqoBCkgI\w+?)[0-9a-f]{12}(\S*\/)[0-9a-f]{12}/g, '$1N$2N')
  .replace(/[0-9a-f]{8}-5eed-4dee-8eec-[0-9a-f]{12}/g, 'UUID');

// What the provider itself says to the very request that arrived there.
async function said(r, provider) {
  const request = (await r.sim.requests(provider)).at(-1);
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !/^(host|content-length|connection)$/.test(name)));
  return (await post(`http://127.0.0.1:${r.sim.ports[provider]}${request.path}`, request.body, headers)).body;
}

const texts = { text: 'SIM:SAY Größe, 漢字 and 🙂 in some words', 'a tool call': 'SIM:TOOLS 1' };
for (const provider of ['claude_pro', 'deepseek', 'kimi']) {
  for (const [what, text] of Object.entries(texts)) {
    check(`${provider}: ${what}, each byte in a segment of its own, arrives as if it came whole`, async t => {
      const r = await router(t, { tokens: keys, order: [provider] });
      const plain = await ask(r, true, text, login, thinking);
      assembled(plain.events);
      if (provider === 'claude_pro') assert.equal(alike(plain.bytes), alike(await said(r, provider)), 'byte for byte as the provider sent it');
      else assert.match(String(plain.bytes), new RegExp(`router\\.${provider}\\.`), 'thinking is marked');
      await r.sim.next(provider, { fault: 'split' });
      const split = await ask(r, true, text, login, thinking);
      assert.equal(alike(split.bytes), alike(plain.bytes));
      await r.sim.next(provider, { fault: 'split' });
      assert.equal((await ask(r, false, 'SIM:SAY Größe', login)).text, 'Größe', 'and so does JSON');
    });
  }

  check(`${provider}: cut in two at ${all ? 'every' : 'any of many'} byte positions, it arrives as if it came whole`, { timeout: 300 }, async t => {
    const r = await router(t, { tokens: keys, order: [provider], procs: 1 });
    const plain = await ask(r, true, texts.text, login, thinking);
    const length = (await said(r, provider)).length;
    for (let at = 1; at < length; at += all ? 1 : 13) {
      await r.sim.next(provider, { fault: 'pause', at, delay_ms: 2 });
      assert.equal(alike((await ask(r, true, texts.text, login, thinking)).bytes), alike(plain.bytes), `cut after ${at} of ${length} bytes`);
    }
  });
}

const odd = {
  'CR LF': s => s.replaceAll('\n', '\r\n'),
  'no blank after the colon': s => s.replaceAll(/^(event|data): /gm, '$1:'),
  'comments between': s => s.replaceAll(/\n\n(?=e)/g, '\n\n: a comment\n\n'),
  'unknown events and fields': s => s.replace('event: content_block_start', 'event: something_new\ndata: {"type":"something_new"}\nid: 17\nretry: 3\n\nevent: content_block_start'),
  'data in two lines': s => s.replace('data: {"type":"content_block_delta",', 'data: {"type":"content_block_delta",\ndata: '),
  'a byte order mark': s => `\uFEFF${s}`,
};
for (const [what, form] of Object.entries(odd)) {
  check(`a Claude stream goes on byte for byte: ${what}`, async t => {
    const r = await router(t, { tokens: keys, order: ['claude_pro'] });
    const plain = (await ask(r, true)).bytes.toString();
    const body = form(plain);
    assert.notEqual(body, plain);
    await r.sim.next('claude_pro', { fault: 'raw', content_type: 'text/event-stream; charset=utf-8', body });
    assert.equal(String((await ask(r, true)).bytes), body);
  });
}

// --- The gate -----------------------------------------------------------------------------------------------------------

check('nothing is sent before the first content, and then each event at once', async t => {
  const r = await router(t, { tokens: keys });
  await r.sim.gate('claude_pro', { hold: true });
  const request = begin(r.url + '/v1/messages', { ...message('SIM:SAY one two three'), stream: true }, login);
  await r.sim.requests('claude_pro', { wait: 1 });
  let answered = false;
  request.answer.then(() => { answered = true; });
  await r.sim.gate('claude_pro', { release: 3 });
  await eventually('message_start, a ping and the start of a block are out', async () => (await r.sim.requests('claude_pro'))[0].events === 3);
  await sleep(150);
  assert.ok(!answered, 'and held');
  await r.sim.gate('claude_pro', { release: 1 });
  const s = await request.answer;
  const kinds = [];
  for (let i = 0; i < 4; i++) kinds.push((await s.next(5)).event);
  assert.deepEqual(kinds, ['message_start', 'ping', 'content_block_start', 'content_block_delta']);
  for (let event; event !== 'message_stop';) {
    assert.ok(!s.waiting, 'none before it is sent');
    await r.sim.gate('claude_pro', { release: 1 });
    ({ event } = await s.next(5));
  }
  await r.sim.gate('claude_pro', { hold: false });
  await s.rest();
});

for (const fault of [{ fault: 'close', at: 'message_start' }, { fault: 'close', at: 'text_start' }, { fault: 'reset', at: 'ping' }, { fault: 'end', at: 'ping' }, { fault: 'overloaded_event', at: 'ping' }]) {
  check(`a provider that fails before content leaks no byte: ${fault.fault} at ${fault.at}`, async t => {
    const r = await router(t, { tokens: keys, config: 'retry_delay = 0.01' });
    await r.sim.next('claude_pro', { ...fault, times: 2 });
    const answer = await ask(r, true, 'SIM:SAY the answer', claudeCode(1));
    assert.equal(who(answer), 'deepseek', String(answer.bytes));
    assembled(answer.events);
    assert.equal(answer.text, 'the answer');
    assert.doesNotMatch(String(answer.bytes), /claude_pro/);
    assert.deepEqual(await asked(r, 'claude_pro', 'deepseek'), [2, 1]);
  });
}

// --- Silence and pings ---------------------------------------------------------------------------------------------------

check('pings before content are relayed, in their order', async t => {
  const r = await router(t, { tokens: keys, config: 'idle_timeout = 1' });
  await r.sim.next('claude_pro', { fault: 'pings', at: 'ping', delay_ms: 50, count: 5 });
  const answer = await ask(r, true);
  assert.equal(answer.events.findIndex(e => e.event === 'content_block_start'), 7);
  assert.equal(answer.events.filter(e => e.event === 'ping').length, 6);
  assert.equal(answer.text, 'the answer');
});

check('pings alone before content are no life beyond first_byte_timeout', async t => {
  const r = await router(t, { tokens: keys, config: 'first_byte_timeout = 1\nmax_retries = 0' });
  await r.sim.next('claude_pro', { fault: 'pings', at: 'ping', delay_ms: 50 });
  const { value: answer, ms } = await timed(() => ask(r, true));
  assert.equal(who(answer), 'deepseek');
  assert.ok(ms >= 950 && ms < 3000, `${ms} ms`);
  assert.equal((await standing(r, 'claude_pro')).state, 'resting');
});

check('pings in the middle are relayed while they come, and end silence', async t => {
  const r = await router(t, { tokens: keys, config: 'idle_timeout = 1\nfirst_byte_timeout = 10' });
  await r.sim.next('claude_pro', { fault: 'pings', at: 'text', delay_ms: 300, count: 6 });
  const answer = await ask(r, true);
  assert.equal(answer.text, 'the answer');
  assert.equal(answer.events.filter(e => e.event === 'ping').length, 7);
  assert.equal((await standing(r, 'claude_pro')).state, 'ready');
});

check('pings alone in the middle are no life beyond first_byte_timeout', async t => {
  const r = await router(t, { tokens: keys, config: 'idle_timeout = 3\nfirst_byte_timeout = 1' });
  await r.sim.next('claude_pro', { fault: 'pings', at: 'text', delay_ms: 100 });
  const { value: answer, ms } = await timed(() => ask(r, true));
  assert.ok(ms >= 950 && ms < 2800, `${ms} ms`);
  assert.equal(answer.events.at(-1).event, 'error');
  assert.ok(answer.events.filter(e => e.event === 'ping').length >= 5, 'they were relayed');
  assert.equal((await standing(r, 'claude_pro')).state, 'resting');
});

check('silence before content ends after first_byte_timeout, in the middle after idle_timeout', async t => {
  const r = await router(t, { tokens: keys, config: 'first_byte_timeout = 2\nidle_timeout = 1\nmax_retries = 0' });
  await r.sim.next('claude_pro', { fault: 'stall' });
  const first = await timed(() => ask(r, true));
  assert.equal(who(first.value), 'deepseek');
  assert.ok(first.ms >= 1950 && first.ms < 4000, `${first.ms} ms`);
  await r.sim.next('deepseek', { fault: 'stall', at: 'text' });
  const second = await timed(() => ask(r, true));
  assert.equal(second.value.events.at(-1).event, 'error');
  assert.ok(second.ms >= 950 && second.ms < 3000, `${second.ms} ms`);
  assert.equal(who(await ask(r, true)), 'kimi');
});

// --- Death in the middle (CLIENT.md 4) -------------------------------------------------------------------------------------

const deaths = {
  close: { fault: 'close' },
  reset: { fault: 'reset' },
  'a proper end of the transfer': { fault: 'end' },
  silence: { fault: 'stall' },
  overloaded_error: { fault: 'overloaded_event' },
  api_error: { fault: 'error_event' },
};
const CUT = 'max_tokens';
const places = [
  // place, what the model does, how the message must end for Claude Code
  ['thinking', 'SIM:SAY half of it', 'error'],
  ['thinking_end', 'SIM:SAY half of it', 'error'],
  ['text_start', 'SIM:SAY half of it', 'error'], // its start waits for a word, so only thinking was sent,
  ['text', 'SIM:SAY half of it', CUT],
  ['text_end', 'SIM:SAY half of it', CUT],
  ['tool_start', 'SIM:TOOLS 1', 'error'],
  ['tool', 'SIM:TOOLS 1', CUT],
  ['tool_end', 'SIM:TOOLS 1', 'tool_use'],
  ['message_delta', 'SIM:SAY half of it', 'end_turn'],
];

function mended(answer, place, end) {
  const whole = assembled(answer.events);
  assert.equal(whole.stop_reason, end);
  const last = whole.content.at(-1);
  if (last.type !== 'tool_use') return;
  if (end === 'tool_use') assert.doesNotThrow(() => JSON.parse(last.json), 'a complete call is run');
  else assert.throws(() => JSON.parse(last.json), `a half call is not run: ${last.json}`);
}

for (const [how, fault] of Object.entries(deaths)) {
  for (const [place, text, end] of places) {
    if (place === 'message_delta' && how.includes('_error')) continue;
    check(`Claude Code, ${how} at ${place}: ${end === 'error' ? 'event: error' : `ends with ${end}`}, and the next request goes elsewhere`, async t => {
      const r = await router(t, { tokens: keys, config: 'idle_timeout = 1\nretry_delay = 0.01' });
      await r.sim.next('claude_pro', { ...fault, at: place });
      const answer = await ask(r, true, text, claudeCode(1), thinking);
      assert.equal(answer.status, 200);
      if (end !== 'error') {
        mended(answer, place, end);
      } else {
        assert.equal(answer.events.at(-1).event, 'error');
        assert.equal(answer.events.at(-1).data.error.type, how === 'api_error' ? 'api_error' : 'overloaded_error');
      }
      if (end === CUT || end === 'tool_use') assert.match(r.log(), new RegExp(`mended=${end}`));
      if (end === 'end_turn') return;
      assert.equal((await standing(r, 'claude_pro')).state, 'resting');
      const next = await ask(r, true, text, claudeCode(1), thinking);
      assert.equal(who(next), 'deepseek');
      assembled(next.events);
    });
    if (['thinking_end', 'message_delta'].includes(place)) continue;
    check(`another client, ${how} at ${place}: event: error, never a clean end`, async t => {
      const r = await router(t, { tokens: keys, config: 'idle_timeout = 1\nretry_delay = 0.01' });
      await r.sim.next('claude_pro', { ...fault, at: place });
      const answer = await ask(r, true, text, { ...claudeCode(1), 'user-agent': 'anthropic-sdk/1.12.0' }, thinking);
      const kinds = answer.events.map(e => e.event);
      assert.equal(kinds.at(-1), 'error', kinds.join(' '));
      assert.equal(answer.events.at(-1).data.error.type, how === 'api_error' ? 'api_error' : 'overloaded_error');
      assert.ok(!kinds.includes('message_stop') && !kinds.includes('message_delta'), kinds.join(' '));
      assert.equal((await standing(r, 'claude_pro')).state, 'resting');
      assert.equal(who(await ask(r, true, text, claudeCode(1), thinking)), 'deepseek');
    });
  }
}

for (const provider of ['deepseek', 'kimi']) {
  check(`a marked stream dies as well: ${provider}`, async t => {
    const r = await router(t, { tokens: keys, order: [provider, 'claude_pro'] });
    await r.sim.next(provider, { fault: 'close', at: 'text' });
    const answer = await ask(r, true, 'SIM:SAY half of it', claudeCode(1), thinking);
    mended(answer, 'text', CUT);
    const [thought] = assembled(answer.events).content;
    assert.match(thought.signature, new RegExp(`^router\\.${provider}\\.`));
    assert.equal(who(await ask(r, true, 'SIM:SAY half of it', claudeCode(1), thinking)), 'claude_pro');
  });
}

check('a UTF-8 sequence that is cut is no clean end and no broken text', async t => {
  const r = await router(t, { tokens: keys });
  const text = 'SIM:SAY first some words, and then 漢字';
  const whole = (await ask(r, true, text)).bytes;
  const at = whole.indexOf(Buffer.from('漢')) + 1;
  await r.sim.next('claude_pro', { fault: 'reset', at });
  const answer = await ask(r, true, text, claudeCode(1));
  assert.equal(assembled(answer.events).stop_reason, CUT);
  assert.doesNotMatch(String(answer.bytes), /\uFFFD/);
});

check('at most twice in a row for a session is a cut made to look like an end', async t => {
  const r = await router(t, { tokens: keys });
  const ends = [];
  const turn = async (n, cut, headers = claudeCode(n)) => {
    const provider = (await r.status()).current_provider;
    if (cut) await r.sim.next(provider, { fault: 'close', at: 'text' });
    const answer = await ask(r, true, 'SIM:SAY half of it', headers);
    const end = answer.events.at(-1).event === 'error' ? 'error' : assembled(answer.events).stop_reason;
    if (cut) r.clock.forward('10m'); // all are back
    return end;
  };
  for (let i = 0; i < 3; i++) ends.push(await turn(1, true));
  assert.deepEqual(ends, [CUT, CUT, 'error']);
  assert.equal(await turn(2, true), CUT, 'another session');
  assert.equal(await turn(1, true, { ...claudeCode(1), 'x-claude-code-agent-id': 'af21' }), CUT, 'a sub-agent is another one');
  assert.equal(await turn(1, false), 'end_turn');
  assert.equal(await turn(1, true), CUT, 'after an answer that was whole');
});

check('message_stop is the end, whatever the transport does then', async t => {
  const r = await router(t, { tokens: keys });
  await r.sim.next('claude_pro', { fault: 'stall', at: 'end' });
  const { value: answer, ms } = await timed(() => ask(r, true));
  assert.equal(assembled(answer.events).stop_reason, 'end_turn');
  assert.ok(ms < 2000, `${ms} ms`);
  for (const fault of ['reset', 'close']) {
    await r.sim.next('claude_pro', { fault, at: 'end' });
    assembled((await ask(r, true)).events);
  }
  assert.equal((await standing(r, 'claude_pro')).state, 'ready');
});

// --- Slow clients ------------------------------------------------------------------------------------------------------------

// Reads nothing for a while, and then by small pieces: the text and how much the provider had to wait.
function slowly(r, value) {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ ...value, stream: true });
    const headers = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'content-length': Buffer.byteLength(body), ...login };
    const request = http.request({ host: '127.0.0.1', port: r.port, method: 'POST', path: '/v1/messages', headers, highWaterMark: 4096 });
    request.on('error', reject).on('response', async response => {
      const parts = [];
      let bytes = 0, paused = 0;
      await sleep(500);
      for await (const part of response) {
        parts.push(part);
        bytes += part.length;
        if (bytes > (paused + 1) * 500_000) { paused++; await sleep(20); }
      }
      resolve(Buffer.concat(parts).toString());
    });
    request.end(body);
  });
}

for (const provider of ['claude_pro', 'deepseek']) {
  check(`a slow client loses no byte of ${provider}'s stream`, { timeout: 120 }, async t => {
    const r = await router(t, { tokens: keys, order: [provider] });
    const words = all ? 200_000 : 60_000;
    const text = await slowly(r, message(`SIM:LONG ${words}`));
    const said = [...text.matchAll(/"text":"(w\d+ )"/g)].map(match => match[1]);
    assert.equal(said.length, words);
    said.forEach((word, i) => { if (word !== `w${i + 1} `) assert.fail(`word ${i + 1} is ${word}`); });
    assert.match(text, /event: message_stop\ndata: \{"type":"message_stop"\}\n\n$/);
    assert.equal((await standing(r, provider)).state, 'ready');
  });
}

check('two clients of different speed do not hinder one another', { timeout: 120 }, async t => {
  const r = await router(t, { tokens: keys, procs: 1 });
  const slow = slowly(r, message('SIM:LONG 60000'));
  await r.sim.requests('claude_pro', { wait: 1 });
  const { value: answer, ms } = await timed(() => r.stream(message('SIM:SAY quick'), login).then(s => s.rest()));
  assert.equal(textOf(answer), 'quick');
  assert.ok(ms < 2000, `${ms} ms`);
  assert.match(await slow, /message_stop"\}\n\n$/);
});
