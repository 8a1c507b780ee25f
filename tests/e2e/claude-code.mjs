// SPDX-License-Identifier: MIT
// The promise itself: the real Claude Code carries a tool conversation across a Claude Pro limit and back.
import assert from 'node:assert/strict';
import { check } from './lib/case.mjs';
import { CLAUDE_LOGIN, person } from './lib/claude.mjs';
import { recorder } from './lib/recorder.mjs';
import { providers, router, stored } from './lib/router.mjs';

function said(run, text) {
  assert.equal(run.code, 0, `claude ended with ${run.code}\n${run.stdout}\n${run.stderr}`);
  assert.equal(run.json?.is_error, false, run.stdout);
  assert.match(run.text, text);
}

// tokens of tests: no stored login, so that claude_pro is served by the person's own.
const tokens = { deepseek: stored.deepseek, kimi: stored.kimi, claude_api: stored.claude_api };

check('a tool conversation outlives the limit and comes back', { timeout: 240 }, async t => {
  const r = await router(t, { tokens });
  const seen = await recorder(t, r);
  const me = person(t, seen);

  const first = await me.claude('SIM:TOOLS 2');
  said(first, /done 2 steps, last by claude_pro/);

  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  const second = await me.claude('SIM:TOOLS 3', '--resume', first.session);
  said(second, /done 3 steps, last by deepseek/);
  assert.equal((await r.status()).current_provider, 'deepseek');

  r.clock.forward('62m');
  const third = await me.claude('SIM:TOOLS 1', '--resume', second.session);
  said(third, /done 1 steps, last by claude_pro/);
  const status = await r.status();
  assert.equal(status.current_provider, 'claude_pro');
  assert.equal(status.status, 'healthy');

  await whatArrived(r, seen);
});

// Credentials never cross; Claude's bodies are byte for byte what Claude Code sent; the model is mapped.
async function whatArrived(r, seen) {
  const own = { ...stored, claude_pro: CLAUDE_LOGIN };
  for (const provider of providers) {
    for (const request of await r.sim.requests(provider)) {
      const text = JSON.stringify([request.rawHeaders, request.path, request.body]);
      for (const [name, credential] of Object.entries(own)) {
        assert.equal(text.includes(credential), name === provider, `${name}'s credential at ${provider}`);
      }
    }
  }
  const pro = await r.sim.requests('claude_pro');
  assert.ok(pro.length >= 6, `${pro.length} requests at claude_pro`);
  for (const request of pro) {
    assert.ok(seen.bodies.has(request.body_sha256), `#${request.n} arrived as Claude Code sent it`);
    assert.match(request.headers['user-agent'], /^claude-cli\//);
  }
  const deepseek = await r.sim.requests('deepseek');
  assert.ok(deepseek.length >= 4, `${deepseek.length} requests at deepseek`);
  for (const request of deepseek) {
    assert.match(request.json.model, /^deepseek-/);
    assert.deepEqual(request.problems, [], 'nothing that DeepSeek does not take');
    assert.doesNotMatch(request.headers['user-agent'] ?? '', /claude-cli/);
  }
}

check('a limit in the middle of a tool loop', { timeout: 180 }, async t => {
  const r = await router(t, { tokens });
  const me = person(t, r);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600, after: 2 });
  said(await me.claude('SIM:TOOLS 4'), /done 4 steps, last by deepseek/);
  assert.equal((await r.sim.requests('claude_pro')).length, 3);
});

check('limits of claude_pro and deepseek: kimi goes on', { timeout: 180 }, async t => {
  const r = await router(t, { tokens });
  const me = person(t, r);
  const first = await me.claude('SIM:TOOLS 1');
  said(first, /last by claude_pro/);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await r.sim.next('deepseek', { fault: 'balance' });
  said(await me.claude('SIM:TOOLS 2', '--resume', first.session), /done 2 steps, last by kimi/);
});

check('back on claude_pro with history of all three others', { timeout: 240 }, async t => {
  const r = await router(t, { tokens, config: 'retry_delay = 0.01' });
  const me = person(t, r);
  let session = [];
  for (const provider of ['claude_pro', 'deepseek', 'kimi', 'claude_api', 'claude_pro']) {
    await r.switchTo(provider);
    const run = await me.claude('SIM:TOOLS 1', ...session);
    said(run, new RegExp(`last by ${provider}`));
    session = ['--resume', run.session];
  }
});
