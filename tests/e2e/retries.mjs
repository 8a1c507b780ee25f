// SPDX-License-Identifier: MIT
// How often and how long: a request's attempts and its time are bounded, whatever the providers answer (BEHAVIOUR 5).
import assert from 'node:assert/strict';
import { all, check } from './lib/case.mjs';
import { API_KEY } from './lib/client.mjs';
import { router } from './lib/router.mjs';
import { ask, assembled, assertError, asked, attempts, keys, login, person, random, standing, timed, who } from './lib/scene.mjs';

const three = ['claude_pro', 'deepseek', 'kimi'];
const four = [...three, 'claude_api'];
const ways = { stream: true, 'no stream': false };

// --- The bound, by adversarial answers -----------------------------------------------------------------------------

// What a provider may do before its content; time limits are short, so that silence is one more kind of answer.
const nasty = [
  { fault: 'throttle_bare' }, { fault: 'throttle', retry_after: 0 }, { fault: 'throttle', retry_after: 1 }, { fault: 'overloaded' },
  { fault: 'internal' }, { fault: 'internal', headers: [['x-should-retry', 'true']] }, { fault: 'bad_gateway' }, { fault: 'unavailable' },
  { fault: 'timeout_504' }, { fault: 'html_200' }, { fault: 'html_200', status: 403 }, { fault: 'empty_200' }, { fault: 'empty_stream' },
  { fault: 'overloaded_event' }, { fault: 'error_event' }, { fault: 'reset' }, { fault: 'reset', at: 'half_head' }, { fault: 'close', at: 'head' },
  { fault: 'end', at: 'head' }, { fault: 'garbage', at: 'start' }, { fault: 'garbage' }, { fault: 'stall' }, { fault: 'stall', at: 'head' },
  { fault: 'truncated_gzip' }, { fault: 'unknown_model' }, { fault: 'forbidden_model' }, { fault: 'long_context_credits' },
  { fault: 'family_limit', reset: 2 }, { fault: 'usage_text', reset: 1 }, { fault: 'redirect' }, { fault: 'refuse' }, { fault: 'huge_header' },
];
// What a Claude provider may say of the request itself is passed on; of the others it is not.
const blaming = [{ fault: 'bad_request' }, { fault: 'too_large' }, { fault: 'unprocessable' }];

const DEADLINE = 4;
const limits = 'retry_delay = 0.02\nfirst_byte_timeout = 1\nidle_timeout = 1\nconnect_timeout = 1\n';

async function scripted(r, providers, dice, length, from = nasty) {
  for (const provider of providers) {
    const answers = [];
    for (let i = 0; i < length; i++) {
      const f = { ...dice.of(provider.startsWith('claude') ? from : [...from, ...blaming]) };
      if (dice() < 0.3) f.times = 1 + dice.below(4);
      answers.push(f.fault);
      await r.sim.next(provider, f);
    }
    r.t.evidence(`${provider} was told`, answers.join(' '));
  }
}

for (let seed = 1; seed <= (all ? 400 : 8); seed++) {
  check(`whatever they answer, 12 attempts and the deadline hold: seed ${seed}`, async t => {
    const dice = random(seed);
    const config = `${limits}hold = ${dice.of([0, 1, 3])}\ndeadline = ${DEADLINE}\nmax_retries = ${dice.of([0, 3, 10])}`;
    const r = await router(t, { tokens: keys, procs: 1, config, order: dice.of([four, three, ['claude_pro'], ['deepseek']]), problems: true });
    await scripted(r, four, dice, 30);
    const streamed = dice() < 0.5;
    const { value: answer, ms } = await timed(() => ask(r, streamed));
    const arrived = (await asked(r, ...four)).reduce((a, b) => a + b);
    assert.ok(arrived <= 12, `${arrived} requests arrived`);
    assert.ok(attempts(answer) <= 12, `${attempts(answer)} attempts`);
    assert.ok(ms < DEADLINE * 1000 + 700, `${ms} ms`);
    if (answer.status !== 200) assertError(answer);
    else if (streamed) assembled(answer.events);
    else assert.equal(answer.text, 'the answer');
  });
}

for (let seed = 1; seed <= (all ? 200 : 8); seed++) {
  check(`no request is lost while the last one can answer: seed ${seed}`, async t => {
    const dice = random(1000 + seed);
    const r = await router(t, { tokens: keys, procs: 1, config: `${limits}hold = 0\ndeadline = 60`, problems: true });
    // Without a stream there is no limit but the deadline: a model may think for long before its JSON comes.
    const streamed = dice() < 0.5;
    await scripted(r, three, dice, 10, streamed ? nasty : nasty.filter(f => f.fault !== 'stall'));
    const answer = await ask(r, streamed);
    assert.equal(answer.status, 200, `${answer.bytes}\n${r.log()}`);
    assert.equal(answer.text, 'the answer');
    if (answer.events) assembled(answer.events);
  });
}

// --- How often -----------------------------------------------------------------------------------------------------

for (const [way, streamed] of Object.entries(ways)) {
  for (const [max, counts] of [[0, [1, 1, 1]], [1, [2, 2, 2]], [3, [2, 2, 4]], [5, [2, 2, 6]]]) {
    check(`max_retries ${max}: the others one retry at most, the last one all of them (${way})`, async t => {
      const r = await router(t, { tokens: keys, order: three, config: `retry_delay = 0.01\nhold = 0\nmax_retries = ${max}` });
      for (const name of three) await r.sim.next(name, { fault: 'internal', times: -1 });
      const answer = await ask(r, streamed);
      assert.deepEqual(await asked(r, ...three), counts);
      assert.equal(attempts(answer), counts.reduce((a, b) => a + b));
      assert.equal(answer.status, 429, String(answer.bytes));
    });
  }

  check(`a single provider is the last one (${way})`, async t => {
    const r = await router(t, { tokens: keys, order: ['deepseek'], config: 'retry_delay = 0.01\nhold = 0' });
    await r.sim.next('deepseek', { fault: 'unavailable', times: 3 });
    const answer = await ask(r, streamed);
    assert.equal(answer.status, 200, String(answer.bytes));
    assert.equal(attempts(answer), 4);
  });

  check(`never more than twelve: retries, successors and holds together (${way})`, async t => {
    const r = await router(t, { tokens: keys, order: ['claude_pro'], config: 'retry_delay = 0.01\nhold = 60\nmax_retries = 10\ndeadline = "2m"' });
    await r.sim.next('claude_pro', { fault: 'internal', times: 10 });
    await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 0, times: -1 });
    const answer = await ask(r, streamed);
    assert.equal(answer.status, 429, String(answer.bytes));
    const [n] = await asked(r, 'claude_pro');
    assert.ok(n >= 11 && n <= 12, `${n} arrived`);
  });

  // --- How long ----------------------------------------------------------------------------------------------------

  check(`the first wait is retry_delay, each further one twice as long, within a quarter (${way})`, async t => {
    const r = await router(t, { tokens: keys, order: ['deepseek'], config: 'retry_delay = 0.2\nhold = 0' });
    await r.sim.next('deepseek', { fault: 'internal', times: 3 });
    assert.equal((await ask(r, streamed)).status, 200);
    const at = (await r.sim.requests('deepseek')).map(request => request.at_ms);
    for (const [i, wait] of [200, 400, 800].entries()) {
      const ms = at[i + 1] - at[i];
      assert.ok(ms >= wait * 0.75 - 5 && ms <= wait * 1.25 + 150, `wait ${i + 1} took ${ms} ms`);
    }
  });

  check(`a hop waits for nothing (${way})`, async t => {
    const r = await router(t, { tokens: keys, config: 'retry_delay = 20' });
    await r.sim.next('claude_pro', { fault: 'usage_limit' });
    await r.sim.next('deepseek', { fault: 'balance' });
    await r.sim.next('kimi', { fault: 'bad_request' });
    const { value: answer, ms } = await timed(() => ask(r, streamed));
    assert.equal(who(answer), 'claude_api', String(answer.bytes));
    assert.ok(ms < 2000, `${ms} ms`);
  });

  for (const fault of ['reset', 'close', 'refuse']) {
    check(`a connection failure is tried again at once, on a new connection: ${fault} (${way})`, async t => {
      const r = await router(t, { tokens: keys, procs: 1, config: 'retry_delay = 20' });
      assert.equal(who(await ask(r, streamed)), 'claude_pro');
      await r.sim.next('claude_pro', { fault });
      const { value: answer, ms } = await timed(() => ask(r, streamed));
      assert.equal(who(answer), 'claude_pro', String(answer.bytes));
      assert.ok(ms < 2000, `${ms} ms`);
      const connections = (await r.sim.requests('claude_pro')).map(request => request.connection);
      assert.notEqual(connections.at(-1), connections.at(-2));
      assert.equal((await standing(r, 'claude_pro')).state, 'ready');
    });
  }

  check(`x-should-retry: false is obeyed (${way})`, async t => {
    const r = await router(t, { tokens: keys, order: ['claude_api'], config: 'retry_delay = 0.01\nhold = 0' });
    await r.sim.next('claude_api', { fault: 'internal', headers: [['x-should-retry', 'false']], times: -1 });
    assert.equal((await ask(r, streamed)).status, 429);
    assert.deepEqual(await asked(r, 'claude_api'), [1]);
  });

  check(`the deadline ends a request that nobody answers, with an error that may be tried again (${way})`, async t => {
    const r = await router(t, { tokens: keys, config: 'deadline = 1.5\nhold = 0' });
    for (const name of four) await r.sim.next(name, { fault: 'stall', times: -1 });
    const { value: answer, ms } = await timed(() => ask(r, streamed));
    assertError(answer);
    assert.ok(ms >= 1400 && ms < 2500, `${ms} ms`);
    assert.notEqual(answer.headers['x-should-retry'], 'false');
    assert.equal(answer.json.type, 'error');
  });

  check(`a wait that would outlast the deadline is not begun (${way})`, async t => {
    const r = await router(t, { tokens: keys, order: ['deepseek'], config: 'deadline = 2\nretry_delay = 10\nhold = 0' });
    await r.sim.next('deepseek', { fault: 'internal', times: -1 });
    const { value: answer, ms } = await timed(() => ask(r, streamed));
    assert.equal(answer.status, 429, String(answer.bytes));
    assert.ok(ms < 1500, `${ms} ms`);
  });

  // --- Hold ----------------------------------------------------------------------------------------------------------

  check(`when all rest, the earliest is waited for (${way})`, async t => {
    const r = await router(t, { tokens: keys, order: three, config: 'hold = 10' });
    await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 600 });
    await r.sim.next('deepseek', { fault: 'throttle', retry_after: 1 });
    await r.sim.next('kimi', { fault: 'throttle', retry_after: 300 });
    const { value: answer, ms } = await timed(() => ask(r, streamed));
    assert.equal(answer.status, 200, String(answer.bytes));
    assert.equal(who(answer), 'deepseek');
    assert.ok(ms >= 990 && ms < 3000, `${ms} ms`);
    assert.deepEqual(await asked(r, ...three), [1, 2, 1]);
    assert.equal(attempts(answer), 4);
  });

  check(`a request that finds all resting waits as well (${way})`, async t => {
    const r = await router(t, { tokens: keys, order: ['claude_pro', 'deepseek'], config: 'hold = 1.5' });
    await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 4 });
    await r.sim.next('deepseek', { fault: 'throttle', retry_after: 600 });
    assert.equal((await ask(r, streamed)).status, 429, 'four seconds are more than hold');
    r.clock.forward('3s');
    const { value: answer, ms } = await timed(() => ask(r, streamed));
    assert.equal(answer.status, 200, String(answer.bytes));
    assert.equal(who(answer), 'claude_pro');
    assert.ok(ms < 2500, `${ms} ms`);
  });

  check(`beyond hold nobody waits (${way})`, async t => {
    const r = await router(t, { tokens: keys, config: 'hold = 5' });
    for (const name of four) await r.sim.next(name, { fault: 'throttle', retry_after: 9 });
    const { value: answer, ms } = await timed(() => ask(r, streamed));
    assert.equal(answer.status, 429, String(answer.bytes));
    assert.ok(ms < 1500, `${ms} ms`);
  });
}

// --- All rest: what the client is told (CLIENT.md 6) ------------------------------------------------------------------

const clients = {
  'a login': login,
  'an API key': { 'x-api-key': API_KEY },
  'no credential': { 'x-api-key': 'dummy' },
};
const waits = [[20, 20], [55, 55], [59, 55], [120, 55], [290, 55], [1800, 1800], [7200, 7200], [86_400, 86_400]];
for (const [name, headers] of Object.entries(clients)) {
  for (const [rest, told] of waits) {
    check(`all rest for ${rest} s and more: ${name} is told ${told}`, async t => {
      const r = await router(t, { config: 'hold = 0' });
      for (const [i, provider] of four.entries()) await r.sim.next(provider, { fault: 'throttle', retry_after: rest * (4 - i), times: -1 });
      const answer = await ask(r, rest % 2 === 0, 'Hello', headers);
      assert.equal(answer.status, 429, String(answer.bytes));
      assert.equal(answer.json.error.type, 'rate_limit_error');
      for (const provider of four) assert.ok(answer.json.error.message.includes(provider), `names ${provider}: ${answer.json.error.message}`);
      const after = Number(answer.headers['retry-after']);
      assert.ok(Number.isInteger(after) && after >= told - 1 && after <= told * 1.06 + 2, `retry-after ${after}`);
      const unified = Object.keys(answer.headers).filter(header => header.includes('unified')).sort();
      if (rest <= 300 || headers !== login) return assert.deepEqual(unified, []);
      assert.equal(answer.headers['anthropic-ratelimit-unified-status'], 'rejected');
      const reset = Number(answer.headers['anthropic-ratelimit-unified-reset']);
const left = reset - r.clock.epoch();
      assert.ok(left >= rest - 2 && left <= rest * 1.06 + 2, `reset in ${left} s`);
      assert.match(answer.headers['anthropic-ratelimit-unified-representative-claim'], /^(five_hour|seven_day)$/);
    });
  }
}

for (const [fault, claim] of [['usage_limit', 'five_hour'], ['usage_limit_7d', 'seven_day']]) {
  check(`all rest, claude_pro by its ${claim} window: a login is told so`, async t => {
    const r = await router(t, { tokens: keys, order: ['claude_pro', 'deepseek'], config: 'hold = 0' });
    await r.sim.next('claude_pro', { fault, reset: 10_000 });
    await r.sim.next('deepseek', { fault: 'balance' });
    const answer = await ask(r, true);
    assert.equal(answer.status, 429, String(answer.bytes));
    assert.equal(answer.headers['anthropic-ratelimit-unified-representative-claim'], claim);
    const reset = Number(answer.headers['anthropic-ratelimit-unified-reset']) - r.clock.epoch();
    assert.ok(reset >= 3590 && reset < 4600, `the earliest return is deepseek's, in an hour: ${reset} s`);
  });
}

check('another login is not told of the limit of the first', async t => {
  const r = await router(t, { tokens: {}, order: ['claude_pro'], config: 'hold = 0' });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 7200 });
  assert.equal((await ask(r, true, 'Hello', person('ada'))).status, 429);
  assert.equal((await ask(r, true, 'Hello', person('bob'))).status, 200);
  assert.equal((await ask(r, true, 'Hello', person('ada'))).status, 429);
});
