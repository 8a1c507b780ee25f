// SPDX-License-Identifier: MIT
// A day to look at: Claude Pro reached its limit at noon, DeepSeek serves, and there are seven days of usage behind it.
import { message } from './client.mjs';
import { dayOf, fill } from './ledger.mjs';
import { eventually } from './parts.mjs';
import { router } from './router.mjs';

const DOLLAR = 1_000_000_000;
const DAY = 86_400_000;
const MINUTE = 60_000;
const WEEK = [ // ago, deepseek's and kimi's dollars, the plan's requests and worth
  [6, 0.42, 0, 312, 9.1], [5, 0, 0, 280, 8.4], [4, 1.87, 0.36, 401, 12.6], [3, 0, 0, 33, 1.1], [2, 0.94, 0, 367, 10.9], [1, 2.31, 0.78, 422, 13.2], [0, 0, 0, 118, 3.7],
];

function days(now) {
  const rows = [];
  const row = (ago, provider, served, cost, requests, billed, client = 'anna') => rows.push({ day: dayOf(now - ago * DAY), provider, served, client, billed, requests,
    input: requests * 1800, cache_read: requests * 61_000, cache_5m: requests * 2400, cache_1h: 0, output: requests * 900, cost: Math.round(cost * DOLLAR) });
  for (const [ago, deepseek, kimi, plan, worth] of WEEK) {
    row(ago, 'claude_pro', 'claude-opus-5-5', worth * 0.8, Math.round(plan * 0.6), 0);
    row(ago, 'claude_pro', 'claude-haiku-5-5', worth * 0.2, Math.round(plan * 0.4), 0, 'ben');
    if (deepseek) row(ago, 'deepseek', 'deepseek-v4-pro', deepseek, Math.round(deepseek * 52), 1);
    if (kimi) row(ago, 'kimi', 'kimi-k3', kimi, Math.round(kimi * 40), 1, 'ben');
  }
  return rows;
}

function events(now) {
  const midnight = Math.floor(now / DAY) * DAY;
  const at = (hours, minutes, days = 0) => midnight - days * DAY + (hours * 60 + minutes) * MINUTE;
  return [
    [at(14, 20, 1), 'left', 'claude_pro', 'claude_pro is paused until 19:00 (429 unified five_hour)'],
    [at(14, 20, 1) + 900, 'paid', 'deepseek', 'requests now go to deepseek, which costs money: billed to your deepseek account'],
    [at(19, 2, 1), 'returned', 'claude_pro', 'claude_pro is available again'],
    [at(19, 2, 1) + 10, 'serving', 'claude_pro', 'requests now go to claude_pro'],
    [at(4, 31), 'left', 'claude_pro', 'claude_pro is paused until 06:00 (429 unified five_hour)'],
    [at(4, 31) + 800, 'paid', 'deepseek', 'requests now go to deepseek, which costs money: billed to your deepseek account'],
    [at(5, 10), 'left', 'deepseek', 'deepseek is paused until 05:10 (529 overloaded)'],
    [at(5, 10) + 700, 'paid', 'kimi', 'requests now go to kimi, which costs money: billed to your kimi account'],
    [at(6, 1), 'returned', 'claude_pro', 'claude_pro is available again'],
    [at(6, 1) + 10, 'serving', 'claude_pro', 'requests now go to claude_pro'],
    [at(10, 47), 'near', 'claude_pro', 'claude_pro: 80 % of the 5-hour window used, begins anew 18:00'],
  ].map(([when, kind, provider, text]) => ({ at: when, kind, provider, text }));
}

// A router on that day, Thursday 26 November 2026, 15:46 UTC: r.now.
export async function day(t, options = {}) {
  const r = await router(t, {
    sections: { claude_pro: 'leave_at = { "7d=90%" }', deepseek: 'daily_cap = 5' }, config: 'ledger_flush = 1', plain: true,
    ...options,
    whole: (sim, it) => {
      it.write('prices', 'deepseek:* in=0 out=10000\nkimi:* in=0 out=0\nclaude_api:* in=0 out=0\nclaude_pro:* in=0 out=0\n');
      it.clock.forward(Date.UTC(2026, 10, 26, 12, 12) - it.clock.now());
      return `keys_file = "${it.file('keys')}"\n${it.usualConfig()}\nprices_file = "${it.file('prices')}"`;
    },
  });
  await fill(r.file('usage.db'), { day: days(r.clock.now()), event: events(r.clock.now()) });
  for (const [name, ...budget] of [['anna', '--daily', '2', '--monthly', '20'], ['ben', '--monthly', '1.20']]) await r.ctl('key', 'add', name, ...budget);
  await eventually('what they have cost counts', async () => (await r.status()).caps.some(cap => cap.scope === 'key:ben' && cap.used > 1));
  await r.sim.next('claude_pro', { fault: 'utilization', utilization: { '5h': 0.96, '7d': 0.61 }, reset: 5.8 * 3600 });
  await r.post(message());
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 5.8 * 3600 });
  for (let i = 0; i < 11; i++) await r.post(message());
  await eventually('it is in the ledger', async () => (await r.get('/v1/events?limit=1')).json.events[0]?.kind === 'paid' && (await r.get('/v1/usage?days=1&by=provider')).json.total.requests > 120);
  r.clock.forward('3h34m');
  r.now = r.clock.now();
  return r;
}
