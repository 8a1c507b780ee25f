// SPDX-License-Identifier: MIT
// Every malformed file of ours: a clear error, no crash, nothing lost.
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { LOGIN, bearer, message } from './lib/client.mjs';
import { command, eventually } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';
import { BUILD } from './lib/simulator.mjs';

const oauth = { ...bearer(LOGIN), 'anthropic-beta': 'oauth-2025-04-20' };
const who = answer => answer.headers['x-router-provider'];

// --- claude-router.conf ---------------------------------------------------------------------------------------------

// text → the lines that the errors name, and words that each error holds
const wrongConfigs = {
  'an unknown option': ['max_retires = 3', 1, /max_retires/],
  'a wrong type': ['max_retries = many', 1, /max_retries/],
  'out of range': ['max_retries = 1000', 1, /max_retries.*(from|to|between)/],
  'no time': ['hold = "soon"', 1, /hold.*(s|m|h)/],
  'no size': ['max_request_bytes = "32X"', 1, /max_request_bytes/],
  'a word that is none of the choices': ['access = "closed"', 1, /access.*open.*keys/],
  'no network': ['admin_from = { "localhost" }', 1, /admin_from/],
  'a provider twice': ['provider kimi { }\nprovider kimi { }', 2, /kimi/],
  'an unknown dialect': ['provider kimi {\n  dialect = "klingon"\n}', 2, /dialect.*anthropic.*deepseek.*kimi/],
  'plain http to a strange address': ['provider kimi {\n  url = "http://192.0.2.1/"\n}', 2, /http/],
  'a password in a url': ['provider kimi {\n  url = "https://me:secret@192.0.2.1/"\n}', 2, /url/],
  'an open quote': ['hold = "20', 1, /./],
  'an open section': ['provider kimi {', 1, /./],
};
for (const [name, [text, line, words]] of Object.entries(wrongConfigs)) {
  check(`configuration, ${name}: file, line and the right form, from all three programs`, async t => {
    const r = await router(t);
    const file = r.file('wrong.conf');
    writeFileSync(file, `${text}\n`);
    const env = { ...r.env, CLAUDE_ROUTER_CONFIG: file };
    for (const [program, args] of [['claude-router', ['--check-config']], ['claude-router-check', []], ['claude-router-ctl', ['status']]]) {
      const run = await command(path.join(BUILD, program), args, { env });
      const told = run.stdout + run.stderr;
      assert.ok(typeof run.code === 'number' && run.code > 0 && run.code < 128, `${program}: ${run.code} ${told}`);
      assert.ok(told.includes(`wrong.conf:${line}`), `${program} names the line: ${told}`);
      assert.match(told, words, program);
      assert.ok(!told.includes('secret'), told);
    }
  });
}

check('configuration: all wrong values are told at once', async t => {
  const r = await router(t);
  writeFileSync(r.file('wrong.conf'), 'max_retries = 1000\nhold = "soon"\naccess = "closed"\n');
  const run = await command(path.join(BUILD, 'claude-router'), ['--check-config', '--config', r.file('wrong.conf')], { env: r.env });
  assert.match(run.stderr, /^.*wrong\.conf:1: .*\n.*wrong\.conf:2: .*\n.*wrong\.conf:3: .*\n$/);
});

check('a start that fails logs all that is wrong, a line each', async t => {
  const r = await router(t);
  const wrong = Array.from({ length: 20 }, (_, i) => `provider p${i} {\n  dialect = "klingon"\n  url = "https://192.0.2.1"\n}`);
  writeFileSync(r.file('wrong.conf'), wrong.join('\n'));
  const run = await command(path.join(BUILD, 'claude-router'), ['--config', r.file('wrong.conf'), '--socket', r.file('no.sock')], { env: r.env });
  assert.equal(run.code, 78);
  const lines = run.stderr.trimEnd().split('\n');
  assert.deepEqual(lines.map(line => / level=error msg="[^ ]*wrong\.conf:(\d+): .*[^\\]"$/.exec(line)?.[1]).filter(n => n % 4 === 2).length, 16, run.stderr);
  assert.ok(!run.stderr.includes('x0A'), run.stderr);
});

check('prices: all mistakes are told with file and line, and the router runs without', async t => {
  const r = await router(t, { whole: (sim, r) => {
    r.write('prices', 'checked 2026-11-27\na in=1\nb in=free out=2\nc in=1 out=2\n');
    return `${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
  } });
  const check_ = () => command(path.join(BUILD, 'claude-router'), ['--check-config'], { env: r.env });
  const run = await check_();
  assert.equal(run.code, 78);
  for (const line of [2, 3]) assert.ok(run.stderr.includes(`${r.file('prices')}:${line}: `), run.stderr);
  assert.equal((await r.post(message())).status, 200);
  r.write('prices', 'checked 2026-11-27\nc in=1 out=2\n');
  const then = await check_();
  assert.equal(then.code, 0, then.stderr);
  assert.ok(then.stdout.includes(`${r.file('prices')}: OK, checked 2026-`), then.stdout);
});

check('what is wrong in one file hides nothing that is wrong in another', async t => {
  const r = await router(t, { whole: (sim, r) => `${r.usualConfig()}\nprices_file = "${r.file('prices')}"\nkeys_file = "${r.file('keys')}"` });
  r.writeTokens('nobody = sk-planted-secret\n');
  r.write('prices', 'b in=free out=2\n');
  writeFileSync(r.file('keys'), 'ada\n', { mode: 0o600 });
  const run = await command(path.join(BUILD, 'claude-router'), ['--check-config'], { env: r.env });
  assert.deepEqual([run.code, run.stdout], [78, '']);
  assert.deepEqual(run.stderr.trimEnd().split('\n').map(line => /^.*\/([a-z.]+):1: ./.exec(line)?.[1]), ['tokens.txt', 'keys', 'prices']);
});

check('configuration: a file that was named and is not there is an error', async t => {
  const r = await router(t);
  for (const [program, args] of [['claude-router', ['--check-config']], ['claude-router-check', []], ['claude-router-ctl', ['status']]]) {
    const run = await command(path.join(BUILD, program), [...args, '--config', r.file('absent.conf')], { env: r.env });
    assert.ok(run.code > 0 && run.code < 128, `${program}: ${run.code}`);
    assert.match(run.stderr + run.stdout, /absent\.conf/);
  }
});

check('configuration: the right one is said to be right', async t => {
  const r = await router(t);
  const run = await command(path.join(BUILD, 'claude-router'), ['--check-config'], { env: r.env });
  assert.equal(run.code, 0, run.stderr);
});

// --- tokens.txt -----------------------------------------------------------------------------------------------------

const wrongTokens = {
  'no equals sign': ['deepseek = sk-new\nkimi sk-planted-secret\n', 2],
  'an unknown name': ['nobody = sk-planted-secret\n', 1],
  'a space in a value': ['deepseek = sk-planted secret\n', 1],
  'a control byte': ['deepseek = sk-planted\x07secret\n', 1],
  'twice the same': ['kimi = sk-a\nkimi = sk-planted-secret\n', 2],
};
for (const [name, [text, line]] of Object.entries(wrongTokens)) {
  check(`tokens.txt, ${name}: the old tokens stay in force, and the status says why`, async t => {
    const r = await router(t, { tokens: { deepseek: stored.deepseek } });
    assert.equal(who(await r.post(message())), 'deepseek');
    r.writeTokens(text);
    const error = await eventually('the status tells', async () => {
      await r.post(message());
      return (await r.status()).tokens_file.error;
    });
    assert.ok(error.includes(`:${line}`), error);
    assert.equal(who(await r.post(message())), 'deepseek');
    const arrived = await r.sim.requests('deepseek');
    assert.equal(arrived.at(-1).headers['x-api-key'] ?? arrived.at(-1).headers.authorization?.slice(7), stored.deepseek);
    const told = error + r.log() + (await r.get('/v1/status')).text;
    assert.doesNotMatch(told, /planted/, 'never the value');
  });
}

check('tokens.txt that others can read is refused, with the chmod to run', async t => {
  const r = await router(t, { tokens: { deepseek: stored.deepseek } });
  assert.equal(who(await r.post(message())), 'deepseek');
  r.writeTokens({ deepseek: 'sk-stored-new' });
  chmodSync(r.tokensFile, 0o644);
  const error = await eventually('the status tells', async () => {
    await r.post(message());
    return (await r.status()).tokens_file.error;
  });
  assert.match(error, /chmod/);
  chmodSync(r.tokensFile, 0o600);
  await eventually('the new one is taken up', async () => {
    await r.post(message());
    const { headers } = (await r.sim.requests('deepseek')).at(-1);
    return JSON.stringify(headers).includes('sk-stored-new');
  });
  assert.equal((await r.status()).tokens_file.error, null);
});

check('tokens.txt is taken up when it changes, with BOM, CR and comments', async t => {
  const r = await router(t, { tokens: { deepseek: stored.deepseek } });
  assert.equal(who(await r.post(message())), 'deepseek');
  r.writeTokens('\ufeff# a comment\r\n\r\nKIMI_API_KEY = sk-stored-new-kimi\r\n');
  await eventually('kimi serves', async () => who(await r.post(message())) === 'kimi');
});

// --- the state file -------------------------------------------------------------------------------------------------

const damages = {
  'cut to nothing': file => truncateSync(file, 0),
  'cut in half': file => truncateSync(file, Math.floor(readFileSync(file).length / 2)),
  'overwritten with noise': file => writeFileSync(file, Buffer.alloc(readFileSync(file).length, 'noise')),
  'of somebody else': file => writeFileSync(file, 'SQLite format 3\0'),
  'moved away': file => renameSync(file, `${file}.moved`),
};
for (const [name, damage] of Object.entries(damages)) {
  check(`the state file, ${name} under load: nothing is lost, and a new one is made`, async t => {
    const r = await router(t);
    let stop = false;
    const answers = [];
    const load = Promise.all(Array.from({ length: 4 }, async () => {
      while (!stop) answers.push((await r.post(message(), oauth)).status);
    }));
    await eventually('requests run', () => answers.length > 8);
    damage(r.state);
    await eventually('a new file is there and told well', async () => {
      const ctl = await r.ctl('status', '--json');
      return ctl.code === 0 && JSON.parse(ctl.stdout).status === 'healthy';
    });
    const n = answers.length;
    await eventually('requests go on', () => answers.length > n + 8);
    stop = true;
    await load;
    assert.deepEqual([...new Set(answers)], [200]);
    // Each process looks at the path once a second; until then a switch may be refused, clearly.
    await eventually('a switch is taken', async () => (await r.switchTo('kimi')).status === 200);
    await eventually('all processes have the new one', async () => {
      for (let i = 0; i < 8; i++) if (who(await r.post(message(), oauth)) !== 'kimi') return false;
      return true;
    });
    // An empty file has nothing that is worth keeping.
    if (!['moved away', 'cut to nothing'].includes(name)) await eventually('it was set aside', () => readdirSync(r.dir).some(f => /^state\.bad-/.test(f)));
  });
}
