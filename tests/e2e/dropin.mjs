// SPDX-License-Identifier: MIT
// Beside a site that was there before: a port of its own and a prefix of the site, served by the same responders.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { get, message, post, stream, textOf } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';

const prefix = '/claude-router';

async function answered(url) {
  const answer = await post(`${url}/v1/messages`, message('SIM:SAY hello'));
  assert.equal(answer.status, 200, answer.text);
  const s = await stream(`${url}/v1/messages?beta=true`, message('SIM:SAY hello again'));
  assert.equal(textOf(await s.rest()), 'hello again');
}

check('the site is what it was', async t => {
  const r = await router(t, { site: true });
  assert.equal((await get(`${r.siteUrl}/`)).text, 'the site itself\n');
  assert.equal((await get(`${r.siteUrl}/v1/messages`)).status, 404);
});

check('a message by the port', async t => {
  const r = await router(t, { site: true });
  await answered(r.url);
});

check('a message by the prefix, and all else there is the router\'s too', async t => {
  const r = await router(t, { site: true });
  await answered(r.siteUrl + prefix);
  assert.equal((await get(`${r.siteUrl}${prefix}/health`)).json.status, 'healthy');
  const nothing = await get(`${r.siteUrl}${prefix}/v1/%6dessages`);
  assert.equal(nothing.status, 404);
  assert.equal(nothing.json.error.type, 'not_found_error', 'compared as the client sent it');
  assert.equal((await get(`${r.siteUrl}/`)).text, 'the site itself\n');
});

check('the same processes serve both ways', async t => {
  const r = await router(t, { site: true });
  await answered(r.url);
  await answered(r.siteUrl + prefix);
  await eventually('both run', () => r.pids().length === 2);
});
