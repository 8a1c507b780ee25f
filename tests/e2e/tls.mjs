// SPDX-License-Identifier: MIT
// Providers over TLS: certificates are checked, connections stay warm, and what cannot be trusted is passed over.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message, textOf } from './lib/client.mjs';
import { command } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';
import { Simulator } from './lib/simulator.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const who = answer => answer.headers['x-router-provider'];

// A router whose claude_pro is asked at https://HOST, with a certificate for 127.0.0.1, and deepseek plainly.
async function overTls(t, { host = '127.0.0.1', ca = true } = {}) {
  return router(t, {
    tokens: { deepseek: stored.deepseek },
    whole: (sim, self) => [
      `tokens_file = "${self.tokensFile}"\nretry_delay = 0.02`,
      `provider claude_pro {\n  url = "https://${host}:${sim.ports.tls.claude_pro}"\n  trust_url = true\n  ${ca ? `ca_file = "${sim.certificate}"` : ''}\n}`,
      `provider deepseek {\n  url = "${sim.url('deepseek')}"\n}`,
    ].join('\n'),
    sim: await simulatorWithTls(t),
  });
}

async function simulatorWithTls(t) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-tls-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [key, certificate] = [`${dir}/key.pem`, `${dir}/cert.pem`];
  const made = await command('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=simulator', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate]);
  assert.equal(made.code, 0, made.stderr);
  const sim = await Simulator.start(t, dir, { args: ['--tls-cert', certificate, '--tls-key', key] });
  return Object.assign(sim, { certificate });
}

check('a message and a stream, on one warm connection', async t => {
  const r = await overTls(t);
  for (let i = 0; i < 4; i++) assert.equal(who(await r.post(message(), oauth)), 'claude_pro');
  const s = await r.stream(message('SIM:SAY over TLS'), oauth);
  assert.equal(textOf(await s.rest()), 'over TLS');
  const requests = await r.sim.requests('claude_pro');
  assert.ok(requests.every(request => request.tls));
  assert.ok(new Set(requests.map(request => request.connection)).size <= r.procs, 'a connection a process');
});

// libcurl sends them in several ways, of which TLS has its own.
check('bodies of all sizes arrive as they were sent, and once more when the connection dies', async t => {
  const r = await overTls(t);
  for (const size of [10, 8_000, 16_000, 49_000, 66_000, 400_000]) {
    for (const faults of [[], ['close']]) {
      const body = message(`SIM:SAY fine\n${Array.from({ length: size / 10 }, (_, i) => String(i).padStart(10)).join('')}`);
      const before = (await r.sim.requests('claude_pro')).length;
      for (const fault of faults) await r.sim.next('claude_pro', { fault });
      assert.equal(who(await r.post(body, oauth)), 'claude_pro');
      const arrived = (await r.sim.requests('claude_pro')).slice(before);
      assert.deepEqual(arrived.map(request => request.body === JSON.stringify(body)), [...faults, 'last'].map(() => true), `${size} bytes`);
    }
  }
});

check('a certificate of somebody unknown: nothing is sent there, another provider serves', async t => {
  const r = await overTls(t, { ca: false });
  assert.equal(who(await r.post(message(), oauth)), 'deepseek');
  assert.equal((await r.sim.requests('claude_pro')).length, 0);
  assert.match((await r.status()).providers.claude_pro.why, /no connection/);
});

check('a certificate for another name: the same', async t => {
  const r = await overTls(t, { host: 'localhost' });
  assert.equal(who(await r.post(message(), oauth)), 'deepseek');
  assert.equal((await r.sim.requests('claude_pro')).length, 0);
});

check('a reload that takes the CA away: handles that were used with it know it no more', async t => {
  const r = await overTls(t);
  for (let i = 0; i < 2 * r.procs; i++) assert.equal(who(await r.post(message(), oauth)), 'claude_pro');
  const before = (await r.sim.requests('claude_pro')).length;
  r.writeConfig(r.options.whole(r.sim, r).replace(/ca_file = .*/, ''));
  assert.equal((await r.ctl('reload')).code, 0);
  assert.equal(who(await r.post(message(), oauth)), 'deepseek');
  assert.equal((await r.sim.requests('claude_pro')).length, before);
});
