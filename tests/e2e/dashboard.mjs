// SPDX-License-Identifier: MIT
// The page of /dashboard in a real browser: what it shows, its buttons, and whom it refuses.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { after } from 'node:test';
import { EVIL, axeSource, cannot, closeBrowser, open } from './lib/browser.mjs';
import { check } from './lib/case.mjs';
import { request } from './lib/client.mjs';
import { day } from './lib/day.mjs';
import { dayOf, fill } from './lib/ledger.mjs';
import { eventually } from './lib/parts.mjs';
import { router, stored } from './lib/router.mjs';
import { hosts } from './lib/share.mjs';

const skip = cannot;
const BYTES_MAX = 40 * 1024;
const ADMIN_TOKEN = 'a-token-for-the-page';
after(closeBrowser);

const ready = page => page.locator('#providers li').first().waitFor();
const text = (page, selector) => page.locator(selector).innerText();
const at = when => ({ before: page => page.clock.setFixedTime(when) });
const quiet = page => assert.deepEqual(page.said, []);
const mode = async r => (await r.status()).mode;

async function clickThrough(page, button) {
  await page.getByRole('button', { name: button, exact: true }).click();
  const asked = await text(page, '#ask-text');
  await page.locator('#ask-yes').click();
  await page.locator('#ask-yes').waitFor({ state: 'hidden' });
  const told = await text(page, '#ask-text');
  await page.locator('#ask-no').click();
  return { asked, told };
}

// --- What is sent -------------------------------------------------------------------------------------------------------

check('one document of at most 40 KB, whose policy has the hashes of what is in it', async t => {
  const r = await router(t);
  const page = await r.get('/dashboard');
  assert.equal(page.status, 200);
  assert.ok(page.body.length <= BYTES_MAX, `${page.body.length} bytes`);
  const policy = page.headers['content-security-policy'];
  for (const [tag, source] of [['script', 'script-src'], ['style', 'style-src']]) {
    const [, inside, ...more] = page.text.split(new RegExp(`</?${tag}>`));
    assert.equal(more.length, 1, `one ${tag}`);
    assert.ok(policy.includes(`${source} 'sha256-${createHash('sha256').update(inside).digest('base64')}';`), `${tag}: ${policy}`);
  }
  for (const part of ["default-src 'none'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) assert.ok(policy.includes(part), part);
  const expected = { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store',
    'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin' };
  for (const [name, value] of Object.entries(expected)) assert.equal(page.headers[name], value);
  assert.match(page.text, /name="router-page" content="[0-9a-f]{64}"/);
  assert.match(page.text, /<noscript>[^]*Claude Pro/);
  assert.deepEqual([...page.text.matchAll(/(?:src|href)="(?!data:)/g)], [], 'nothing is loaded');
  const head = await request(`${r.url}/dashboard`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.body.length], [200, 0]);
});

check('/v1/status replies 304 to who has it already', async t => {
  const r = await router(t, { procs: 1 }); // a second one that starts meanwhile is a change
  const first = await r.get('/v1/status');
  const again = await r.get('/v1/status', { 'if-none-match': first.headers.etag });
  assert.deepEqual([again.status, again.body.length, again.headers.etag], [304, 0, first.headers.etag]);
  await r.switchTo('kimi');
  const changed = await r.get('/v1/status', { 'if-none-match': first.headers.etag });
  assert.equal(changed.status, 200);
  assert.equal(changed.json.mode, 'manual');
  assert.notEqual(changed.headers.etag, first.headers.etag);
});

check('for whom it is: admins, anyone without data, nobody', async t => {
  const r = await router(t, { config: 'dashboard = "admin"' });
  const far = { 'sec-fetch-site': 'cross-site' };
  const set = async value => {
    r.writeConfig(r.usualConfig().replace(/dashboard = ".*"/, `dashboard = "${value}"`));
    assert.equal((await r.ctl('reload')).code, 0);
  };
  const refused = await r.get('/dashboard', far);
  assert.equal(refused.status, 403);
  assert.match(refused.json.error.message, /dashboard = "token"/);
  await set('token');
  const empty = await r.get('/dashboard', far);
  assert.equal(empty.status, 200);
  assert.match(empty.text, /name="router-page" content=""/);
  assert.doesNotMatch(empty.text, /Claude Pro \u00b7|Claude Pro<\/p>/);
  await set('off');
  assert.equal((await r.get('/dashboard')).status, 404);
});

// --- What it shows ------------------------------------------------------------------------------------------------------

check('who serves, why, when Claude Pro is back, and what yesterday cost', { skip }, async t => {
  const r = await day(t);
  const page = await open(t, `${r.url}/dashboard`, at(r.now));
  await ready(page);
  const now = await text(page, '#now');
  for (const part of ['DeepSeek', 'billed to your DeepSeek account', 'Claude Pro is paused: its 5-hour limit is used up.', 'Claude Pro is back at', '18:00', 'in 2 h 14 min']) assert.ok(now.includes(part), `${part}: ${now}`);
  assert.match(await text(page, '#limits'), /5-hour limit\s+100%[^]*begins anew 18:00[^]*7-day limit[^]*Others come first from 90% on\.[^]*\$59\.00 at list prices/);
  assert.match(await text(page, '#cost'), /Today\s+\$1\.3\d[^]*Yesterday\s+\$3\.09[^]*7 days\s+\$8\.0\d/);
  const rows = await page.locator('#providers li').allInnerTexts();
  assert.equal(rows.length, 4);
  assert.match(rows[0], /^Claude Pro\s*paused until 18:00[^]*119 requests today[^]*Retry now[^]*Use this[^]*Check/);
  assert.match(rows[1], /^DeepSeek\s*serving\s+deepseek-\S+\s+\$1\.3\d today\s+Daily cap: \$1\.3\d of \$5\.00/);
  assert.equal(await page.locator('#providers [role=meter]').getAttribute('aria-valuenow'), '26');
  assert.match(await text(page, '#usage'), /claude-opus-5-5\s+1,160\s+75\.6M\s+94%[^]*anna/);
  assert.match(await text(page, '#usage'), /Budgets of client keys\s+ben · Monthly cap: \$1\.14 of \$1\.20\s+anna · Monthly cap: \$5\.54 of \$20\.00\s+anna · Daily cap: \$0\.00 of \$2\.00$/);
  assert.deepEqual(await page.locator('.budgets p').evaluateAll(nodes => nodes.map(node => node.className)), ['bad', '', '']);
  const last = await page.locator('#events li').allInnerTexts();
  assert.equal(last.length, 10);
  assert.match(last[0], /12:12\s+DeepSeek now costs money\s+requests now go to deepseek/);
  assert.match(await page.title(), /^DeepSeek/);
  quiet(page);
  assert.deepEqual(new Set(page.asked.map(url => new URL(url).origin)), new Set([r.url]));
});

check('the story of the day: a strip, its marks by keyboard, and a table behind each chart', { skip }, async t => {
  const r = await day(t);
  const page = await open(t, `${r.url}/dashboard`, at(r.now));
  await ready(page);
  assert.deepEqual(await page.locator('.strip .fill').evaluateAll(nodes => nodes.map(node => node.className.match(/p\d/)?.[0]).filter(Boolean)), ['p0', 'p1', 'p2', 'p0', 'p1']);
  const marks = page.locator('.marks button');
  assert.match(await marks.first().getAttribute('aria-label'), /^04:31 Claude Pro paused, 04:31 DeepSeek now costs money/);
  await marks.first().focus();
  await page.keyboard.press('Enter');
  assert.match(await text(page, '.said'), /04:31 Claude Pro paused claude_pro is paused until 06:00/);
  assert.equal(await marks.first().getAttribute('aria-pressed'), 'true');
  assert.equal(await page.evaluate(() => document.activeElement.className), await marks.first().getAttribute('class') ?? '', 'the focus stays');
  for (const [id, pattern] of [['#today-table', /Claude Pro\s+00:00 – 04:31\s+DeepSeek\s+04:31 – 05:10\s+Kimi\s+05:10 – 06:01/], ['#cost-table', /Wed 25 Nov\s+DeepSeek\s+120\s+\$2\.31/]]) {
    await page.locator(`${id} summary`).click();
    assert.match(await text(page, id), pattern);
  }
  quiet(page);
});

check('light and wide, dark and in Chinese on 360 px: nothing for axe, nothing on the console', { skip, timeout: 90 }, async t => {
  const r = await day(t);
  for (const [what, options] of Object.entries({
    light: {}, chinese: { locale: 'zh-CN', colorScheme: 'dark', viewport: { width: 360, height: 780 } },
  })) {
    const page = await open(t, `${r.url}/dashboard`, { ...options, before: async it => { await it.clock.setFixedTime(r.now); await it.addInitScript({ content: axeSource() }); } });
    await ready(page);
    if (what === 'chinese') {
      assert.match(await text(page, '#now'), /Claude Pro 已暂停：5 小时限额已用完。[^]*18:00\s+2 小时 14 分钟后/);
      assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
    }
    for (const summary of await page.locator('summary').all()) await summary.click();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${what}: ${wide} px too wide`);
    const found = await page.evaluate(async () => (await axe.run()).violations.map(one => `${one.id}: ${one.help} ${one.nodes.map(node => node.html).join(' ').slice(0, 300)}`));
    assert.deepEqual(found, [], what);
    quiet(page);
    await page.context().close();
  }
});

check('odd names stay text, and each key of several is there by its label', { skip }, async t => {
  const r = await router(t, { tokens: { claude_pro: stored.claude_pro, 'deepseek.home': 'sk-one', 'deepseek.work': 'sk-two' } });
  const odd = '<img src=x onerror="document.title=1">', now = r.clock.now();
  await fill(r.file('usage.db'), {
    day: [{ day: dayOf(now), provider: odd, served: odd, client: odd, cost: 2_000_000_000 }],
    event: [{ at: now - 1000, kind: odd, provider: odd, text: odd }, { at: now - 900, kind: 'left', provider: '__proto__', text: odd }, { at: now - 800, kind: 'constructor', provider: 'toString', text: '' }],
  });
  const page = await open(t, `${r.url}/dashboard`);
  await ready(page);
  assert.ok((await text(page, '#events')).includes(odd));
  assert.ok((await text(page, '#usage')).includes(odd));
  assert.ok((await text(page, '#cost')).includes(odd));
  assert.equal(await page.locator('img').count(), 0);
  assert.match(await text(page, '#providers'), /DeepSeek[^]*home: ready\s+work: ready[^]*Kimi/);
  quiet(page);
});

check('all is well, a limit that comes near, nobody left, a ledger that is off: in words', { skip }, async t => {
  const r = await router(t, { config: 'ledger = "off"', order: ['claude_pro'], tokens: { claude_pro: stored.claude_pro } });
  const page = await open(t, `${r.url}/dashboard`);
  await ready(page);
  assert.match(await text(page, '#now'), /Claude Pro\s+included in your plan\s+It is the first choice; nothing is in the way\./);
  assert.match(await text(page, '#limits'), /Not known yet/);
  assert.match(await text(page, '#cost'), /Nothing is recorded: ledger = "off"/);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3000 });
  await r.post({ model: 'claude-sonnet-5-5', max_tokens: 9, messages: [{ role: 'user', content: 'x' }] }, {}, '/v1/messages', { timeout: 40 });
  await eventually('it shows it', async () => /Nobody can serve[^]*Claude Pro is paused[^]*in (49|50) min/.test(await text(page, '#now')), 15);
  r.writeTokens({ claude_pro: 'two words are no token' });
  await eventually('the banner shows it', async () => /tokens\.txt: /.test(await text(page, '#alerts')), 15);
  quiet(page);
});

check('who shares is shown, and that nobody does any more', { skip }, async t => {
  const all = await hosts(t, { n: 2 }), page = await open(t, `${all[0].url}/dashboard`);
  await ready(page);
  await eventually('it shows both', async () => /2 machines share this, this one since .*\. News takes \d+ ms\./.test(await text(page, '#now')), 15);
  await all.server.kill();
  await eventually('the banner shows it', async () => /Not shared with other machines: not connected/.test(await text(page, '#alerts')), 15);
  assert.doesNotMatch(await text(page, '#now'), /share this/);
  quiet(page);
});

check('without JavaScript it says so, and shows the line of /health', { skip }, async t => {
  const r = await router(t);
  await r.switchTo('deepseek');
  const page = await open(t, `${r.url}/dashboard`, { javaScriptEnabled: false });
  const body = await text(page, 'body');
  assert.match(body, /This page needs JavaScript/);
  assert.ok(body.includes((await r.get('/health')).json.line), body);
});

// --- Asking -------------------------------------------------------------------------------------------------------------

check('asks each 5 s, one at a time, not while nobody sees it, and more seldom when nothing answers', { skip }, async t => {
  const r = await router(t);
  const asked = [];
  let fails = false, held;
  const page = await open(t, `${r.url}/dashboard`, { before: async it => {
    await it.clock.install();
    await it.route('**/v1/status', async route => {
      asked.push(route);
      if (held) await held;
      await (fails ? route.abort() : route.continue());
    });
  } });
  await ready(page);
  const counted = async ms => { asked.length = 0; await page.clock.runFor(ms); return asked.length; };
  const settled = () => page.evaluate(() => new Promise(resolve => { const channel = new MessageChannel(); channel.port1.onmessage = resolve; channel.port2.postMessage(0); }));
  const next = n => eventually(`request ${n}`, () => asked.length >= n);
  asked.length = 0;
  for (let i = 1; i <= 3; i++) { await page.clock.runFor(5000); await next(i); await settled(); }
  assert.equal(asked.length, 3);
  let release;
  held = new Promise(resolve => { release = resolve; });
  await page.clock.runFor(5000);
  await next(4);
  assert.equal(await counted(14_000), 0, 'one at a time');
  release();
  held = undefined;
  await settled();
  await page.evaluate(() => { Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); });
  await page.clock.runFor(6000);
  assert.equal(await counted(120_000), 0, 'nobody sees it');
  await page.evaluate(() => { delete document.hidden; document.dispatchEvent(new Event('visibilitychange')); });
  await next(1);
  fails = true;
  await eventually('it says so', async () => { await page.clock.runFor(1000); return /no answer; last seen \d+ s ago/.test(await text(page, '#pulse')); });
  asked.length = 0;
  for (let i = 0; i < 30; i++) { await page.clock.runFor(10_000); await settled(); }
  assert.ok(asked.length >= 3 && asked.length <= 9, `${asked.length} in 5 minutes`);
  fails = false;
  await eventually('it is back', async () => { await page.clock.runFor(5000); return /up to date/.test(await text(page, '#pulse')); });
});

check('open for 24 hours: memory stays flat', { skip }, async t => {
  const r = await day(t);
  const page = await open(t, `${r.url}/dashboard`, { before: it => it.clock.install({ time: r.now }) });
  await ready(page);
  // From here on the page is answered in the page: a day has 17 000 requests.
  await page.evaluate(async () => {
    const texts = {};
    for (const path of ['v1/status', 'v1/usage?days=7&by=day,provider', 'v1/usage?days=7&by=model', 'v1/usage?days=7&by=client', 'v1/events?limit=1000&after=0']) texts[path] = await (await fetch(path)).text();
    const { events } = JSON.parse(texts['v1/events?limit=1000&after=0']);
    let n = 0;
    window.asked = () => n;
    window.fetch = async path => {
      n++;
      const after = Number(/after=(\d+)/.exec(path)?.[1]);
      if (Number.isNaN(after)) return new Response(path === 'v1/status' ? texts[path].replace('"failover_count":', `"failover_count":${n}`) : texts[path]);
      const last = events.at(-1);
      return new Response(JSON.stringify({ events: [{ ...last, id: after + 1 }, { ...last, id: after + 2, at: new Date().toISOString(), kind: n % 2 ? 'left' : 'returned' }] }));
    };
  });
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const measured = async () => {
    for (let i = 0; i < 2; i++) await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  // The events fill up to their maximum first. Time goes by in steps of a poll; of a day, what fits into the time there is.
  const pass = async (hours, until) => { for (let ms = 0; ms < hours * 3600e3 && Date.now() < until; ms += 600e3) await page.clock.runFor(600e3); };
  await pass(12, Date.now() + 5000);
  const before = await measured();
  await pass(24, Date.now() + 9000);
  const behind = await measured();
  t.evidence('before and behind', JSON.stringify([await page.evaluate(() => window.asked()), before, behind], null, 1));
  assert.ok(behind.JSHeapUsedSize < before.JSHeapUsedSize * 1.25 + 1e6, `${before.JSHeapUsedSize} → ${behind.JSHeapUsedSize} bytes`);
  assert.ok(behind.Nodes < before.Nodes * 1.5 + 500, `${before.Nodes} → ${behind.Nodes} nodes`);
  assert.ok(behind.JSEventListeners < before.JSEventListeners * 1.5 + 50, `${before.JSEventListeners} → ${behind.JSEventListeners} listeners`);
});

// --- Buttons ------------------------------------------------------------------------------------------------------------

check('Use this, Automatic, Drill, Retry now and Check: asked once, done, and the answer told', { skip, timeout: 90 }, async t => {
  const r = await day(t);
  const page = await open(t, `${r.url}/dashboard`);
  await ready(page);
  await page.getByRole('button', { name: 'Use this: Kimi', exact: true }).focus();
  await page.keyboard.press('Enter');
  assert.equal(await text(page, '#ask-h'), 'Use Kimi?');
  await page.keyboard.press('Escape');
  assert.equal(await mode(r), 'auto', 'it was cancelled');
  const use = await clickThrough(page, 'Use this: Kimi');
  assert.equal(use.asked, 'Requests will go to Kimi first, which costs money.');
  assert.equal(use.told, 'Requests now go to Kimi.');
  assert.deepEqual([await mode(r), (await r.status()).current_provider], ['manual', 'kimi']);
  await eventually('the page shows it', async () => /Kimi[^]*Chosen by hand/.test(await text(page, '#now')));
  assert.equal((await clickThrough(page, 'Automatic')).told, 'Requests now go to DeepSeek.');
  assert.equal(await mode(r), 'auto');
  const tried = await clickThrough(page, 'Drill: DeepSeek');
  assert.match(tried.asked, /^The next conversation finds the limit of DeepSeek reached, once/);
  assert.match(tried.told, /^1 request of the next conversation to deepseek is answered as if its limit were reached/);
  assert.deepEqual([(await r.status()).drill.provider, (await r.status()).drill.waits], ['deepseek', true]);
  assert.match((await clickThrough(page, 'Retry now: Claude Pro')).told, /claude_pro may be available again/);
  assert.equal((await r.status()).providers.claude_pro.state, 'probing');
  const before = (await r.sim.requests('kimi')).length;
  assert.match((await clickThrough(page, 'Check: Kimi')).told, /^Found: /);
  assert.equal((await r.sim.requests('kimi')).length, before + 1);
  await eventually('it is written', async () => /switched back to automatic by an admin/.test((await r.get('/v1/events?limit=9')).text));
  r.clock.forward('3d'); // its token is too old by now
  await clickThrough(page, 'Use this: Claude API');
  assert.equal(await mode(r), 'manual');
  assert.deepEqual(page.said.filter(said => !/403/.test(said)), []);
});

check('with dashboard = "token" it asks for the admin token, and keeps it in memory alone', { skip }, async t => {
  const r = await router(t, { config: 'dashboard = "token"\nadmin_from = { "192.0.2.1" }', tokens: { ...stored, admin_token: ADMIN_TOKEN } });
  const page = await open(t, `${r.url}/dashboard`);
  await page.locator('#unlock').waitFor();
  assert.ok(!await page.locator('#data').isVisible());
  await page.locator('#token').fill('wrong');
  await page.keyboard.press('Enter');
  await eventually('it says so', async () => /That is not the admin token/.test(await text(page, '#pulse')));
  await page.locator('#token').fill(ADMIN_TOKEN);
  await page.keyboard.press('Enter');
  await ready(page);
  assert.ok(!await page.locator('#unlock').isVisible());
  await clickThrough(page, 'Use this: Kimi');
  assert.equal((await r.get('/v1/status', { 'x-router-admin': ADMIN_TOKEN })).json.mode, 'manual');
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML, location.href]));
  assert.ok(!kept.includes(ADMIN_TOKEN));
  assert.ok(!r.log().includes(ADMIN_TOKEN));
  await page.reload();
  await page.locator('#unlock').waitFor();
});

// --- Refusals -----------------------------------------------------------------------------------------------------------

const READ = ['/v1/status', '/v1/usage', '/v1/events', '/metrics', '/dashboard'];
const WRITE = [['/v1/switch-provider', '"kimi"'], ['/v1/retry-provider', '"kimi"'], ['/v1/health-check', '"kimi"'], ['/v1/drill', '{}'], ['/v1/self-test', 'x']];

// All that a page can try, in it: what could be read, and what was sent.
async function attack({ to, read, write, token }) {
  const seen = [];
  const tell = (how, path, what) => seen.push(`${how} ${path}: ${what}`);
  for (const path of read) {
    for (const options of [{}, { mode: 'no-cors', credentials: 'include' }]) {
      await fetch(to + path, options).then(async a => a.type !== 'opaque' && a.status !== 403 && tell('fetch', path, await a.text()), () => {});
    }
    await new Promise(resolve => { const image = new Image(); image.onload = () => { tell('image', path, 'loaded'); resolve(); }; image.onerror = resolve; image.src = to + path; });
    const frame = document.body.appendChild(document.createElement('iframe'));
    await new Promise(resolve => { frame.onload = resolve; frame.src = to + path; });
    try {
      const said = frame.contentDocument?.body.innerText ?? '';
      if (said && !/permission_error/.test(said)) tell('frame', path, said);
    } catch { /* another origin */ }
  }
  for (const [path, body] of write) {
    for (const options of [{}, { headers: { 'content-type': 'application/json' } }, { headers: { 'content-type': 'application/json', 'x-router-page': token } }, { mode: 'no-cors', credentials: 'include' }]) {
      await fetch(to + path, { method: 'POST', body, ...options }).then(async a => a.type !== 'opaque' && a.status !== 403 && tell('POST', path, await a.text()), () => {});
    }
    navigator.sendBeacon(to + path, body);
    const frame = document.body.appendChild(Object.assign(document.createElement('iframe'), { name: `f${path}` }));
    const form = document.body.appendChild(document.createElement('form'));
    Object.assign(form, { method: 'post', action: to + path, enctype: 'text/plain', target: frame.name });
    form.append(Object.assign(document.createElement('input'), { name: body, value: '' }));
    await new Promise(resolve => { frame.onload = resolve; form.submit(); });
  }
  return seen;
}

check('another site, and a name that was made to lead here, change nothing and read nothing', { skip, timeout: 90 }, async t => {
  const r = await router(t);
  const [, token] = (await r.get('/dashboard')).text.match(/content="([0-9a-f]{64})"/);
  const site = http.createServer((request, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!DOCTYPE html><title>a site</title>')).listen(0, '127.0.0.1');
  await new Promise(resolve => site.once('listening', resolve));
  t.after(() => new Promise(resolve => { site.closeAllConnections(); site.close(resolve); }));
  const before = await r.status();
  const places = {
    'another site': [`http://${EVIL}:${site.address().port}/`, r.url],
    'another port of this machine': [`http://127.0.0.1:${site.address().port}/`, r.url],
    'another name of this machine': [`http://localhost:${r.port}/`, r.url],
    'a name that was made to lead here': [`http://${EVIL}:${r.port}/`, `http://${EVIL}:${r.port}`],
  };
  for (const [what, [from, to]] of Object.entries(places)) {
    const page = await open(t, from);
    const let_in = [];
    page.on('response', answer => { if (answer.url().startsWith(to) && answer.url() !== from && answer.status() !== 403) let_in.push(`${answer.status()} ${answer.request().method()} ${answer.url()}`); });
    const seen = await page.evaluate(attack, { to, read: READ, write: WRITE, token });
    assert.deepEqual(seen, [], what);
    assert.deepEqual(let_in.filter(answer => !/OPTIONS/.test(answer)), [], what);
    await page.context().close();
  }
  const refused = [...READ, ...WRITE.map(([path]) => path)];
  for (const path of refused) assert.ok(r.log().includes(`path=${path} status=403`), `${path} was tried`);
  const behind = await r.status();
  for (const key of ['mode', 'current_provider', 'last_health_check']) assert.equal(behind[key], before[key], key);
  for (const name of ['claude_pro', 'kimi']) assert.equal((await r.sim.requests(name)).length, 0, name);
});
