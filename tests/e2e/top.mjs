// SPDX-License-Identifier: MIT
// claude-router-ctl top: the day as text, once without a terminal; in one it is refreshed in place, and leaves it as it was.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { day } from './lib/day.mjs';
import { Part, eventually } from './lib/parts.mjs';
import { router } from './lib/router.mjs';

const ENTER = '\x1b[?1049h\x1b[?25l', LEAVE = '\x1b[?25h\x1b[?1049l';

// In a terminal of so many rows and columns, of which the state before and behind is compared: { run, pid, code, screen }.
async function terminal(t, r, { rows = 24, columns = 80, env = {}, input } = {}) {
  const program = path.join(r.build, 'claude-router-ctl');
  r.write('in.sh', `stty rows ${rows} cols ${columns}\nstty -g >before\nsh -c 'echo $$ >pid.new; mv pid.new pid; exec ${program} top'\necho $? >code\nstty -g >behind\n`);
  const run = new Part('script', 'script', ['-qec', 'sh in.sh', '/dev/null'], { cwd: r.dir, env: { ...r.env, TERM: 'xterm', ...env }, input });
  t.after(async () => { if (run.alive && existsSync(r.file('pid'))) process.kill(Number(r.text('pid')), 'SIGKILL'); await run.stop(); });
  t.evidence('the terminal', () => JSON.stringify(run.stdout.slice(-4000)));
  await run.until(() => existsSync(r.file('pid')));
  return {
    run,
    pid: Number(r.text('pid')),
    // The last whole frame, as lines.
    get screen() { return (run.stdout.split('\x1b[H').slice(1).findLast(frame => frame.includes('\x1b[J')) ?? '').split('\x1b[J')[0].split(/\r*\n/).map(line => line.replace('\x1b[K', '')); },
    async ended() {
      await run.ended;
      assert.ok(run.stdout.includes(ENTER) && run.stdout.trimEnd().endsWith(LEAVE), 'the screen of before is back');
      assert.equal(readFileSync(r.file('behind'), 'utf8'), readFileSync(r.file('before'), 'utf8'), 'and its keys');
      return Number(r.text('code'));
    },
  };
}

const plain = line => line.replaceAll(/\x1b\[\d+m/g, '');

check('without a terminal it is printed once, as text', async t => {
  const r = await day(t);
  await eventually('nothing runs any more', async () => (await r.ctl('top')).stdout.includes(' 0 running'));
  for (const args of [['top'], ['--once', 'top']]) {
    const { code, stdout, stderr } = await r.ctl(...args);
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(!stdout.includes('\x1b'), stdout);
    assert.match(stdout, /^Claude Router \S+ {2}auto, 0 running\n\n● DeepSeek \(Claude Pro paused until 18:00\)/);
    assert.match(stdout, /\n {2}claude_pro is paused until 18:00 \(429 unified five_hour\)\n/);
    assert.match(stdout, /\nLimits\n {2}claude_pro {2}5h +█+ 100 % {2}anew 18:00 \(in 2 h 1\d min\)\n {2}claude_pro {2}7d +█+░+ +\d+ % /);
    assert.match(stdout, /\n {2}claude_pro {2}resting +until 18:00 .*429 unified five_hour\n▸ deepseek {4}serves +\$[\d.]+ today\n/);
    assert.match(stdout, /\nToday\n {2}(at least )?\$[\d.]+ spent; plans served what is worth \S+; \d+ requests\n {2}deepseek {4}day .* of \$5\.00\n/);
    assert.match(stdout, /\nWhat happened last\n {2}\d\d:\d\d +requests now go to deepseek, which costs money/);
  }
  assert.deepEqual(JSON.parse((await r.ctl('--json', 'top')).stdout).current_provider, 'deepseek');
});

check('in a terminal it is refreshed in place, within its size, until Ctrl-C', { timeout: 60 }, async t => {
  const r = await day(t);
  const it = await terminal(t, r, { rows: 12, columns: 72 });
  await eventually('a frame', () => it.screen.length > 3);
  const first = it.screen;
  assert.ok(first.length <= 12 && first.every(line => [...plain(line)].length <= 72), JSON.stringify(first));
  assert.match(first.join('\n'), /\x1b\[33m● \x1b\[0m\x1b\[1mDeepSeek/, 'with colours');
  await r.switchTo('kimi');
  await eventually('the change is shown', () => /● Kimi/.test(it.screen.map(plain).join('\n')));
  assert.ok(!it.run.stdout.slice(ENTER.length + 20).includes('\x1b[2J\x1b[2J'), 'it is not cleared each time');
  process.kill(it.pid, 'SIGINT');
  assert.equal(await it.ended(), 0);
});

check('NO_COLOR, a key, and no screen', { timeout: 60 }, async t => {
  const r = await router(t);
  const it = await terminal(t, r, { rows: 5, columns: 20, env: { NO_COLOR: '1' }, input: 'q' });
  assert.equal(await it.ended(), 0);
  assert.ok(!/\x1b\[\d+m/.test(it.run.stdout));
  assert.ok(it.screen.length <= 5 && it.screen.every(line => line.length <= 20), JSON.stringify(it.screen));
  const dumb = new Part('script', 'script', ['-qec', `${path.join(r.build, 'claude-router-ctl')} top`, '/dev/null'], { env: { ...r.env, TERM: 'dumb' } });
  assert.equal(await dumb.ended, 0);
  assert.ok(!dumb.stdout.includes('\x1b') && dumb.stdout.startsWith('Claude Router'), dumb.stdout);
});

check('Ctrl-Z gives the terminal back meanwhile', { timeout: 60 }, async t => {
  const r = await router(t);
  const it = await terminal(t, r);
  await eventually('a frame', () => it.screen.length > 3);
  process.kill(it.pid, 'SIGTSTP');
  await eventually('it has stopped', () => / T /.test(readFileSync(`/proc/${it.pid}/stat`, 'utf8').slice(-400)) && it.run.stdout.endsWith(LEAVE));
  process.kill(it.pid, 'SIGCONT');
  await eventually('it goes on', () => it.run.stdout.split(ENTER).length === 3);
  process.kill(it.pid, 'SIGTERM');
  assert.equal(await it.ended(), 0);
});
