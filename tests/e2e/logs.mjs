// SPDX-License-Identifier: MIT
// A client key in a path is in no log, whatever becomes of the request, unless the web server itself refuses it as malformed.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { begin, get, message, post } from './lib/client.mjs';
import { eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';
import { login } from './lib/scene.mjs';

const ignored = () => {};

// Requests with the key in many spellings, served and refused.
async function asked(url, key) {
  await post(`${url}/k/${key}/v1/messages`, message(), login);
  await post(`${url}/k/${key}/v1/messages?beta=true`, message(), login);
  for (const odd of [`/k/${key}`, `//k/${key}/health`, `/%6b/${key}/health`, `/k/${key}%2fx`, `/v1/../k/${key}/v1/models`]) await get(url + odd);
}

// A request whose responder dies, and one that finds none.
async function orphaned(r, url, key) {
  await r.sim.gate('claude_pro', { hold: true });
  const request = begin(`${url}/k/${key}/v1/messages`, { ...message(), stream: true }, login);
  const open = begin(`${url}/v1/messages`, { ...message(), stream: true }, login);
  await r.sim.requests('claude_pro', { wait: 3 });
  for (const pid of r.pids()) process.kill(pid, 'SIGKILL');
  await r.sim.gate('claude_pro', { hold: false });
  await Promise.all([request.answer.then(s => s.rest()).catch(ignored), open.answer.then(s => s.rest()).catch(ignored)]);
  await get(`${url}/k/${key}/health`).catch(ignored);
  await eventually('it serves again', async () => (await get(`${url}/health?live=1`)).status === 200);
}

// Files of the case that hold it, once all is written out.
async function holding(r, key) {
  await r.server.stop();
  return readdirSync(r.dir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    .map(entry => path.join(entry.path ?? r.dir, entry.name)).filter(file => readFileSync(file).includes(key));
}

for (const [way, url] of [['by the port', r => r.url], ['by a prefix of a site', r => `${r.siteUrl}/claude-router`]]) {
  check(`${way}: answered, refused and orphaned`, async t => {
    const r = await router(t, { site: true, whole: (_, it) => `keys_file = "${it.file('keys')}"\n${it.usualConfig()}` });
    const key = (await r.ctl('key', 'add', 'anna')).stdout.split('\n')[0];
    assert.equal((await r.ctl('reload')).code, 0);
    await asked(url(r), key);
    await orphaned(r, url(r), key);
    const files = await holding(r, key);
    const lines = files.map(file => `${file}:\n${readFileSync(file, 'utf8').split('\n').filter(line => line.includes(key)).join('\n')}`);
    assert.deepEqual(lines, []);
  });
}
