// SPDX-License-Identifier: MIT
// Open pages, as a router sees them: what the script of /dashboard asks, when it is opened and then each 5 s.
import { get } from '../e2e/lib/client.mjs';
import { dayOf, fill } from '../e2e/lib/ledger.mjs';

const SHOWN = ['/v1/usage?days=7&by=day,provider', '/v1/usage?days=7&by=model', '/v1/usage?days=7&by=client', '/v1/events?limit=1000&after=0'];
const POLL_MS = 5000, DAY_MS = 86_400_000;

// A ledger of three busy months, with more events than a page asks for.
export async function fillLedger(file) {
  const day = [], event = [], now = Date.now();
  for (let ago = 0; ago < 90; ago++) {
    for (const provider of ['claude_pro', 'deepseek', 'kimi', 'openai', 'claude_api']) {
      for (const served of ['large', 'middle', 'small']) for (const client of ['', 'anna', 'ben', 'cyd']) day.push({ day: dayOf(now - ago * DAY_MS), provider, served, client, requests: 100, input: 1e6, output: 1e5, cost: 1e8 });
    }
    for (let n = 0; n < 20; n++) event.push({ at: now - (ago * 24 + n) * 3_600_000, kind: n % 2 ? 'left' : 'returned', provider: 'claude_pro', text: 'claude_pro is paused until 18:00 (429 unified five_hour)' });
  }
  await fill(file, { day, event: event.reverse() });
}

// Opens so many; returns what closes them: a promise of how many answers they had, and how many of these were no report.
export function openPages(port, n) {
  const closing = new AbortController(), closed = new Promise(resolve => { closing.signal.onabort = resolve; });
  const answers = { count: 0, bad: 0 };
  const ask = async (path, headers) => {
    const answer = await get(`http://127.0.0.1:${port}${path}`, headers);
    answers.count++;
    if (![200, 304].includes(answer.status)) answers.bad++;
    return answer;
  };
  const page = async () => {
    for (let tag, at = 0; !closing.signal.aborted; at += POLL_MS) {
      tag = (await ask('/v1/status', tag && { 'if-none-match': tag })).headers.etag ?? tag;
      if (at % 60_000 === 0) for (const path of SHOWN) await ask(path);
      await Promise.race([closed, new Promise(resolve => { setTimeout(resolve, POLL_MS).unref(); })]);
    }
  };
  const pages = Array.from({ length: n }, page);
  return async () => { closing.abort(); await Promise.all(pages); return answers; };
}
