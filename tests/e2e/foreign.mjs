// SPDX-License-Identifier: MIT
// The responder of another processor, in its emulator (FOREIGN_RESPONDER: the command): it answers as this one's does. For
// ./dev check foreign/, which builds it.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { fastcgi } from './lib/fastcgi.mjs';
import { router, stored } from './lib/router.mjs';

const command = process.env.FOREIGN_RESPONDER?.split(' ');
const ask = (text, fields) => ({ headers: {}, body: JSON.stringify(message(text, fields)) });
const get = uri => ({ method: 'GET', uri, headers: {} });
const skip = command ? false : 'it is not built here: ./dev check foreign/';

check('it streams, fails over, and comes back', { skip, timeout: 120 }, async t => {
  const r = await router(t, { alone: true, plain: true, tokens: stored, program: command });
  const say = async stream => {
    const answer = await fastcgi(r.socket, ask('SIM:SAY words enough for a stream', { stream }), { timeout: 60 });
    assert.ok(answer.ended, answer.text);
    assert.equal(answer.status, 200, answer.text);
    assert.match(answer.text, stream ? /event: content_block_delta/ : /words enough for a stream/);
    return answer.headers['x-router-provider'];
  };
  assert.equal(await say(true), 'claude_pro');
  assert.equal(await say(false), 'claude_pro');
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  assert.equal(await say(true), 'deepseek', 'its limit is reached');
  const { providers: { claude_pro } } = (await fastcgi(r.socket, get('/v1/status'))).json;
  assert.equal(claude_pro.state, 'resting');
  const seconds = (Date.parse(claude_pro.until) - r.clock.now()) / 1000;
  assert.ok(seconds > 3500 && seconds <= 3661, `${seconds} s: a time has 64 bits`);
  assert.equal((await r.sim.requests('deepseek')).length, 1);
});
