// The drop-in for a lighttpd that has sites already: a prefix of the site and a port of its own, the same processes.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { get, message, post, stream, textOf } from './lib/client.mjs';
import { freePort } from './lib/parts.mjs';
import { TOP, router } from './lib/router.mjs';
import { BUILD } from './lib/simulator.mjs';

// A site with the drop-in, whose own port is the case's: { r, site: its URL }.
async function beside(t) {
  const port = await freePort();
  const r = await router(t, { lighttpd: (text, own) => site(own, port) });
  return { r, site: `http://127.0.0.1:${port}` };
}

function site(r, port) {
  const root = r.file('site');
  mkdirSync(root, { recursive: true });
  writeFileSync(path.join(root, 'index.html'), 'the site itself\n');
  const env = Object.entries(r.env).map(([name, value]) => `"${name}" => "${value}"`).join(', ');
  const dropIn = readFileSync(path.join(TOP, 'lighttpd/10-claude-router.conf.in'), 'utf8')
    .replaceAll('@routerdir@', BUILD).replaceAll('/run/lighttpd', r.dir).replaceAll('127.0.0.1:8000', `127.0.0.1:${r.port}`)
    .replace('"bin-copy-environment"', `"bin-environment" => ( ${env} ),\n        "bin-copy-environment"`);
  return `server.bind = "127.0.0.1"\nserver.port = ${port}\nserver.document-root = "${root}"\nindex-file.names = ( "index.html" )
server.errorlog = "${r.file('lighttpd.log')}"\nserver.breakagelog = "${r.file('router.log')}"\nserver.upload-dirs = ( "${r.dir}" )
mimetype.assign = ( ".html" => "text/html" )\nserver.modules = ( "mod_access" )\n${dropIn}`;
}

check('the site is what it was', async t => {
  const { site } = await beside(t);
  assert.equal((await get(`${site}/`)).text, 'the site itself\n');
  assert.equal((await get(`${site}/v1/messages`)).status, 404);
});

check('a message by the prefix, and one by the port', async t => {
  const { r, site } = await beside(t);
  for (const url of [`${site}/claude-router/v1/messages`, `${r.url}/v1/messages`]) {
    const answer = await post(url, message('SIM:SAY hello'));
    assert.equal(answer.status, 200, answer.text);
    const s = await stream(url, message('SIM:SAY hello again'));
    assert.equal(textOf(await s.rest()), 'hello again');
  }
  assert.equal(r.pids().length, 2, 'the same two processes serve both');
});
