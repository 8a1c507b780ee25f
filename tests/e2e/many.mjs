// SPDX-License-Identifier: MIT
// Many streams at once: each comes whole, event by event, and none waits for another.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { message, textOf } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { login } from './lib/scene.mjs';

const STREAMS = 50;
const words = i => `stream number ${i} says one two three four five six seven eight nine ten`;

check('50 streams at once, all open at the same time', { timeout: 120 }, async t => {
  const r = await router(t);
  await r.sim.gate('claude_pro', { hold: true });
  const streams = [];
  const opening = Array.from({ length: STREAMS }, (_, i) => r.stream(message(`SIM:SAY ${words(i)}`), login).then(s => { streams[i] = s; }));
  const opened = Promise.all(opening);
  opened.catch(() => {}); // told below
  await r.sim.requests('claude_pro', { wait: STREAMS, timeout: 90 });
  await eventually('each has its first content', async () => {
    await r.sim.gate('claude_pro', { release: STREAMS });
    return streams.filter(Boolean).length === STREAMS;
  }, 30);
  await opened;
  await r.sim.gate('claude_pro', { hold: false });
  const texts = await Promise.all(streams.map(async s => textOf(await s.rest())));
  texts.forEach((text, i) => assert.equal(text, words(i)));
});
