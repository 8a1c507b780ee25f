// SPDX-License-Identifier: MIT
// on_change: each leaving, returning and beginning to pay is told once, to a command or a webhook, without secrets.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const words = ['left claude_pro', 'paid deepseek', 'returned claude_pro'];

// Away from Claude Pro and back.
async function thereAndBack(r) {
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await Promise.all(Array.from({ length: 8 }, () => r.post(message(), oauth)));
  r.clock.forward('61m');
  await r.post(message(), oauth);
}

check('a command, with our own words in its environment and nothing else', async t => {
  const r = await router(t, { whole: (sim, r) => {
    const script = path.join(r.dir, 'told.sh');
    writeFileSync(script, `#!/bin/sh\ntold=$(echo "$ROUTER_EVENT $ROUTER_PROVIDER $1"; env; ls -l /proc/$$/fd)\necho "$told" >> ${r.dir}/told\n`);
    chmodSync(script, 0o755);
    return `${r.usualConfig()}\non_change = "${script} argument"`;
  } });
  await thereAndBack(r);
  const told = () => readFileSync(path.join(r.dir, 'told'), 'utf8');
  await eventually('all three are told', () => existsSync(path.join(r.dir, 'told')) && words.every(w => told().includes(`${w} argument`)));
  for (const w of words) assert.equal(told().split(`${w} argument`).length, 2, `${w}: once`);
  for (const secret of [LOGIN, ...Object.values(stored)]) assert.ok(!told().includes(secret));
  assert.ok(!/TEST_CLOCK_FILE|CLAUDE_ROUTER_CONFIG|router\.sock|socket:/.test(told()), told());
});

check('a webhook, with the same words as JSON', async t => {
  const told = [];
  const server = http.createServer((request, answer) => {
    let body = '';
    request.on('data', part => { body += part; }).on('end', () => { told.push(JSON.parse(body)); answer.end(); });
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const r = await router(t, { config: `on_change = "http://127.0.0.1:${server.address().port}/hook"` });
  await thereAndBack(r);
  await eventually('all three are told', () => told.length >= 3);
  assert.deepEqual(told.map(n => `${n.event} ${n.provider}`).sort(), [...words].sort());
  assert.match(told.find(n => n.event === 'left').text, /claude_pro is paused until \d\d:\d\d \(429 unified five_hour\)/);
});

check('a quota window that fills is told once, and the provider is spared where leave_at says so', async t => {
  const told = [];
  const server = http.createServer((request, answer) => {
    let body = '';
    request.on('data', part => { body += part; }).on('end', () => { told.push(JSON.parse(body)); answer.end(); });
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { claude_pro: unused, ...tokens } = stored;
  const r = await router(t, {
    tokens,
    config: `on_change = "http://127.0.0.1:${server.address().port}/hook"`,
    sections: { claude_pro: 'leave_at = { "5h=98%" }' },
  });
  const who = async (body, session = {}) => (await r.post(body, { ...oauth, ...session })).headers['x-router-provider'];
  const session = { 'x-claude-code-session-id': '11111111-2222-4333-8444-555555555555' };
  const used = (share, times) => r.sim.next('claude_pro', { fault: 'utilization', utilization: share, reset: 3600, times });
  await used(0.85, 8);
  await Promise.all(Array.from({ length: 8 }, () => r.post(message(), oauth)));
  assert.equal(await who(message()), 'claude_pro', 'which says that little is used: the limit was raised');
  await used(0.98, -1);
  assert.equal(await who(message(), session), 'claude_pro');

  const loop = message('', {
    tools: [{ name: 'Bash', input_schema: { type: 'object' } }],
    messages: [{ role: 'user', content: 'go' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'Bash', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' }] }],
  });
  for (let round = 0; round < 2; round++) {
    assert.equal(await who(loop, session), 'claude_pro', 'never mid loop');
    assert.equal(await who(message()), 'deepseek', 'at a user turn');
  }

  const status = await r.status();
  const pro = status.providers.claude_pro;
  assert.deepEqual([pro.state, pro.active, status.status, status.failover_count], ['spared', true, 'degraded', 1]);
  assert.match(status.reason, /^claude_pro is spared \(5h 98 % ≥ 98 %\), until \d\d:\d\d$/);
  assert.match(status.line, /^DeepSeek \(Claude Pro spared until \d\d:\d\d\) · billed to your DeepSeek account$/);
  assert.ok(Date.parse(pro.until) > r.clock.now(), pro.until);
  assert.match((await r.ctl('explain', 'claude-sonnet-5-5')).stdout, /^4\. claude_pro is spared \(5h 98 % ≥ 98 %\)/m);
  assert.match(r.log(), /passed=claude_pro:spared/);
  const expected = ['near claude_pro', 'near claude_pro', 'paid deepseek', 'spared claude_pro'];
  await eventually('all are told', () => told.length >= expected.length);
  assert.deepEqual(told.map(n => `${n.event} ${n.provider}`).sort(), expected);
  const texts = told.filter(n => n.event === 'near').map(n => n.text.replace(/\d\d:\d\d$/, 'T')).sort();
  assert.deepEqual(texts, [80, 95].map(n => `claude_pro: ${n} % of the 5-hour window used, begins anew T`));

  for (const name of ['deepseek', 'kimi', 'claude_api']) await r.sim.next(name, { fault: 'usage_limit', reset: 600 });
  assert.equal(await who(message()), 'claude_pro', 'when nobody else can');
});

check('a command that does not end, or cannot be started, disturbs nobody', async t => {
  for (const command of ['/bin/sleep 1000', '/no/such/program']) {
    const r = await router(t, { config: `on_change = "${command}"` });
    await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
    assert.equal((await r.post(message(), oauth)).status, 200);
    assert.equal((await r.post(message(), oauth)).status, 200);
    await r.stop();
  }
});

check('a webhook that does not take what it is told is logged', async t => {
  const server = http.createServer((request, answer) => { request.resume(); answer.writeHead(404).end(); });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const r = await router(t, { config: `on_change = "http://127.0.0.1:${server.address().port}/hook"` });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await r.post(message(), oauth);
  await eventually('the log says so', () => /level=warning msg="on_change: the webhook replied with 404"/.test(r.log()));
});

check('a webhook that fails at once holds no place: the next ones are tried, too', async t => {
  // The kernel refuses a connection to this address by itself, without a packet.
  const r = await router(t, { procs: 1, config: 'on_change = "http://255.255.255.255/hook"' });
  const failed = () => r.log().split('\n').filter(line => line.includes('the webhook failed')).length;
  for (let round = 1; round <= 4; round++) {
    await thereAndBack(r);
    await eventually('all three have failed', () => failed() === words.length * round);
  }
  assert.ok(!r.log().includes('too many are still running'), r.log());
});
