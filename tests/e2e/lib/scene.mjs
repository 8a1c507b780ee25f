// SPDX-License-Identifier: MIT
// What the failover cases share: clients that ask in both ways, whole messages, and who rests until when.
import assert from 'node:assert/strict';
import { LOGIN, bearer, message } from './client.mjs';
import { stored } from './router.mjs';

export const OAUTH_BETA = 'oauth-2025-04-20';
export const person = name => ({ ...bearer(`sk-ant-oat01-e2e-login-of-${name}`), 'anthropic-beta': OAUTH_BETA });
export const login = { ...bearer(LOGIN), 'anthropic-beta': OAUTH_BETA };
export const CLAUDE_CODE = 'claude-cli/2.1.330 (external, sdk-cli)';
export const session = n => `5e551011-0000-4000-8000-${String(n).padStart(12, '0')}`;
export const who = answer => answer.headers['x-router-provider'];
export const attempts = answer => Number(answer.headers['x-router-attempts']);

// No stored login: claude_pro is the client's own account, and its figures are what the status shows.
export const { claude_pro: storedLogin, ...keys } = stored;

// One request, streamed or not: { status, headers, bytes, events (of a stream), json, text }. A transport that breaks is
// an error: the router's own answers never do.
export async function ask(r, streamed, text = 'SIM:SAY the answer', headers = login, fields = {}) {
  if (!streamed) {
    const answer = await r.post(message(text, fields), headers);
    const json = /json/.test(answer.headers['content-type']) ? answer.json : undefined;
    return { status: answer.status, headers: answer.headers, bytes: answer.body, json, text: spoken(json?.content) };
  }
  const s = await r.stream(message(text, fields), headers);
  const events = await s.rest();
  assert.ok(s.complete && !s.broken, `the stream to the client ended as HTTP wants it: ${s.bytes}`);
  if (/event-stream/.test(s.headers['content-type'])) return { status: s.status, headers: s.headers, bytes: s.bytes, events, text: saidIn(events) };
  return { status: s.status, headers: s.headers, bytes: s.bytes, json: JSON.parse(s.bytes) };
}

const spoken = content => (content ?? []).map(block => block.text ?? '').join('');
const saidIn = events => events.map(e => e.data?.delta?.text ?? '').join('');

// A streamed message put together as the SDK does it: { content, stop_reason }. Events out of their order are an error.
export function assembled(all) {
  const events = all.filter(e => e.event !== undefined); // but comments
  const kinds = events.map(e => e.event).filter(kind => kind !== 'ping');
  const order = `in the order of the protocol: ${kinds.join(' ')}`;
  assert.equal(kinds[0], 'message_start', order);
  const content = [];
  let open, stop_reason, stopped = false;
  for (const { event, data } of events.slice(1)) {
    assert.ok(!stopped, order);
    if (event === 'ping') continue;
    if (event === 'content_block_start') {
      assert.ok(open === undefined && stop_reason === undefined && data.index === content.length, order);
      content.push(structuredClone(data.content_block));
      open = content.at(-1);
      if (open.type.endsWith('tool_use')) open.json = '';
    } else if (event === 'content_block_delta') {
      assert.ok(open !== undefined && data.index === content.length - 1, order);
      const d = data.delta;
      if (d.type === 'text_delta') open.text += d.text;
      else if (d.type === 'thinking_delta') open.thinking += d.thinking;
      else if (d.type === 'signature_delta') open.signature = d.signature;
      else if (d.type === 'input_json_delta') open.json += d.partial_json;
      else assert.fail(`a delta of type ${d.type}`);
    } else if (event === 'content_block_stop') {
      assert.ok(open !== undefined && data.index === content.length - 1, order);
      open = undefined;
    } else if (event === 'message_delta') {
      assert.ok(open === undefined, order);
      stop_reason = data.delta.stop_reason;
    } else if (event === 'message_stop') {
      assert.ok(stop_reason !== undefined, order);
      stopped = true;
    } else assert.fail(`an event ${event}; ${order}`);
  }
  assert.ok(stopped, `ends with message_stop: ${kinds.join(' ')}`);
  return { content, stop_reason };
}

// A provider in /v1/status, and the seconds of its rest from the router's clock on (undefined: it does not rest).
export async function standing(r, name) {
  const p = (await r.status()).providers[name];
  return { ...p, seconds: p.until === null ? undefined : (Date.parse(p.until) - r.clock.now()) / 1000 };
}

export async function asked(r, ...names) {
  const counts = [];
  for (const name of names) counts.push((await r.sim.requests(name)).length);
  return counts;
}

// An error that the router made or passed on: Anthropic's shape, or the provider's own.
export function assertError(answer) {
  assert.ok(answer.status >= 400 && answer.status <= 599, `status ${answer.status}`);
  assert.equal(typeof answer.json?.error, 'object', `an error's shape: ${answer.bytes}`);
}

// A generator of numbers from 0 to 1 that a seed repeats (mulberry32).
export function random(seed) {
  let a = seed >>> 0;
  const next = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  next.below = n => Math.floor(next() * n);
  next.of = list => list[next.below(list.length)];
  return next;
}

export async function timed(what) {
  const began = Date.now();
  const value = await what();
  return { value, ms: Date.now() - began };
}
