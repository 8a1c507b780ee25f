// SPDX-License-Identifier: MIT
// Times that cannot be true: a clock that jumps, a reset that lies far ahead, in the past, or is no time at all (BEHAVIOUR 4, 8).
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { router } from './lib/router.mjs';
import { ask, keys, login, person, standing, who } from './lib/scene.mjs';

const DAY = 86_400, HOUR = 3600, COOLDOWN = 300;
const two = { tokens: keys, procs: 1, order: ['claude_pro', 'deepseek'], config: 'retry_delay = 0.01\nhold = 0' };
const u = (name, value) => [`anthropic-ratelimit-unified-${name}`, String(value)];
const limited = headers => ({ fault: 'raw', status: 429, content_type: 'application/json', headers, body: '{"type":"error","error":{"type":"rate_limit_error","message":"x"}}' });
const window = (name, reset) => limited([u('status', 'rejected'), u(`${name}-status`, 'rejected'), u(`${name}-reset`, reset), u('reset', reset)]);
const worded = text => ({ fault: 'usage_text', message: text });

async function rests(r, least, most) {
  const s = await standing(r, 'claude_pro');
  assert.equal(s.state, 'resting', s.reason);
  assert.ok(s.seconds >= least - 3 && s.seconds <= most * 1.05 + 5, `rests for ${s.seconds} s, not ${least} to ${most}`);
  return s;
}

// --- Resets ------------------------------------------------------------------------------------------------------------

const epoch = { 'in seconds': s => s, 'in milliseconds': s => s * 1000, 'as a date': s => new Date(s * 1000).toISOString() };
for (const [how, told] of Object.entries(epoch)) {
  for (const [name, ahead, rest] of [['5h', 7200, 7200], ['7d', 2 * DAY, 2 * DAY], ['5h', 400 * DAY, 6 * HOUR], ['5h', 7 * HOUR, 6 * HOUR], ['7d', 400 * DAY, 8 * DAY], ['7d', 9 * DAY, 8 * DAY]]) {
    check(`a ${name} reset ${ahead / HOUR} h ahead, ${how}: rests for ${rest / HOUR} h`, async t => {
      const r = await router(t, two);
      await r.sim.next('claude_pro', window(name, told(r.clock.epoch() + ahead)));
      assert.equal(who(await ask(r, true)), 'deepseek');
      await rests(r, rest, rest);
    });
  }
}

const senseless = {
  'an hour ago': now => now - HOUR, 'at the epoch': () => 0, negative: () => -1_700_000_000, 'not a number': () => 'NaN', empty: () => '', words: () => 'tomorrow',
  'beyond 64 bits': () => '99999999999999999999999999', hexadecimal: () => '0x7fffffff', infinite: () => 'inf', 'the largest number': () => '9223372036854775807',
};
for (const [how, told] of Object.entries(senseless)) {
  check(`a 5h reset that is ${how}: a sane rest all the same`, async t => {
    const r = await router(t, two);
    await r.sim.next('claude_pro', window('5h', told(r.clock.epoch())));
    assert.equal(who(await ask(r, true)), 'deepseek');
    await rests(r, COOLDOWN, how.includes('number') || how.includes('bits') ? 6 * HOUR : COOLDOWN);
    assert.equal(who(await ask(r, false)), 'deepseek');
  });

  check(`a time in the text that is ${how}: a sane rest all the same`, async t => {
    const r = await router(t, two);
    await r.sim.next('claude_pro', worded(`Claude AI usage limit reached|${told(r.clock.epoch())}`));
    assert.equal(who(await ask(r, false)), 'deepseek');
    await rests(r, COOLDOWN, how.includes('number') || how.includes('bits') ? 8 * DAY : COOLDOWN);
  });

  check(`a retry-after that is ${how}: nothing breaks`, async t => {
    const r = await router(t, two);
    await r.sim.next('claude_pro', { fault: 'throttle', retry_after: String(told(r.clock.epoch())), times: 2 });
    const answer = await ask(r, false);
    assert.equal(who(answer), 'deepseek');
    const s = await standing(r, 'claude_pro');
    assert.ok(s.seconds === undefined || s.seconds <= 8 * DAY * 1.05, `rests for ${s.seconds} s`);
    assert.equal((await ask(r, true)).status, 200);
  });
}

for (const [text, rest] of [['|{s}', 7200], ['|{ms}', 7200], ['|{s}. Try later', 7200], [' | {s}', COOLDOWN]]) {
  check(`usage limit reached${text}: rests for ${rest} s`, async t => {
    const r = await router(t, two);
    const at = r.clock.epoch() + 7200;
    await r.sim.next('claude_pro', worded(`Claude AI usage limit reached${text.replace('{s}', at).replace('{ms}', at * 1000)}`));
    assert.equal(who(await ask(r, false)), 'deepseek');
    await rests(r, text === ' | {s}' ? COOLDOWN : rest, 7200);
  });
}

check('retry-after: a date that is over, zero, and 400 days', async t => {
  const r = await router(t, { ...two, order: ['claude_api', 'deepseek'] });
  const told = [['Mon, 01 Jan 2024 00:00:00 GMT', 0.5, 1.1], ['0', 0.5, 1.1], [String(400 * DAY), 8 * DAY - 3, 8 * DAY * 1.05]];
  for (const [value, least, most] of told) {
    await r.sim.next('claude_api', { fault: 'throttle', retry_after: value });
    assert.equal(who(await ask(r, false)), 'deepseek', value);
    const { seconds = 0 } = await standing(r, 'claude_api');
    assert.ok(seconds >= least && seconds <= most, `${value}: rests for ${seconds} s`);
    r.clock.forward('2s');
  }
});

// --- Which answer counts -----------------------------------------------------------------------------------------------

check('a longer rest is not shortened by a vaguer answer', async t => {
  const r = await router(t, two);
  await r.sim.gate('claude_pro', { hold: true });
  const slow = ask(r, true, 'SIM:SAY slow', login); // in flight, and fails after the limit was told
  await r.sim.requests('claude_pro', { wait: 1 });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3 * HOUR });
  assert.equal(who(await ask(r, true)), 'deepseek');
  await rests(r, 3 * HOUR, 3 * HOUR);
  await r.sim.gate('claude_pro', { hold: false });
  assert.equal(who(await slow), 'claude_pro', 'it had been accepted');
  await rests(r, 3 * HOUR, 3 * HOUR);
});

for (const [what, fault] of Object.entries({ 'a busy moment': { fault: 'overloaded' }, 'a throttle of 5 s': { fault: 'throttle', retry_after: 5 }, 'a text without a time': worded('usage limit reached') })) {
  check(`a rest of hours outlives ${what} that was told later`, async t => {
    const r = await router(t, two);
    await r.sim.next('claude_pro', { ...fault, delay_ms: 400, match: { model: 'claude-haiku-*' }, times: 2 });
    const slow = ask(r, false, 'SIM:SAY slow', login, { model: 'claude-haiku-5-5' });
    await r.sim.requests('claude_pro', { wait: 1 });
    await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3 * HOUR });
    assert.equal(who(await ask(r, false)), 'deepseek');
    assert.equal(who(await slow), 'deepseek');
    await rests(r, 3 * HOUR, 3 * HOUR);
  });
}

check('short rests double while they repeat, to five minutes, and a success forgets them', async t => {
  const r = await router(t, two);
  const lengths = [];
  for (let i = 0; i < 7; i++) {
    await r.sim.next('claude_pro', { fault: 'overloaded', times: 2 });
    assert.equal(who(await ask(r, false)), 'deepseek');
    await r.sim.clear('claude_pro');
    const { seconds } = await standing(r, 'claude_pro');
    lengths.push(seconds);
    r.clock.forward(seconds * 1000 + 500);
  }
  for (const [i, base] of [15, 30, 60, 120, 240, 300, 300].entries()) assert.ok(lengths[i] >= base - 1 && lengths[i] <= base * 1.25 + 1, `rests ${lengths}`);
  assert.equal(who(await ask(r, false)), 'claude_pro');
  await r.sim.next('claude_pro', { fault: 'overloaded', times: 2 });
  await ask(r, false);
  await rests(r, 15, 19);
});

check('all rests carry jitter, and never end before their time', async t => {
  const r = await router(t, two);
  const named = [], short = [];
  for (let i = 0; i < 6; i++) {
    const reset = r.clock.epoch() + 7200;
    await r.sim.next('claude_pro', window('5h', reset));
    await ask(r, false, 'Hello', person(`number-${i}`));
    const until = Date.parse((await standing(r, 'claude_pro')).until) - reset * 1000;
    assert.ok(until >= 0 && until <= 7200 * 50 + 5000, `${until} ms after the reset`);
    named.push(until);
  }
  for (let i = 0; i < 4; i++) {
    await r.sim.next('deepseek', { fault: 'overloaded', times: 2 });
    await r.switchTo('deepseek');
    await ask(r, false);
    await r.sim.clear('deepseek');
    const { seconds } = await standing(r, 'deepseek');
    short.push(seconds / (15 * 2 ** i));
    r.clock.forward(seconds * 1000 + 500);
  }
  assert.ok(new Set(short.map(x => x.toFixed(2))).size > 1, `short rests: ${short}`);
  assert.ok(new Set(named).size > 1, `all end ${named} ms after the reset`);
});

// --- Jumps -------------------------------------------------------------------------------------------------------------

check('the clock jumps forward over a rest: it is over', async t => {
  const r = await router(t, two);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 5 * HOUR });
  await ask(r, false);
  r.clock.forward('400d');
  assert.equal(who(await ask(r, true)), 'claude_pro');
});

check('the clock jumps back by a little: the rest ends when the clock comes there again', async t => {
  const r = await router(t, two);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: HOUR });
  await ask(r, false);
  r.clock.forward('-2h');
  assert.equal(who(await ask(r, false)), 'deepseek');
  r.clock.forward('3h10m');
  assert.equal(who(await ask(r, false)), 'claude_pro');
});

for (const [back, rest] of [['-30d', { fault: 'usage_limit', reset: HOUR }], ['-400d', { fault: 'usage_limit_7d', reset: 5 * DAY }], ['-2h', { fault: 'overloaded', times: 2 }], ['-10d', { fault: 'throttle', retry_after: 60 }]]) {
  check(`the clock jumps back (${back}) under a rest (${rest.fault}): nobody rests for ever`, async t => {
    const r = await router(t, two);
    r.clock.forward('1d');
    await r.sim.next('claude_pro', rest);
    assert.equal(who(await ask(r, false)), 'deepseek');
    r.clock.forward(back);
    assert.equal(who(await ask(r, false)), 'claude_pro');
    const s = await standing(r, 'claude_pro');
    assert.equal(s.state, 'ready', s.reason);
    r.clock.forward(back.slice(1));
    assert.equal(who(await ask(r, false)), 'claude_pro', 'nor again when the clock is set right');
  });
}

for (const jump of ['-400d', '-3h', '3h', '400d']) {
  check(`the clock jumps (${jump}) while streams run and a provider is probed: no request notices`, async t => {
    const r = await router(t, { ...two, config: 'idle_timeout = 5\nfirst_byte_timeout = 5\ndeadline = 30' });
    await r.sim.next('claude_pro', { fault: 'throttle', retry_after: 1 });
    await ask(r, false);
    r.clock.forward('10s');
    await r.sim.gate('claude_pro', { hold: true });
    const opened = r.stream(message('SIM:SAY on and on'), login);
    await r.sim.requests('claude_pro', { wait: 2 });
    await r.sim.gate('claude_pro', { release: 3 });
    r.clock.forward(jump);
    await r.sim.gate('claude_pro', { hold: false });
    const events = await (await opened).rest();
    assert.equal(events.at(-1).event, 'message_stop');
    assert.equal((await standing(r, 'claude_pro')).state, 'ready');
    for (const streamed of [true, false]) assert.equal(who(await ask(r, streamed)), 'claude_pro');
    r.clock.forward(jump.startsWith('-') ? jump.slice(1) : `-${jump}`);
    for (const streamed of [true, false]) assert.equal((await ask(r, streamed)).status, 200);
  });
}

check('the clock jumps while a request waits for the earliest: it ends within hold', async t => {
  const r = await router(t, { ...two, config: 'hold = 3' });
  for (const name of ['claude_pro', 'deepseek']) await r.sim.next(name, { fault: 'throttle', retry_after: 2 });
  const began = Date.now();
  const waiting = ask(r, false);
  await r.sim.requests('deepseek', { wait: 1 });
  r.clock.forward('-1h');
  const answer = await waiting;
  assert.ok([200, 429].includes(answer.status), String(answer.bytes));
  assert.ok(Date.now() - began < 5000, `${Date.now() - began} ms`);
});
