// SPDX-License-Identifier: MIT
// The simulated OpenAI by itself, and whether it refuses what the real one does, in its words.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { request } from './client.mjs';
import { Simulator } from './simulator.mjs';

export const KEY = { authorization: 'Bearer sk-x' };

export async function simulator(t) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-sim-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return Simulator.start(t, dir);
}

// Without Anthropic's headers, which are a problem here.
export function post(url, body, headers) {
  return request(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) });
}

// rules: [what, fields of the body, the refusal's words or null, its code, its param, its status]; ask(sim, fields) sends them.
export async function judge(t, rules, ask) {
  const sim = await simulator(t), wrong = [];
  for (const [what, fields, words, code = null, param, status = 400] of rules) {
    const answer = await ask(sim, fields);
    const error = answer.status === 200 ? undefined : answer.json.error;
    const fine = words === null ? answer.status === 200
      : answer.status === status && words.test(error.message) && error.code === code && error.type === 'invalid_request_error' && (param === undefined || error.param === param);
    if (!fine) wrong.push(`${what}: ${answer.status} ${JSON.stringify(error)}`);
  }
  assert.deepEqual(wrong, []);
  const taken = (await sim.requests('openai')).filter(r => r.status === 200).flatMap(r => r.problems);
  assert.deepEqual(taken, []);
  return sim;
}
