// SPDX-License-Identifier: MIT
// The drill: a few requests of one conversation are answered as if Claude Pro failed; nothing else is touched, and nothing is left behind.
import assert from 'node:assert/strict';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { person } from './lib/claude.mjs';
import { message } from './lib/client.mjs';
import { Part, eventually } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';
import { CLAUDE_CODE, ask, asked, session, who } from './lib/scene.mjs';

const of = (n, more = {}) => ({ 'x-claude-code-session-id': session(n), ...more });
const drill = (r, wish = {}, headers) => r.post(wish, headers, '/v1/drill');
const running = async r => (await r.status()).drill;
const forNext = { next: true };

async function begun(r, wish) {
  const answer = await drill(r, wish);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.json.drill.left, answer.json.drill.requests);
  return answer.json.drill;
}

// Nothing that the drilled provider's figures say has changed.
async function untouched(r, provider = 'claude_pro') {
  const status = await r.status(), p = status.providers[provider];
  assert.deepEqual([p.state, p.until, p.failures, p.last_error, status.failover_count], ['ready', null, 0, null, 0], JSON.stringify(p));
}

// --- Each kind ------------------------------------------------------------------------------------------------------------

for (const kind of ['limit', 'busy', 'down', 'refused', 'cut']) {
  for (const streamed of [true, false]) {
    check(`as ${kind}, ${streamed ? 'a stream' : 'JSON'}: another one serves, 0 bytes arrive, and it returns`, async t => {
      const r = await router(t, { config: 'retry_delay = 0.05\nledger_flush = 1' });
      const { id } = await begun(r, { as: kind, rest: '60s' });
      const headers = of(1, { 'user-agent': CLAUDE_CODE });
      const first = await ask(r, streamed, 'SIM:SAY one', headers);
      assert.equal(first.status, 200, String(first.bytes));
      assert.equal(first.headers['x-router-drill'], id);
      const broken = kind === 'cut' && streamed; // it began: ended so that Claude Code continues
      assert.equal(who(first), broken ? 'claude_pro' : 'deepseek');
      if (broken) assert.deepEqual([first.text, first.events.find(e => e.event === 'message_delta').data.delta.stop_reason], ['This is a drill: ', 'max_tokens']);
      else assert.equal(first.text, 'one');
      const state = await running(r);
      assert.deepEqual([state.id, state.as, state.left, state.waits], [id, kind, 0, false]);
      const second = await ask(r, streamed, 'SIM:SAY two', headers);
      assert.deepEqual([who(second), second.text, second.headers['x-router-attempts']], ['deepseek', 'two', '1']);
      assert.deepEqual(await asked(r, 'claude_pro'), [0]);
      await untouched(r);

      r.clock.forward('61s');
      const third = await ask(r, streamed, 'SIM:SAY three', headers);
      assert.deepEqual([who(third), third.text, third.headers['x-router-drill']], ['claude_pro', 'three', id]);
      assert.equal(await running(r), null, 'the count is used up');
      const fourth = await ask(r, streamed, 'SIM:SAY four', headers);
      assert.deepEqual([who(fourth), fourth.headers['x-router-drill']], ['claude_pro', undefined]);
      assert.deepEqual(await asked(r, 'claude_pro', 'kimi'), [2, 0]);
      await untouched(r);
      const log = r.log();
      assert.match(log, new RegExp(`msg="drill ${id}: claude_pro is paused until .* for what it covers \\(as if `));
      assert.match(log, new RegExp(`msg="drill ${id}: claude_pro serves what it covers again"`));
      assert.match(log, new RegExp(`attempts="claude_pro:\\d+:(retry |claude_pro:\\d+:)?[^"]*drill-[^"]*".* drill=${id}`));
      assert.doesNotMatch(log, /requests now go to/);
      await eventually('the ledger has three rows, none of the drill\'s', async () => (await r.get('/v1/usage?by=provider')).json.total.requests === (broken ? 3 : 4));
      assert.deepEqual((await r.get('/v1/events')).json.events.map(event => event.kind).filter(kind => kind !== 'serving'), ['drill', 'drill', 'drill']);
    });
  }
}

check('a refused credential is never the client\'s own, and a stream breaks only where it can be continued', async t => {
  const r = await router(t, { tokens: { deepseek: stored.deepseek } });
  const login = { authorization: 'Bearer sk-ant-oat01-e2e-clients-own-login', 'anthropic-beta': 'oauth-2025-04-20' };
  for (const kind of ['refused', 'cut']) {
    await begun(r, { as: kind });
    const answer = await ask(r, true, 'SIM:SAY yes', of(1, login));
    assert.deepEqual([answer.status, who(answer), answer.text], [200, 'claude_pro', 'yes'], kind);
    assert.equal((await running(r)).waits, true);
    assert.equal((await drill(r, { stop: true })).json.stopped, true);
  }
});

check('of another dialect', async t => {
  const r = await router(t, { order: ['openai', 'kimi', 'claude_pro'], tokens: { openai: 'sk-stored-openai', kimi: stored.kimi } });
  for (const [n, kind] of ['limit', 'busy', 'down', 'refused', 'cut'].entries()) {
    await begun(r, { provider: 'openai', as: kind });
    const answer = await ask(r, true, 'SIM:SAY yes', of(n, { 'user-agent': CLAUDE_CODE }));
    assert.deepEqual([answer.status, who(answer)], [200, kind === 'cut' ? 'openai' : 'kimi'], `${kind}: ${answer.bytes}`);
    assert.ok((await running(r)).until, `${kind}: it is paused`);
    await drill(r, { stop: true });
  }
  assert.deepEqual(await asked(r, 'openai'), [0]);
  await untouched(r, 'openai');
});

// --- Whose ----------------------------------------------------------------------------------------------------------------

check('the next conversation: not a title, not a tool loop, no other one, and not who names none', async t => {
  const r = await router(t);
  const { id } = await begun(r, forNext);
  const loop = { messages: [{ role: 'user', content: 'go' }, { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Bash', input: {} }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'SIM:SAY yes' }] }] };
  assert.equal(who(await r.post({ ...message(), ...loop }, of(1))), 'claude_pro', 'a tool loop');
  const metadata = { user_id: JSON.stringify({ device_id: 'd'.repeat(64), account_uuid: '', session_id: session(1) }) };
  assert.equal(who(await r.post(message('quota', { max_tokens: 1, metadata }), of(1))), 'claude_pro', 'a side call');
  assert.equal(who(await r.post(message())), 'claude_pro', 'no conversation');
  assert.equal((await running(r)).waits, true);
  assert.equal(who(await r.post(message(), of(2))), 'deepseek');
  assert.equal(who(await r.post(message(), of(1))), 'claude_pro');
  const agent = await r.post(message(), of(2, { 'x-claude-code-agent-id': 'agent' }));
  assert.deepEqual([who(agent), agent.headers['x-router-drill']], ['deepseek', id], 'its sub-agent');
  await untouched(r);
});

check('a conversation by its id, and a client key', async t => {
  const r = await router(t, { config: `keys_file = "/nonexistent/keys"`, whole: (sim, it) => it.usualConfig().replace('/nonexistent/keys', it.file('keys')) });
  await begun(r, { session: session(7) });
  assert.deepEqual([who(await r.post(message(), of(6))), who(await r.post(message(), of(7)))], ['claude_pro', 'deepseek']);
  await drill(r, { stop: true });
  const key = (await r.ctl('key', 'add', 'alice')).stdout.match(/crk_[\w-]+/)[0];
  await eventually('the key counts', async () => (await r.status()).keys_file.keys === 1);
  await eventually('and no reload ends the drill', async () => { await drill(r, { client: 'alice' }); return (await r.post(message(), { 'x-router-key': key })).headers['x-router-provider'] === 'deepseek'; });
  assert.equal(who(await r.post(message())), 'claude_pro');
  assert.equal((await drill(r, { client: 'bob' })).status, 400);
});

check('nothing that a client sends asks for it', async t => {
  const r = await router(t, { problems: true });
  for (const streamed of [true, false]) {
    for (const fields of [{ metadata: { user_id: 'drill=limit' } }, { drill: 'limit' }, { mock_testing_fallbacks: true }]) {
      const answer = await ask(r, streamed, 'SIM:SAY yes', of(1, { 'x-router-drill': 'limit' }), fields);
      assert.deepEqual([answer.status, who(answer), answer.headers['x-router-drill']], [fields.metadata ? 200 : 400, 'claude_pro', undefined]);
    }
  }
  assert.equal(await running(r), null);
  for (const headers of [{ origin: 'http://evil.example' }, { 'x-forwarded-for': '203.0.113.7' }, { host: 'evil.example' }]) assert.equal((await drill(r, forNext, headers)).status, 403);
  assert.equal(await running(r), null);
  for (const request of await r.sim.requests('claude_pro')) assert.equal(request.headers['x-router-drill'], undefined);
});

// --- Beside others --------------------------------------------------------------------------------------------------------

const volatile = /_bucket|_seconds|processes|tokens_total\{provider="deepseek|streams|drilled_total|build_info|provider="(deepseek|kimi|claude_api|openai)"/;
const figures = text => text.split('\n').filter(line => !line.startsWith('#') && !volatile.test(line));

// What a second client sees and leaves behind, beside a drill of a first one's or without.
async function second(t, drilled) {
  const r = await router(t);
  const seen = [];
  const one = async () => {
    for (const streamed of [true, false]) {
      const answer = await ask(r, streamed, 'SIM:SAY the answer', of(2));
      seen.push([answer.status, String(answer.bytes), Object.keys(answer.headers).sort(), who(answer), answer.headers['x-router-attempts']]);
    }
  };
  await one();
  if (drilled) {
    await begun(r, { session: session(1), as: drilled, requests: 2 });
    assert.equal((await ask(r, false, 'one', of(1))).headers['x-router-provider'], 'deepseek');
  }
  await one();
  if (drilled) await ask(r, true, 'two', of(1));
  await one();
  if (drilled) await drill(r, { stop: true });
  await one();
  const status = await r.status(), { claude_pro } = status.providers;
  const arrived = (await r.sim.requests('claude_pro')).map(a => [a.method, a.path, a.body, Object.entries(a.headers).filter(([name]) => name !== 'host')]);
  for (const name of ['last_success']) delete claude_pro[name];
  for (const w of Object.values(claude_pro.windows)) delete w.reset;
  return { seen, arrived, claude_pro, sums: [status.failover_count, status.last_failover, status.current_provider, status.line], figures: figures((await r.get('/metrics')).text) };
}

check('a second client: what it sees, what arrives and all figures are the same as without', async t => {
  const without = await second(t);
  for (const kind of ['limit', 'down']) assert.deepEqual(await second(t, kind), without, kind);
});

check('two processes, one count: never one more', { timeout: 60 }, async t => {
  const r = await router(t, { procs: 2 });
  for (const requests of [1, 3]) {
    await begun(r, { session: session(1), requests, rest: '5s' });
    await Promise.all(Array.from({ length: 40 }, () => r.post(message('SIM:SLEEP 20'), of(1))));
    const taken = (r.log().match(/attempts="claude_pro:\d+:drill-/g) ?? []).length;
    const counted = Number((await r.get('/metrics')).text.match(/drilled_total\{provider="claude_pro"\} (\d+)/)[1]);
    assert.equal(counted, taken);
    assert.ok(requests === 1 ? taken === 1 : taken >= 2 && taken <= 4, `${taken} after ${requests}`);
    await drill(r, { stop: true });
  }
  await untouched(r);
});

// --- Ends -----------------------------------------------------------------------------------------------------------------

for (const [what, end] of Object.entries({
  'its time': r => r.clock.forward('11m'),
  'a clock that is set back': r => r.clock.forward('-3h'),
  'stop': r => drill(r, { stop: true }),
  'ctl drill stop': r => r.ctl('drill', 'stop'),
  'a switch': r => r.switchTo('auto'),
  'ctl reload': r => r.ctl('reload'),
  'a changed configuration': r => { r.writeConfig(`${r.usualConfig()}\n# changed`); },
})) {
  check(`it ends by ${what}`, async t => {
    const r = await router(t);
    await begun(r, { rest: '10m' });
    assert.equal(who(await r.post(message(), of(1))), 'deepseek');
    assert.equal(who(await r.post(message(), of(1))), 'deepseek');
    await end(r);
    await eventually('it has ended', async () => await running(r) === null);
    const answer = await r.post(message(), of(1));
    assert.deepEqual([who(answer), answer.headers['x-router-drill']], ['claude_pro', undefined]);
    await untouched(r);
    await begun(r, forNext);
  });
}

check('kill -9 of those who take part, at any point, leaves nothing behind its end', { timeout: 90 }, async t => {
  const r = await router(t, { procs: 2, config: 'retry_delay = 2' });
  const kill = async () => {
    const before = r.pids();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await eventually('lighttpd starts new ones', () => r.pids().filter(pid => !before.includes(pid)).length === 2);
    await eventually('they answer', async () => (await r.get('/health')).status === 200);
  };
  await begun(r, { as: 'busy', session: session(1), for: '5m' });
  await kill(); // before
  const caught = r.post(message(), of(1)).catch(() => {});
  await eventually('it is taken', async () => (await running(r))?.left === 0);
  await kill(); // between its attempts
  await caught;
  assert.equal((await running(r)).until, null);
  assert.equal(who(await r.post(message(), of(1))), 'claude_pro', 'none is left, and nothing is paused');
  await drill(r, { stop: true });
  await begun(r, { session: session(1), for: '5m' });
  assert.equal(who(await r.post(message(), of(1))), 'deepseek');
  await kill(); // while it is paused
  assert.equal(who(await r.post(message(), of(1))), 'deepseek', 'all processes know');
  r.clock.forward('5m1s');
  assert.equal(await running(r), null);
  assert.equal(who(await r.post(message(), of(1))), 'claude_pro');
  await untouched(r);
});

// --- Asked for ------------------------------------------------------------------------------------------------------------

check('what is asked for wrongly is a 400 that names the choices; what cannot be tried now a 409', async t => {
  const r = await router(t);
  const wrong = { 'provider: must be one of claude_pro, deepseek': { provider: 'nobody' }, 'as: must be limit, busy, down, refused or cut': { as: 'bad' }, 'requests: must be 1 to 20': { requests: 21 },
    'rest: must be 5s to 10m': { rest: '1s' }, 'for: must be 5s to 1h': { for: '2h' }, 'session: must be': { session: 'a/b' }, 'client: must be': { client: 'x' }, 'only one': { next: true, session: 'a' }, 'The body must be': { what: 1 } };
  for (const [says, wish] of Object.entries(wrong)) {
    const answer = await drill(r, wish);
    assert.equal(answer.status, 400, JSON.stringify(wish));
    assert.ok(answer.json.error.message.includes(says), answer.json.error.message);
  }
  for (const body of ['[]', '"claude_pro"', '{', '17', '{"next":true} x']) assert.equal((await drill(r, body)).status, 400, body);
  for (const requests of [0, -1, '1x', '', null, 1.5, {}]) assert.ok([200, 400].includes((await drill(r, { requests, dry_run: true })).status));
  assert.match((await drill(r, { provider: 'kimi' })).json.error.message, /requests go to claude_pro, not to kimi/);
  const { id } = await begun(r, forNext);
  const again = await drill(r, forNext);
  assert.deepEqual([again.status, again.json.error.message.includes(id)], [409, true]);
  await drill(r, { stop: true });
  assert.equal((await drill(r, { stop: true })).json.stopped, false);
  const dry = await drill(r, { dry_run: true });
  assert.deepEqual([dry.status, dry.json.next_provider, dry.json.billed, await running(r)], [200, 'deepseek', true, null]);
  assert.match(dry.json.what, /^1 request of the next conversation to claude_pro is answered as if its limit were reached; it is then paused for 1m, and deepseek, which costs money, takes over/);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800 });
  await r.post(message());
  assert.match((await drill(r, {})).json.error.message, /Nothing to try: claude_pro is paused until/);
});

check('nobody could take over: it is not begun', async t => {
  const r = await router(t, { config: 'plan_limits_only = true' });
  const answer = await drill(r, {});
  assert.deepEqual([answer.status, await running(r)], [409, null]);
  assert.match(answer.json.error.message, /^Nobody could take over: claude_pro is the only provider/);
});

const program = r => path.join(r.build, 'claude-router-ctl');

check('ctl drill: a conversation of its own goes and returns, and nobody else is touched', { timeout: 60 }, async t => {
  const r = await router(t, { whole: (sim, it) => { it.write('prices', '* in=1 out=10\n'); return `${it.usualConfig()}\nprices_file = "${it.file('prices')}"`; } });
  const dry = await r.ctl('--dry-run', 'drill');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /claude_pro is answered as if its limit were reached[^]*3 messages of its own, of which 2 go to deepseek: \$0\.00\d+ each at most/);
  const refused = await r.ctl('--url', r.url, 'drill');
  assert.deepEqual([refused.code, await running(r)], [2, null]);
  assert.match(refused.stderr, /it costs money: --yes allows that/);
  const run = new Part('ctl', program(r), ['--yes', '--url', r.url, 'drill'], { env: r.env });
  await run.until(() => /^2 .*is paused for this conversation/m.test(run.stdout));
  assert.equal(who(await r.post(message(), of(1))), 'claude_pro', 'others');
  r.clock.forward('61s');
  assert.equal(await run.ended, 0, run.output);
  assert.match(run.stdout, /^drill [0-9a-f]{8}: 1 request of session drill-[0-9a-f]{24} to claude_pro is answered/);
  assert.match(run.stdout, /^1 {2}deepseek +200 .*\n2 {2}deepseek +200 .*\n3 {2}claude_pro +200 .*the pause is over\nwell: failover and return work\. 3 of 3 answered\n$/m);
  assert.deepEqual(await asked(r, 'claude_pro', 'deepseek'), [2, 2]);
  assert.equal(await running(r), null);
  await untouched(r);
});

check('ctl drill: not well, when nobody answers or the provider does not return', { timeout: 60 }, async t => {
  const r = await router(t, { config: 'max_retries = 0\nhold = 0' });
  const run = new Part('ctl', program(r), ['--yes', '--json', '--url', `${r.url}/`, 'drill'], { env: r.env });
  await eventually('two are answered', async () => (await asked(r, 'deepseek'))[0] === 2);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 1800 });
  r.clock.forward('61s');
  assert.equal(await run.ended, 1, run.output);
  assert.deepEqual(JSON.parse(run.stdout), { works: false, sent: 3, answered: 3 });
  assert.equal(await running(r), null);
});

check('ctl drill: killed, it ends nothing; its time does', { timeout: 60 }, async t => {
  const r = await router(t);
  const run = new Part('ctl', program(r), ['--yes', '--url', r.url, 'drill'], { env: r.env });
  await run.until(() => /^2 .*is paused for this conversation/m.test(run.stdout));
  process.kill(run.pid, 'SIGKILL');
  await run.ended;
  assert.ok(await running(r));
  r.clock.forward('10m');
  assert.equal(await running(r), null);
  await untouched(r);
});

check('ctl drill: for others, wrong usage, and what cannot be tried', async t => {
  const r = await router(t);
  const next = await r.ctl('--next', '--yes', '--as', 'busy', '--requests', '2', '--rest', '30s', 'drill', 'claude_pro');
  assert.equal(next.code, 0, next.stderr);
  assert.match(next.stdout, /^drill [0-9a-f]{8}: 2 requests of the next conversation to claude_pro are answered as if it were overloaded; it is then paused for 30s/);
  assert.deepEqual([(await running(r)).left, (await running(r)).waits], [2, true]);
  assert.match((await r.ctl('status')).stdout, /^drill [0-9a-f]{8}: claude_pro as if busy, 2 of 2 left, waits for its conversation, until /m);
  assert.equal((await r.ctl('--next', '--yes', 'drill')).code, 2, 'one runs');
  assert.equal((await r.ctl('drill', 'stop')).stdout, 'the drill was stopped\n');
  const wrong = await r.ctl('--as', 'bad', 'drill');
  assert.deepEqual([wrong.code, /limit, busy, down, refused or cut/.test(wrong.stderr)], [64, true]);
  assert.equal((await r.ctl('drill', 'nobody')).code, 64);
  assert.equal((await r.ctl('--self', '--next', '--yes', 'drill')).code, 64);
  assert.equal((await r.ctl('--yes', '--url', 'http://127.0.0.1:1', 'drill')).code, 2, 'no router');
  assert.equal(await running(r), null);
});

check('Claude Code goes on through a drill and comes back', { timeout: 240 }, async t => {
  const r = await router(t, { tokens: { deepseek: stored.deepseek, kimi: stored.kimi } });
  const me = person(t, r);
  const said = (run, text) => { assert.equal(run.code, 0, run.stdout + run.stderr); assert.match(run.text, text); };
  const first = await me.claude('SIM:TOOLS 1');
  said(first, /last by claude_pro/);
  await begun(r, { session: first.session });
  const second = await me.claude('SIM:TOOLS 2', '--resume', first.session);
  said(second, /done 2 steps, last by deepseek/);
  await untouched(r);
  r.clock.forward('61s');
  said(await me.claude('SIM:TOOLS 1', '--resume', second.session), /last by claude_pro/);
  assert.equal(await running(r), null);
  await untouched(r);
});
