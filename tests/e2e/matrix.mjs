// SPDX-License-Identifier: MIT
// Every way a provider can fail (lib/matrix-table.mjs) × streamed or not × the first of two or the only one: what was asked at
// the simulator, what arrived at the client, who rests until when, and that it is back afterwards.
import assert from 'node:assert/strict';
import { all, check } from './lib/case.mjs';
import { groups } from './lib/matrix-table.mjs';
import { router, stored } from './lib/router.mjs';
import { ask, assembled, asked, attempts, keys, login, person, standing, who } from './lib/scene.mjs';

const SAY = 'SIM:SAY 漢字 is the answer';
const TEXT = '漢字 is the answer';
const MAX_RETRIES = 3;

// By default the whole table streamed with a first provider that fails; of the other three quarters each fourth row.
let n = 0;
for (const [title, rows] of groups) {
  for (const row of rows) {
    for (const streamed of [true, false]) {
      if (row.only === 'stream' && !streamed) continue;
      for (const first of [true, false]) {
        const sample = (streamed && first) || row.always || n++ % 4 === 0;
        if (!all && !sample) continue;
        check(`${title}: ${row.says}, ${row.at}, ${streamed ? 'stream' : 'no stream'}, ${first ? 'first' : 'last'}`, t => cell(t, row, streamed, first));
      }
    }
  }
}

async function cell(t, row, streamed, first) {
  const name = row.at === 'own' ? 'claude_pro' : row.at;
  const next = name === 'kimi' ? 'deepseek' : 'kimi';
  const { config = '', sections = {}, model = 'claude-sonnet-5-5', unheard, tls } = row.also ?? {};
  const fields = { model, max_tokens: 2000 };
  const verdict = typeof row.verdict === 'string' ? row.verdict : row.verdict[streamed ? 'stream' : 'json'];
  const r = await router(t, {
    procs: 1, tokens: row.at === 'own' ? keys : stored, order: first ? [name, next] : [name], sections,
    config: `retry_delay = 0.01\nhold = 0\n${config}`,
    ...(tls || sections[name]?.includes('url') ? { whole: (sim, self) => whole(sim, self, first ? [name, next] : [name], tls ? name : undefined, sections, config) } : {}),
  });
  const headers = row.at === 'own' ? login : { 'x-api-key': 'dummy' };
  const told = typeof row.fault === 'function' ? row.fault(r.clock.epoch()) : row.fault;
  const fault = told.at === 'utf8' ? { ...told, at: await insideCharacter(r, name, streamed, fields, headers) } : told;
  if (told.at === 'utf8') await r.sim.control('DELETE', `/sim/${name}/requests`);

  await r.sim.next(name, { ...fault, times: -1 });
  const answer = await ask(r, streamed, SAY, headers, fields);
  await r.sim.clear(name);

  const times = (row.names ?? 1) * (row.again && verdict !== 'died' ? (first ? 2 : 1 + (row.retries ?? MAX_RETRIES)) : 1);
  const taken = unheard || fault.fault === 'refuse' ? 0 : times;
  const hops = first && !['pass', 'served', 'died'].includes(verdict);
  if (fault.fault !== 'refuse') assert.deepEqual(await asked(r, name, next), [taken, hops ? 1 : 0], `asked at ${name} and ${next}`);
  else assert.deepEqual(await asked(r, next), [hops ? 1 : 0], `asked at ${next}`);
  assert.deepEqual(await asked(r, 'backup'), [0], 'redirects are not followed');
  assert.equal(attempts(answer), times + (hops ? 1 : 0));
  if (told.at === 'utf8') assert.ok((await r.sim.requests(name)).every(request => request.fault === 'reset'));

  await what[hops ? 'hopped' : verdict](r, answer, { row, name, next, streamed, verdict });
  await resting(r, { row, name, next, verdict, headers, fields, streamed, first, unheard });
}

// The places where a name of 127.0.0.1 does not do.
function whole(sim, self, order, tls, sections, config) {
  const url = name => (name === tls ? sim.url(name).replace('http:', 'https:') : sim.url(name));
  const own = name => (sections[name]?.includes('url') ? sections[name] : `url = "${url(name)}"\n${sections[name] ?? ''}`);
  return [`tokens_file = "${self.tokensFile}"\nretry_delay = 0.01\nhold = 0\n${config}`, ...order.map(name => `provider ${name} {\n${own(name)}\n}`)].join('\n');
}

async function insideCharacter(r, name, streamed, fields, headers) {
  const { bytes } = await ask(r, streamed, SAY, headers, fields);
  const at = bytes.indexOf(Buffer.from('漢'));
  assert.ok(at > 0);
  return at + 1;
}

// --- What arrives at the client ---------------------------------------------------------------------------------------

function isAnswer(answer, streamed) {
  assert.equal(answer.status, 200, String(answer.bytes));
  assert.equal(answer.text, TEXT);
  if (streamed) assert.equal(assembled(answer.events).stop_reason, 'end_turn');
  else assert.equal(answer.json.stop_reason, 'end_turn');
}

const foreign = answer => Object.keys(answer.headers).filter(header => /location|cookie|sendfile|accel-redirect|steered|access-control|refresh|huge/.test(header));

const what = {
  served(r, answer, { name, streamed }) {
    isAnswer(answer, streamed);
    assert.equal(who(answer), name);
    assert.deepEqual(foreign(answer).filter(header => !/^anthropic-steered/.test(header)), []);
  },

  // Not a byte and not a header of whom failed.
  hopped(r, answer, { name, next, streamed }) {
    isAnswer(answer, streamed);
    assert.equal(who(answer), next);
    assert.doesNotMatch(String(answer.bytes), new RegExp(name));
    assert.doesNotMatch(answer.headers['request-id'] ?? '', new RegExp(name));
    assert.deepEqual(Object.keys(answer.headers).filter(header => /ratelimit|retry|huge|location/.test(header)), []);
  },

  // As the provider said it, byte for byte; an error event as the error that it stands for.
  async pass(r, answer, { row, name, streamed }) {
    const [request] = await r.sim.requests(name);
    assert.equal(answer.status, row.as ?? request.status, String(answer.bytes));
    assert.equal(answer.json.type, 'error');
    assert.equal(typeof answer.json.error.message, 'string');
    if (row.as === undefined) assert.match(String(answer.bytes), new RegExp(`"request_id":"req_${name}_`), 'the provider\'s own words');
    assert.equal(who(answer), name);
    assert.ok(!streamed || answer.headers['content-type'].includes('json'));
  },

  // Nobody else is left: the provider's answer if it gave one that may be shown, else an error of ours.
  async hop(r, answer, { row, name }) {
    const { status } = (await r.sim.requests(name)).at(-1);
    const secret = row.at !== 'own' && status === 403; // of a stored credential
    if (status >= 400 && !secret) assert.equal(answer.status, status, String(answer.bytes));
    else assert.ok(answer.status >= 429, `${answer.status} ${answer.bytes}`);
    assert.equal(typeof answer.json.error.message, 'string');
    assert.doesNotMatch(answer.json.error.message, /used up|Send it again/);
  },

  async cool(r, answer, { row, name }) {
    assert.equal(answer.status, 429, String(answer.bytes));
    assert.equal(answer.json.error.type, 'rate_limit_error');
    assert.ok(answer.json.error.message.includes(name), answer.json.error.message);
    const after = Number(answer.headers['retry-after']);
    const [least, most] = range(row.rest);
    assert.ok(Number.isInteger(after), `retry-after ${answer.headers['retry-after']}`);
    if (most <= 55) assert.ok(after >= least && after <= most, `retry-after ${after}`);
    else if (most <= 300) assert.equal(after, 55);
    else if (least > 300) assert.ok(after >= least && after <= most, `retry-after ${after}`);
    const unified = answer.headers['anthropic-ratelimit-unified-status'];
    if (row.at === 'own' && least > 300) assert.equal(unified, 'rejected');
    else if (most <= 300 || row.at !== 'own') assert.equal(unified, undefined);
  },

  bench(r, answer, { name }) {
    assert.equal(answer.status, 503, String(answer.bytes));
    assert.equal(answer.headers['x-should-retry'], 'false');
    assert.ok(answer.json.error.message.includes(name), answer.json.error.message);
  },

  died(r, answer) {
    assert.equal(answer.status, 200);
    assert.equal(answer.events[0].event, 'message_start');
    assert.equal(answer.events.at(-1).event, 'error', String(answer.bytes));
    assert.ok(!answer.events.some(e => e.event === 'message_stop'));
    assert.doesNotMatch(String(answer.bytes), /\uFFFD/);
  },
};

// --- Who rests -------------------------------------------------------------------------------------------------------

// A time that a provider named is kept, and never by much exceeded: jitter spreads the return.
const range = rest => (Array.isArray(rest) ? rest : [rest - 3, rest * 1.05 + 5]);
const opposite = { 'claude-opus-5-5': 'claude-sonnet-5-5', 'claude-sonnet-5-5': 'claude-opus-5-5' };

async function resting(r, { row, name, next, verdict, headers, fields, streamed, first, unheard }) {
  const now = await standing(r, name);
  const other = first ? next : undefined;
  if (other) assert.equal((await standing(r, other)).state, 'ready', `${other} stays ready`);
  if (row.whom === 'family') {
    assert.equal(now.state, 'ready', 'the account is ready');
    if (!first) return;
    assert.equal(who(await ask(r, streamed, SAY, headers, fields)), next, 'the family rests');
    assert.equal(who(await ask(r, streamed, SAY, headers, { ...fields, model: opposite[fields.model] })), name, 'others do not');
    r.clock.forward((row.rest * 1.05 + 5) * 1000);
    assert.equal(who(await ask(r, streamed, SAY, headers, fields)), name, 'back');
    return;
  }
  if (row.rest === undefined) {
    assert.equal(now.state, 'ready', `${name} stays ready: ${now.reason}`);
    assert.equal(who(await ask(r, streamed, SAY, headers, fields)), name, 'and is asked again');
    return;
  }
  assert.equal(now.state, verdict === 'bench' ? 'benched' : 'resting', now.reason);
  const [least, most] = range(row.rest);
  assert.ok(now.seconds >= least - 1 && now.seconds <= most, `rests for ${now.seconds} s, not ${least} to ${most}`);
  if (!first || unheard) return;
  if (row.at === 'own') assert.equal(who(await ask(r, streamed, SAY, person('somebody-else'), fields)), row.whom === 'everybody' ? next : name, 'another account');
  if (row.whom === 'account' || row.at !== 'own') assert.equal(who(await ask(r, streamed, SAY, headers, fields)), next, 'it rests');
  r.clock.forward(now.seconds * 1000 + 1000);
  assert.equal(who(await ask(r, streamed, SAY, headers, fields)), name, 'back when the rest is over');
  assert.equal((await standing(r, name)).state, 'ready');
}
