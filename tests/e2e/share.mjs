// SPDX-License-Identifier: MIT
// Three hosts with one failover state, through a real Valkey or Redis server; and what happens without it, or against it.
import assert from 'node:assert/strict';
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { check } from './lib/case.mjs';
import { CLAUDE_LOGIN, person } from './lib/claude.mjs';
import { Clock } from './lib/clock.mjs';
import { LOGIN, bearer, begin, message, textOf } from './lib/client.mjs';
import { eventually, freePort } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';
import { ask, asked, keys, login, session, standing, timed, who } from './lib/scene.mjs';
import { KEY, LIMIT, crowd, everywhere, fact, hasTls, hosts, limited, messenger, ready, resting, served, share, startMessenger, together } from './lib/share.mjs';
import { selfSigned } from './lib/simulator.mjs';
import { step, turn } from './lib/talk.mjs';

// Claude Pro's pause is over, and all know that it is back; the question for the lease may come too late, on a busy machine.
async function probed(all, headers = login) {
  await eventually('it is back', async () => who(await ask(all[0], false, 'Hello', headers)) === 'claude_pro');
  await everywhere(all, 'claude_pro is back', ready('claude_pro'), 2);
}

// The text with nothing in it that anybody said, or by which anybody is known.
function assertSaysNothing(where, text, others = []) {
  for (const secret of [LOGIN, ...Object.values(stored), KEY, 'SIM:SAY', 'answer', ...others]) assert.ok(!text.includes(secret), `${where} holds ${secret}`);
}

check('a limit that one host sees holds for all within a second, and ends for all after one probe, one of all', async t => {
  const password = 'the-servers-own-password', all = await hosts(t, { password });
  await limited(all);
  assert.equal(served(await crowd(all, 24), 'deepseek'), 24);
  assert.deepEqual(await asked(all, 'claude_pro'), [1], 'nobody asks the one that rests');
  all.clock.forward('12m');
  await all.sim.next('claude_pro', { fault: 'pass', delay_ms: 1500, times: -1 });
  const probes = served(await crowd(all, 64), 'claude_pro');
  assert.equal(probes || served(await crowd(all, 64), 'claude_pro'), 1, 'the probe'); // none, if each question was answered too late
  assert.deepEqual(await asked(all, 'claude_pro'), [2]);
  await all.sim.clear('claude_pro');
  await everywhere(all, 'claude_pro is back', ready('claude_pro'), 2);
  assert.equal(served(await crowd(all, 6), 'claude_pro'), 6);
  for (const r of all) assert.equal((await r.status()).status, 'healthy');

  const { server } = all, content = await server.content();
  assert.match(content, /"kind":"health"/);
  assert.ok(server.published.length > 3);
  assertSaysNothing('the server', content, [password]);
  assertSaysNothing('what was published', server.published.join('\n'), [password]);
  for (const r of all) assertSaysNothing("a messenger's log", r.messenger.output, [password]);
});

check('a probe that fails is one of all, too, and so is the hourly check', async t => {
  const all = await hosts(t, { tokens: stored });
  await all.sim.next('claude_pro', { fault: 'throttle', retry_after: 120, times: -1, delay_ms: 300 });
  assert.equal(who(await all[0].post(message())), 'deepseek');
  await everywhere(all, 'claude_pro rests', resting('claude_pro'), 1);
  for (let round = 1; round <= 2; round++) {
    all.clock.forward('135s');
    await Promise.all(Array.from({ length: 12 }, async (_, i) => assert.equal(who(await all[i % 3].post(message())), 'deepseek')));
    assert.deepEqual(await asked(all, 'claude_pro'), [1 + round], `return ${round}`);
    await everywhere(all, 'claude_pro rests again', resting('claude_pro'));
  }
  await all.sim.clear('claude_pro');
  await all.sim.next('claude_pro', { fault: 'pass', delay_ms: 1000, times: -1 });
  // A lease of before has run out by then; the pause has not. On a busy machine the answer may come too late: again.
  for (let runs = [], tries = 0; !runs.some(run => run.code === 0); tries++) {
    assert.ok(tries < 4, JSON.stringify(runs));
    all.clock.forward('65s');
    runs = await Promise.all(all.map(r => r.check()));
  }
  assert.deepEqual(await asked(all, 'claude_pro'), [4], 'one asks');
  await everywhere(all, 'claude_pro is back', ready('claude_pro'), 2);
});

check('a probe that takes minutes stays the only one, and one whose process dies is followed by another', { timeout: 90 }, async t => {
  const all = await hosts(t, { procs: 1 }), { clock, server, sim } = all;
  await limited(all);
  const timesAsked = async () => Number((await server.cli(['info', 'commandstats'])).match(/cmdstat_time:calls=(\d+)/)[1]), before = await timesAsked();
  clock.forward('12m');
  await eventually('each has asked for the time', async () => await timesAsked() >= before + all.length);
  await sim.next('claude_pro', { fault: 'stall' });
  let probe;
  do probe = begin(`${all[0].url}/v1/messages`, message(), login);
  while ((await sim.requests('claude_pro', { wait: 2, timeout: 2 })).length < 2);
  const lease = () => server.cli(['--scan', '--pattern', 'cr:lease:*']);
  for (let i = 0; i < 5; i++) {
    clock.pass('25s'); // so that the probe's lease lasts until the next one, should its state file be busy now
    for (let k = 0; k < 2; k++) await together(all); // they look at their clocks, after the first answer
    await eventually('it is renewed', async () => Number(await server.cli(['pttl', await lease()])) > 50_000);
    for (let k = 0; k < 5; k++) assert.equal(served(await crowd(all.slice(1), 2), 'deepseek'), 2);
  }
  assert.deepEqual(await asked(all, 'claude_pro'), [2]);
  const [, questions] = (await server.cli(['info', 'commandstats'])).match(/cmdstat_set:calls=(\d+)/);
  assert.ok(questions <= 12, `${questions} questions: a host that was refused asks no more for a minute`);
  process.kill(all[0].pids()[0], 'SIGKILL');
  await probe.answer.then(s => s.rest()).catch(() => {});
  clock.pass('65s');
  await eventually('it is given back', async () => await lease() === '');
  assert.ok(served(await crowd(all.slice(1), 2), 'claude_pro') >= 1);
  await everywhere(all.slice(1), 'claude_pro is back', ready('claude_pro'), 2);
});

check('a conversation whose requests go to the hosts in turn keeps its provider', async t => {
  const all = await hosts(t), { server } = all;
  let i = 0;
  // Each host has what was told before the next one is asked.
  const inTurn = new Proxy({}, { get: (_, name) => async (...args) => {
    const answer = await all[i++ % 3][name](...args);
    if (name === 'stream') {
      const { rest } = answer;
      answer.rest = async () => { const events = await rest.call(answer); await told(server); return events; };
    } else await told(server);
    return answer;
  } });
  const talk = [{ role: 'user', content: 'SIM:TOOLS 4' }];
  await all.sim.next('claude_pro', { ...LIMIT, after: 1 });
  assert.equal((await step(inTurn, talk, false)).length, 1);
  assert.deepEqual(await asked(all, 'claude_pro', 'deepseek'), [1, 0]);
  assert.equal((await step(inTurn, talk, true)).length, 1);
  assert.deepEqual(await asked(all, 'claude_pro', 'deepseek'), [2, 1], 'the limit');
  all.clock.forward('12m');
  assert.equal((await step(inTurn, talk, false)).length, 1);
  assert.equal((await step(inTurn, talk, true)).length, 1);
  assert.equal((await step(inTurn, talk, false)).length, 0);
  assert.deepEqual(await asked(all, 'claude_pro', 'deepseek'), [2, 4], 'a tool loop stays where it is, on each host');
  await probed(all);
  const [pro, deepseek] = await asked(all, 'claude_pro', 'deepseek');
  const said = await turn(inTurn, talk, 'SIM:TOOLS 2');
  assert.match(textOfBlocks(said), /by claude_pro/);
  assert.deepEqual(await asked(all, 'claude_pro', 'deepseek'), [pro + 3, deepseek], 'and a turn goes back');
});

const textOfBlocks = blocks => blocks.map(block => block.text ?? '').join('');

// Until what was published has stayed the same for some of the messengers' ticks.
async function told(server) {
  for (let before = -1, quiet = 0; quiet < 5; before = server.published.length) {
    quiet = before === server.published.length ? quiet + 1 : 0;
    await new Promise(resolve => setTimeout(resolve, 20));
  }
}

check('a manual switch holds everywhere, and the newest wins, whoever was away', async t => {
  const all = await hosts(t);
  const current = name => status => status.mode === (name === 'claude_pro' ? 'auto' : 'manual') && status.current_provider === name;
  for (const [i, name] of ['kimi', 'deepseek', 'claude_pro'].entries()) {
    assert.equal((await all[i].switchTo(name === 'claude_pro' ? 'auto' : name)).status, 200);
    await everywhere(all, `${name} it is`, current(name), 2);
  }
  await all[2].messenger.stop();
  for (const [i, name] of [[2, 'kimi'], [0, 'deepseek']]) {
    assert.equal((await all[i].switchTo(name)).status, 200);
    all.clock.forward('1s');
  }
  await everywhere(all.slice(0, 2), 'deepseek it is', current('deepseek'), 2);
  assert.equal((await all[2].status()).current_provider, 'kimi', 'by itself');
  await startMessenger(t, all[2]);
  await everywhere(all, 'deepseek it is', current('deepseek'));
  assert.equal((await all[0].switchTo('auto')).status, 200);
  await everywhere(all, 'nobody has chosen', current('claude_pro'), 2);
  await limited(all);
  assert.equal((await all[1].post('"claude_pro"', {}, '/v1/retry-provider')).status, 200);
  assert.equal(who(await ask(all[2], true)), 'deepseek');
  assert.equal(who(await ask(all[1], true)), 'claude_pro', 'a retry is of the host that was told');
  await everywhere(all, 'claude_pro is back', ready('claude_pro'), 2);
});

check('a drill that is begun on one host holds on all, and ends on all', async t => {
  const all = await hosts(t, { tokens: stored });
  const begin = async (r, wish) => (await r.post(wish, {}, '/v1/drill')).json.drill;
  const drill = (what, holds) => everywhere(all, what, status => holds(status.drill), 2);
  const say = async (i, n) => who(await ask(all[i], true, 'Hello', { 'x-claude-code-session-id': session(n) }));
  const { id } = await begin(all[0], { requests: 2, rest: '60s' });
  await drill('it runs', d => d?.id === id && d.waits);
  assert.equal((await all[1].post({}, {}, '/v1/drill')).status, 409, 'one at a time');
  for (const [i, left] of [[1, 1], [2, 0]]) {
    assert.equal(await say(i, 1), 'deepseek', 'as if a limit were reached');
    await drill('its pause', d => d.left === left && d.until !== null);
    assert.equal(await say(0, 1), 'deepseek', 'it is paused there, too');
    for (let k = 0; k < 3; k++) assert.equal(await say(k, 2), 'claude_pro', 'not for others');
    all.clock.forward('61s');
  }
  assert.equal(await say(0, 1), 'claude_pro', 'the probe');
  await drill('it is over', d => d === null);
  assert.deepEqual(await asked(all, 'claude_pro'), [7]);

  const second = await begin(all[2], { session: session(3) });
  await drill('another one runs', d => d?.id === second.id && !d.waits);
  assert.match((await all[1].ctl('drill', 'stop')).stdout, /was stopped/);
  await drill('it has ended', d => d === null);
  for (const r of all.slice(0, 2)) assert.match(r.messenger.output, new RegExp(`drill ${second.id} begins, as another machine tells`));

  await all[2].messenger.stop();
  const third = await begin(all[0], {});
  await startMessenger(t, all[2]);
  await drill('who was away knows it', d => d?.id === third.id);
});

check('the server is killed in the middle of 200 streams: none fails, and each host goes on; back without its data, it has all again', { timeout: 90 }, async t => {
  const all = await hosts(t), { server, sim } = all;
  const streams = await Promise.all(Array.from({ length: 200 }, (_, i) => all[i % 3].stream(message('SIM:LONG 20\nSIM:PACE 100'), login)));
  await Promise.all(streams.map(s => s.next()));
  await server.kill();
  const events = await Promise.all(streams.map(s => s.rest(60)));
  for (const [i, s] of streams.entries()) {
    assert.equal(s.status, 200);
    assert.equal(events[i].at(-1)?.event, 'message_stop', `stream ${i}`);
    assert.match(textOf(events[i]), /w20/);
  }
  await everywhere(all, 'the server is away', status => status.share.connected === null);
  await sim.next('claude_pro', LIMIT);
  assert.equal(who(await ask(all[0], true)), 'deepseek');
  await sim.next('deepseek', { fault: 'balance' });
  assert.equal((await all[1].switchTo('deepseek')).status, 200);
  assert.equal(who(await ask(all[1], true)), 'claude_pro', 'what one host has found holds there');
  assert.equal((await all[1].switchTo('auto')).status, 200);
  assert.equal(who(await ask(all[2], true)), 'claude_pro');

  await server.start();
  await together(all);
  await everywhere(all, 'both pauses are known', status => status.providers.claude_pro.state === 'resting' && status.providers.deepseek.state === 'resting', 5);
  assert.equal(served(await crowd(all, 6), 'kimi'), 6);
  await server.kill();
  await server.start();
  await together(all);
  await eventually('the new server has them again', async () => Number(await server.cli(['hlen', 'cr:health'])) >= 2);
});

check('a server that is stopped delays nothing: who would probe goes to the next provider, until each host probes by itself', async t => {
  const all = await hosts(t), { server } = all;
  await limited(all);
  all.clock.forward('12m');
  server.suspend();
  const answers = await crowd(all, 12);
  if (all.every(r => !/not connected/.test(r.messenger.output))) {
    assert.equal(served(answers, 'deepseek'), 12, 'without an answer nobody probes');
    assert.deepEqual(await asked(all, 'claude_pro'), [1]);
  }
  const gone = Array.from({ length: 12 }, (_, i) => begin(`${all[i % 3].url}/v1/messages`, message(), login));
  await new Promise(resolve => setImmediate(resolve));
  for (const { abort } of gone) abort(); // some while they ask
  await everywhere(all, 'the server is away', status => status.share.connected === null);
  for (const r of all) assert.match(r.messenger.output, /not connected.*does not answer/);
  assert.equal(served(await crowd(all, 3), 'claude_pro'), 3, 'each host by itself');
  server.resume();
  await together(all);
  assert.equal(served(await crowd(all, 6), 'claude_pro'), 6);
});

check('a link of 300 ms: news arrive, and no request waits for it; who would probe does so by itself after a moment', async t => {
  const link = await slowLink(t, 300);
  const all = await hosts(t, { url: s => link.to(s) });
  await everywhere(all, 'it is slow', status => status.share.delay_ms >= 600);
  await all.sim.next('claude_pro', LIMIT);
  assert.equal(who(await ask(all[0], true)), 'deepseek');
  await everywhere(all, 'claude_pro rests', resting('claude_pro'), 3);
  const ends = [];
  for (const r of all) ends.push((await standing(r, 'claude_pro')).seconds);
  assert.ok(Math.max(...ends) - Math.min(...ends) < 1, `${ends}`);
  all.clock.forward('12m');
  const times = [];
  for (const r of all) {
    const { value, ms } = await timed(() => ask(r, true));
    assert.equal(who(value), 'deepseek', 'it would have to wait');
    times.push(ms);
  }
  assert.ok(Math.min(...times) < 300, `${times} ms`);
  for (const r of all) await eventually('it probes by itself', async () => who(await ask(r, true)) === 'claude_pro');
  await everywhere(all, 'claude_pro is back', ready('claude_pro'), 3);
  for (const r of all) assert.doesNotMatch(r.messenger.output, /not connected/);
});

check('a server that answers late once keeps nobody from the next probe', async t => {
  const all = await hosts(t, { n: 1, procs: 1 }), [r] = all, { server } = all;
  for (let round = 0; round < 3; round++) {
    await limited(all);
    r.clock.forward('12m');
    server.suspend();
    for (let i = 0; i < 2; i++) assert.equal(who(await ask(r, true)), 'deepseek', 'no answer');
    server.resume(); // grants the lease of the first, which nobody waits for
    await eventually('a probe', async () => who(await ask(r, true)) === 'claude_pro', 5);
  }
});

for (const [what, password, error] of [['a wrong password', 'wrong', /WRONGPASS/], ['no password', undefined, /NOAUTH/]]) {
  check(`${what}: the log and the doctor say so, and requests are served as ever`, async t => {
    const all = await hosts(t, { n: 1, password: 'right', away: true }), [r] = all;
    await r.messenger.stop();
    r.writeTokens({ ...stored, share_key: KEY, ...(password && { share: password }) });
    await all.server.start();
    await startMessenger(t, r);
    await eventually('it has tried', () => error.test(r.messenger.output));
    assert.equal(who(await ask(r, true)), 'claude_pro');
    assert.match((await share(r)).error, /not connected/);
    assert.match((await r.ctl('doctor')).stdout, /valkey:\/\/127\.0\.0\.1:\d+: not connected since/);
    assertSaysNothing("the messenger's log", r.messenger.output, ['right', 'wrong-']);
  });
}

check('a server that is not there: the log says why', async t => {
  const [r] = await hosts(t, { n: 1, away: true, url: () => 'unix:///nowhere/valkey.sock' });
  await eventually('it has tried', () => /not connected.*No such file or directory/.test(r.messenger.output));
  assert.equal(who(await ask(r, true)), 'claude_pro');
});

check('who refuses at once is not hammered', async t => {
  const at = [];
  const server = net.createServer(socket => {
    at.push(Date.now());
    socket.on('error', () => {}).resume();
    socket.end('-DENIED Redis is running in protected mode because protected mode is enabled\r\n');
  });
  t.after(() => new Promise(resolve => server.close(resolve)));
  const port = await freePort();
  await new Promise(resolve => server.listen(port, '127.0.0.1', resolve));
  const [r] = await hosts(t, { n: 1, away: true, url: () => `valkey://127.0.0.1:${port}` });
  // Each try makes up to two connections, one after the other.
  await eventually('it has tried four times', () => at.length >= 8 || at.at(-1) - at[0] > 3000, 15);
  const tries = at.filter((time, i) => i === 0 || time - at[i - 1] > 250);
  const gaps = tries.slice(1).map((time, i) => time - tries[i]);
  assert.ok(gaps.length >= 2 && gaps.every((gap, i) => gap >= 400 * 2 ** Math.min(i, 2)), `${gaps} ms`);
  assert.match(r.messenger.output, /protected mode/);
  assert.equal(r.messenger.output.match(/not connected/g).length, 1, 'said once');
});

check('what is forged, of another key or of another version is ignored and counted', async t => {
  const all = await hosts(t), { server } = all;
  await limited(all);
  const value = server.published.map(text => JSON.parse(text.slice(65))).find(f => f.kind === 'health' && f.pause > 0);
  const other = { ...value, since: value.since + 1, until: value.until + 3_600_000 };
  const untouched = async what => {
    await told(server);
    for (const r of all) assert.ok((await standing(r, 'claude_pro')).seconds < 800, what);
  };
  const forgeries = {
    'another key': fact(other, '00'.repeat(32)), 'no hash': JSON.stringify(other), 'a word': 'x', nothing: '',
    'the hash of another fact': `${fact(value).slice(0, 64)} ${JSON.stringify(other)}`, 'a long one': 'f'.repeat(100_000),
  };
  for (const [what, text] of Object.entries(forgeries)) {
    await server.cli(['hset', 'cr:health', what], text);
    await server.cli(['publish', 'cr:facts'], text);
    await untouched(what);
  }
  await everywhere(all, 'it is counted', status => status.share.refused >= Object.keys(forgeries).length);
  for (const r of all) assert.equal(r.messenger.output.match(/not made with our share_key/g)?.length, 1, 'and logged, once');
  for (const [what, fields] of Object.entries({ 'an older version': { version: 0 }, 'a newer version': { version: 2 }, 'another kind': { kind: 'future' }, 'a wrong number': { pause: 77 } })) {
    await server.cli(['hset', 'cr:health', what], fact({ ...other, ...fields }));
    await server.publish(fact({ ...other, ...fields }));
    await untouched(what);
  }
  await server.publish(fact(other));
  await everywhere(all, 'what is genuine is not', (status, r) => Date.parse(status.providers.claude_pro.until) - r.clock.now() > 800_000, 2);
  // Who comes later finds it all at the server.
  await all[2].messenger.stop();
  await startMessenger(t, all[2]);
  await together(all);
  assert.equal(served(await crowd(all, 3), 'deepseek'), 3);
});

check('one messenger a host: a second one ends, a killed one is followed by the next, and without any the doctor says so', async t => {
  const [r] = await hosts(t, { n: 1 });
  const second = messenger(t, r);
  assert.equal(await second.ended, 75, second.output);
  assert.match(second.output, /another one runs/);
  assert.ok((await share(r)).connected, 'the first one is still there');
  await r.messenger.stop('SIGKILL');
  assert.match((await share(r)).error, /does not run/);
  assert.ok(existsSync(`${r.state}.share`), 'its socket stays');
  await limited(Object.assign([r], { sim: r.sim }));
  r.clock.forward('12m');
  assert.equal(who(await ask(r, true)), 'claude_pro', 'nobody is asked for a lease');
  const doctor = await r.ctl('doctor');
  assert.match(doctor.stdout, /claude-router-share does not run/);
  await startMessenger(t, r);
  await together([r]);
  assert.doesNotMatch((await r.ctl('doctor')).stdout, /claude-router-share|share/);
  await r.messenger.stop();
  assert.ok(!existsSync(`${r.state}.share`), 'it takes its socket away');
});

check('a messenger that hangs keeps no provider away for ever, and shows until it goes on', async t => {
  const all = await hosts(t, { n: 1, procs: 1 }), [r] = all;
  await limited(all);
  r.clock.forward('12m');
  r.messenger.kill('SIGSTOP');
  assert.equal(who(await ask(r, true)), 'deepseek', 'no answer');
  r.clock.pass('3s');
  assert.equal(who(await ask(r, true)), 'deepseek', 'it may be a moment');
  assert.ok((await share(r)).connected);
  r.clock.pass('3s');
  const hung = await share(r);
  assert.deepEqual([hung.connected, hung.error], [null, 'claude-router-share does not answer']);
  assert.ok(Math.abs(r.clock.now() - 6500 - Date.parse(hung.silent)) < 1500, hung.silent);
  assert.match((await r.get('/metrics')).text, /^claude_router_share_connected 0$/m);
  assert.match((await r.ctl('doctor')).stdout, /claude-router-share has not answered since \d\d:\d\d/);
  const status = await r.ctl('share', 'status');
  assert.deepEqual([status.code, status.stdout.split('\n')[1].slice(0, 42)], [69, 'claude-router-share has not answered since']);
  assert.equal(who(await ask(r, true)), 'claude_pro', 'it is alone');
  r.messenger.kill('SIGCONT');
  await together(all);
  assert.doesNotMatch((await r.ctl('doctor')).stdout, /share/);
});

check('a messenger that nobody can ask keeps no provider away for ever', async t => {
  const all = await hosts(t, { n: 1, procs: 1 }), [r] = all, socket = `${r.state}.share`;
  await limited(all);
  r.clock.forward('12m');
  rmSync(socket);
  symlinkSync(socket, socket); // a way that leads nowhere is as one without the right to go
  assert.equal(who(await ask(r, true)), 'deepseek', 'no answer');
  r.clock.pass('6s');
  assert.equal(who(await ask(r, true)), 'claude_pro', 'it is alone');
  await together(all);
});

check('clocks that are 5 s apart make a pause neither longer nor shorter', async t => {
  const all = await hosts(t, { clocks: true, away: true });
  all[1].clock.forward('5s');
  all[2].clock.forward('-5s');
  const clock = new Clock(all[0].file('server.clock'));
  await all.server.start({ ...all[0].clockEnv, TEST_CLOCK_FILE: clock.file });
  await together(all);
  await limited(all);
  const seconds = [];
  for (const r of all) seconds.push((await standing(r, 'claude_pro')).seconds);
  for (const s of seconds) assert.ok(Math.abs(s - seconds[0]) < 1.5, `${seconds}`);
  for (const [i, word] of [[1, 'behind'], [2, 'ahead of']]) assert.match((await all[i].ctl('doctor')).stdout, new RegExp(`clock of the server at share is [45]\\.\\d s ${word}`));
  assert.doesNotMatch((await all[0].ctl('doctor')).stdout, /clock of the server/);
  for (const it of [clock, ...all.map(r => r.clock)]) it.forward('12m'); // the server's first: whose clock is set, measures
  await all.sim.next('claude_pro', { fault: 'pass', delay_ms: 1000, times: -1 });
  const probes = served(await crowd(all, 12), 'claude_pro');
  assert.equal(probes || served(await crowd(all, 12), 'claude_pro'), 1);
  await everywhere(all, 'claude_pro is back', ready('claude_pro'), 2);
  // A switch that is made later is the newest, whatever the clocks say.
  for (const [i, name] of [[1, 'kimi'], [2, 'deepseek']]) {
    await all[i].switchTo(name);
    await everywhere(all, `${name} it is`, status => status.current_provider === name, 2);
  }
});

check('a machine whose clock is set while it is connected tells and understands times as before', async t => {
  const all = await hosts(t, { clocks: true, away: true }), [, other, late] = all;
  late.clock.forward('-2h'); // as after a start without a battery for the clock
  await all.server.start();
  await together(all);
  late.clock.forward('2h');
  await eventually('the difference is measured anew', async () => Math.abs((await share(late)).clock_ms) < 1000);
  await limited(all);
  await all.sim.next('deepseek', { fault: 'balance' });
  assert.equal(who(await ask(late, true)), 'kimi');
  await everywhere(all, 'deepseek rests', resting('deepseek'), 2);
  for (const name of ['claude_pro', 'deepseek']) {
    const seconds = await Promise.all(all.map(async r => (await standing(r, name)).seconds));
    for (const s of seconds) assert.ok(Math.abs(s - seconds[0]) < 1.5, `${name}: ${seconds}`);
  }
  for (const [r, name] of [[late, 'kimi'], [other, 'claude_api']]) {
    await r.switchTo(name);
    await everywhere(all, `${name} it is`, status => status.current_provider === name, 2);
  }
});

check('each host holds its part of a cap, with the server and without it', async t => {
  const all = await hosts(t, {
    config: 'share_hosts = 3', order: ['deepseek', 'kimi'], sections: { deepseek: 'daily_cap = 9' },
    whole: (sim, r) => { // a cent for each token of output: a dollar is reserved for a message, and 90 cents are spent
      r.write('prices', 'deepseek:* in=0 out=10000\nkimi:* in=0 out=0\n');
      return `${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
    },
  });
  const used = async () => Promise.all(all.map(async r => (await r.status()).caps[0].used));
  for (let round = 0; round < 2; round++) {
    const answers = await Promise.all(Array.from({ length: 18 }, (_, i) => all[i % 3].post(message('SIM:LONG 90'))));
    for (const answer of answers) assert.equal(answer.status, 200, answer.text);
    for (const each of await used()) assert.ok(each < 4, `${each} of $3, and less than a message more`);
    if (round === 0) await all.server.kill();
  }
  for (const each of await used()) assert.ok(each > 2, `${each} of $3`);
  assert.equal(who(await all[0].post(message())), 'kimi');
});

check('without share there is no socket and no process', async t => {
  const r = await router(t);
  const m = messenger(t, r);
  assert.equal(await m.ended, 0, m.output);
  assert.match(m.output, /share is not set/);
  assert.ok(!existsSync(`${r.state}.share`));
  assert.equal((await r.status()).share, undefined);
  assert.doesNotMatch((await r.get('/metrics')).text, /share/);
  assert.equal(who(await ask(r, true)), 'claude_pro');
});

check('Claude Code, whose requests go to the hosts in turn, outlives a limit and comes back', { timeout: 180 }, async t => {
  const all = await hosts(t);
  const me = person(t, { url: await roundRobin(t, all) });
  await all.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600, after: 2 });
  const first = await me.claude('SIM:TOOLS 4');
  assert.match(first.text, /done 4 steps, last by deepseek/, first.stdout + first.stderr);
  assert.equal((await all.sim.requests('claude_pro')).length, 3, 'one host has seen the limit');
  all.clock.forward('62m');
  await probed(all, { ...login, ...bearer(CLAUDE_LOGIN) });
  const second = await me.claude('SIM:TOOLS 2', '--resume', first.session);
  assert.match(second.text, /done 2 steps, last by claude_pro/, second.stdout + second.stderr);
});

check('the rights that claude-router-ctl share acl prints are enough, and all', async t => {
  const all = await hosts(t, { n: 2, away: true, tokens: { ...keys, share: 'a-password' }, url: s => `valkey://router@127.0.0.1:${s.port}` });
  await all.server.start();
  const line = (await all[0].ctl('share', 'acl')).stdout.trim().replace('PASSWORD', 'a-password');
  assert.equal(await all.server.cli(line.split(' ')), 'OK');
  await all.server.cli(['set', 'other', 'x']);
  await together(all);
  await limited(all);
  for (const r of all) r.clock.forward('12m');
  assert.equal(who(await ask(all[1], true)), 'claude_pro', 'a lease is granted');
  await everywhere(all, 'claude_pro is back', ready('claude_pro'), 2);
  const denied = ['get other', 'flushall', 'keys *', 'config get *', 'publish other x', 'subscribe other', 'acl list', 'client list'];
  for (const command of denied) assert.match(await all.server.as('router', 'a-password', command.split(' ')), /NOPERM/, command);
});

check('TLS: by an authority that is known, or not at all', async t => {
  if (!await hasTls()) t.skip('this libhiredis has no TLS');
  const tls = await selfSigned(t);
  const all = await hosts(t, { n: 2, tls, url: s => `valkeys://127.0.0.1:${s.port}`, env: { SSL_CERT_FILE: tls.certificate } });
  await limited(all);
  const [, stranger] = all;
  await stranger.messenger.stop();
  stranger.extraEnv.SSL_CERT_FILE = '/etc/ssl/certs/ca-certificates.crt';
  await startMessenger(t, stranger);
  await eventually('it does not believe the server', () => /not connected.*certificate verify failed/.test(stranger.messenger.output));
  assert.equal((await share(stranger)).connected, null);
});

// Sends each request to the next host; its URL.
async function roundRobin(t, all) {
  let i = 0;
  const server = http.createServer((req, res) => {
    const to = http.request({ host: '127.0.0.1', port: all[i++ % all.length].port, method: req.method, path: req.url, headers: req.headers }, answer => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    to.on('error', () => res.destroy());
    req.pipe(to);
  });
  t.after(() => { server.closeAllConnections(); server.close(); });
  const port = await freePort();
  await new Promise(resolve => server.listen(port, '127.0.0.1', resolve));
  return `http://127.0.0.1:${port}`;
}

// A way to a server on which each word takes so many ms: .to(server) is its URL.
async function slowLink(t, ms) {
  let target;
  const port = await freePort(), sockets = new Set();
  const link = net.createServer(near => {
    const far = net.connect(target, '127.0.0.1');
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from);
      from.setNoDelay().on('data', bytes => setTimeout(() => to.write(bytes), ms)).on('error', () => {}).on('close', () => to.destroy());
    }
  });
  t.after(() => { for (const socket of sockets) socket.destroy(); link.close(); });
  await new Promise(resolve => link.listen(port, '127.0.0.1', resolve));
  return { to: server => { target = server.port; return `valkey://127.0.0.1:${port}`; } };
}
