// SPDX-License-Identifier: MIT
// claude-router-ctl: what an operator reads and says at a shell, without a web server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { command, eventually } from './lib/parts.mjs';
import { BUILD } from './lib/simulator.mjs';
import { router, stored } from './lib/router.mjs';
import { hosts, share } from './lib/share.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };

// No stored login: what is shown of Claude Pro is then the account of whoever came last.
const tokens = { deepseek: stored.deepseek, kimi: stored.kimi };

async function ask(r, ...args) {
  const run = await r.ctl(...args);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(run.stderr, '');
  return run.stdout;
}

check('status is a table, and JSON that says the same as /v1/status', async t => {
  const r = await router(t, { tokens });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await r.post(message(), oauth);
  const table = await ask(r, 'status');
  assert.match(table, /^degraded: DeepSeek \(Claude Pro paused until \d\d:\d\d\) · billed to your DeepSeek account \(auto\)\n/);
  assert.match(table, /^ {2}claude_pro +resting .*429 unified five_hour/m);
  assert.match(table, /^\* deepseek +ready/m);
  const [ours, theirs] = [JSON.parse(await ask(r, '--json', 'status')), await r.status()];
  for (const name of ['status', 'current_provider', 'reason', 'failover_count', 'last_failover', 'mode']) {
    assert.deepEqual(ours[name], theirs[name], name);
  }
  assert.deepEqual(Object.keys(ours.providers), Object.keys(theirs.providers));
});

check('the status line: how full the plan is, or who serves instead', async t => {
  const r = await router(t, { tokens });
  assert.equal(await ask(r, 'statusline'), 'Claude Pro\n');
  await r.sim.next('claude_pro', { fault: 'utilization', utilization: 0.62 });
  await r.post(message(), oauth);
  assert.equal(await ask(r, 'statusline'), 'Claude Pro · 62 % of 5 h\n');
  assert.equal((await r.get('/health')).json.line, 'Claude Pro · 62 % of 5 h');
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await r.post(message(), oauth);
  assert.match(await ask(r, 'statusline'), /^DeepSeek \(Claude Pro paused until \d\d:\d\d\) · billed to your DeepSeek account\n$/);
});

check('the status line by the router’s URL, for people who may not read its files', async t => {
  const r = await router(t, { tokens });
  const person = { env: { ...r.clockEnv } };
  const program = path.join(BUILD, 'claude-router-ctl');
  for (const url of [r.url, `${r.url}/`]) assert.equal((await command(program, ['statusline', url], person)).stdout, 'Claude Pro\n', url);
  // No proxy of the environment: the address may hold a client key.
  const proxied = { env: { ...person.env, http_proxy: 'http://127.0.0.1:1', ALL_PROXY: 'http://127.0.0.1:1' } };
  assert.equal((await command(program, ['statusline', r.url], proxied)).stdout, 'Claude Pro\n');
  const nobody = await command(program, ['statusline', 'http://127.0.0.1:1'], person);
  assert.equal(nobody.stdout, 'no router\n');
  assert.notEqual(nobody.code, 0);
});

check('the status line of a router that tells strangers the status and no more', async t => {
  const r = await router(t, { config: 'access = "keys"\nadmin_from = { "192.0.2.1" }' });
  assert.equal(await ask(r, 'statusline', r.url), 'healthy\n');
});

check('explain: who would be asked, for what, and why the others are not', async t => {
  const r = await router(t, { tokens: { deepseek: stored.deepseek }, sections: { kimi: 'enabled = false' } });
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await r.post(message(), oauth);
  const text = await ask(r, 'explain', 'claude-opus-5-5');
  assert.match(text, /^1\. deepseek is ready, model deepseek-v4-pro$/m);
  assert.match(text, /^- {2}claude_pro is paused until \d\d:\d\d \(429 unified five_hour\)$/m);
  assert.match(text, /^- {2}kimi is disabled$/m);
  assert.match(text, /^- {2}claude_api has no credential: /m);
  assert.equal((await r.sim.requests('deepseek')).length, 1, 'nothing was sent for it');
});

check('switch NAME and back; an unknown name says the choices', async t => {
  const r = await router(t);
  assert.equal(await ask(r, 'switch', 'kimi'), 'Kimi · billed to your Kimi account\n');
  assert.equal((await r.status()).mode, 'manual');
  await ask(r, 'switch', 'auto');
  assert.equal((await r.status()).mode, 'auto');
  const run = await r.ctl('switch', 'nobody');
  assert.equal(run.code, 64);
  assert.match(run.stderr, /auto, claude_pro, deepseek, kimi, claude_api/);
});

check('switch is told in the log and to who reads events, as one by the route is', async t => {
  const r = await router(t, { procs: 1, whole: (sim, it) => `log = "${it.file('log')}"\nledger_flush = 1\n${it.usualConfig()}` });
  const switches = async () => (await r.get('/v1/events')).json.events.filter(event => event.kind === 'switch').map(({ provider, text }) => [provider, text]);
  const told = [['kimi', 'switched to kimi by an admin'], ['', 'switched back to automatic by an admin']];
  for (const to of ['kimi', 'auto']) assert.equal((await r.ctl('switch', to)).stderr, '');
  assert.deepEqual(await switches(), told, 'at once');
  for (const to of ['kimi', 'auto']) await r.switchTo(to);
  await eventually('by the route, too', async () => (await switches()).length === 4);
  assert.deepEqual(await switches(), [...told, ...told]);
  for (const [, text] of told) assert.equal(readFileSync(r.file('log'), 'utf8').match(new RegExp(`level=notice msg="${text}"`, 'g')).length, 2);
});

check('a switch that cannot be written to the ledger is in force, and says so', async t => {
  const r = await router(t, { procs: 1, config: 'ledger = "/dev/null/usage.db"' });
  const run = await r.ctl('switch', 'kimi');
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stderr, /^claude-router-ctl: the switch is in force, but could not be written to the ledger$/m);
  assert.equal((await r.status()).current_provider, 'kimi');
});

check('check asks now', async t => {
  const r = await router(t);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await r.post(message());
  const run = await r.ctl('check');
  assert.equal(run.code, 0, run.stderr);
  assert.match(run.stdout, /serves requests \(resting → ready\)/);
  assert.equal((await r.status()).current_provider, 'claude_pro');
});

check('tokens names who has a credential, and shows none', async t => {
  const r = await router(t, { tokens: { kimi: stored.kimi } });
  const text = await ask(r, 'tokens');
  assert.match(text, /^ {2}kimi +stored$/m);
  assert.match(text, /^ {2}deepseek +none$/m);
  assert.ok(!text.includes(stored.kimi));
});

check('wrong usage: 64, and what is right', async t => {
  const r = await router(t);
  for (const args of [[], ['nonsense'], ['switch'], ['explain'], ['status', 'too', 'much'], ['switch', 'a', 'b']]) {
    const run = await r.ctl(...args);
    assert.equal(run.code, 64, args.join(' '));
    assert.notEqual(run.stderr, '', args.join(' '));
  }
});

check('what cannot be printed is no success', async t => {
  const r = await router(t, { tokens, whole: (sim, self) => `keys_file = "${self.file('keys')}"\n${self.usualConfig()}` });
  const into = (place, ...words) => command('sh', ['-c', `"$0" "$@" ${place}`, path.join(BUILD, ...words.slice(0, 1)), ...words.slice(1)], { env: r.env });
  const programs = [['claude-router-ctl', 'status'], ['claude-router-ctl', 'key', 'add', 'ada'], ['claude-router-ctl', '--help'], ['claude-router-check', '--print-crontab'],
    ['claude-router', '--check-config'], ['claude-router', '--version']];
  for (const words of programs) {
    const full = await into('> /dev/full', ...words);
    assert.equal(full.code, 74, `${words.join(' ')}: ${full.stderr}`);
    assert.match(full.stderr, /standard output could not be written\n$/);
  }
  // Who reads no further has read enough.
  const left = await into('| true', 'claude-router-ctl', 'status');
  assert.equal(left.stderr, '');
});

check('share key: a line for tokens.txt, each time another', async t => {
  const r = await router(t, { tokens });
  const [one, two] = [await ask(r, 'share', 'key'), await ask(r, 'share', 'key')];
  assert.match(one, /^share_key = [0-9a-f]{64}\n$/);
  assert.notEqual(one, two);
  assert.equal(await ask(r, 'share', 'status'), "share is not set: this machine's state is its own\n");
  for (const words of [['share'], ['share', 'key', 'x'], ['share', 'acl', 'a', 'b'], ['share', 'acl', 'a*b']]) assert.equal((await r.ctl(...words)).code, 64, words.join(' '));
});

check('share acl: the user that it makes can do what the messenger does, and nothing else', async t => {
  const password = 'a-password-of-its-own';
  const all = await hosts(t, { n: 1, away: true, tokens: { ...tokens, share: password }, url: s => `valkey://router@127.0.0.1:${s.port}/1?prefix=team` });
  const [r] = all, acl = (await ask(r, 'share', 'acl')).trim();
  assert.match(acl, /^ACL SETUSER router reset on >PASSWORD ~team:\* &team:\* \+/);
  assert.match((await r.ctl('share', 'status')).stdout, /^valkey:\/\/router@127\.0\.0\.1:\d+\/1\?prefix=team\nnot connected since \d\d:\d\d\n$/);
  assert.equal((await r.ctl('share', 'status')).code, 69);
  await all.server.start();
  await all.server.cli(acl.replace('>PASSWORD', `>${password}`).split(' '));
  await eventually('it is connected', async () => (await share(r)).connected);
  await eventually('the machines are counted', async () => /\nconnected since \d\d:\d\d\n1 machine, answers within \d+ ms\n/.test(await ask(r, 'share', 'status')));

  // A pause, its probe's lease and the way back, and a switch: all that there is to tell.
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 60 });
  await r.post(message(), oauth);
  r.clock.forward('2m');
  assert.equal((await r.post(message(), oauth)).headers['x-router-provider'], 'claude_pro');
  await r.ctl('switch', 'kimi');
  const holds = async word => (await all.server.content(1)).includes(word);
  await eventually('the switch is there', async () => await holds('"kind":"switch"') && await holds('"kind":"health"'));
  assert.ok(!/NOPERM/.test(r.messenger.output), r.messenger.output);
  assert.ok((await share(r)).connected);

  const able = words => all.server.cli(['--user', 'router', '--pass', password, '-n', '1', ...words]);
  assert.match(await able(['hgetall', 'team:switch']), /kimi/);
  for (const words of [['flushall'], ['keys', '*'], ['config', 'get', '*'], ['get', 'other'], ['publish', 'other:facts', 'x'], ['acl', 'list']]) await assert.rejects(able(words), /NOPERM/, words.join(' '));
});
