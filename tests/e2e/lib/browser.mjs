// SPDX-License-Identifier: MIT
// Debian's Chromium, driven by playwright-core: one for a file's cases, each with a profile of its own.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { TOP } from './router.mjs';

const NPM = createRequire(path.join(path.resolve(process.env.NPM_DIR ?? path.join(TOP, 'build/npm')), 'node_modules/'));
const PROGRAM = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find(existsSync);

// Names that lead here and nowhere else; every other name leads nowhere, but for localhost.
export const EVIL = 'evil.example';

export const cannot = PROGRAM ? false : 'no chromium-headless-shell here';
export const axeSource = () => NPM('axe-core').source;

let browser;

export async function chromium() {
  browser ??= await NPM('playwright-core').chromium.launch({
    executablePath: PROGRAM, chromiumSandbox: false,
    args: [`--host-resolver-rules=MAP ${EVIL} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1`],
  });
  return browser;
}

export async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

// A page: what its console says is in page.said, what it asked for in page.asked. options: playwright's of a context.
export async function open(t, url, { before = async () => {}, ...options } = {}) {
  const context = await (await chromium()).newContext({ locale: 'en-GB', timezoneId: 'UTC', viewport: { width: 1180, height: 900 }, reducedMotion: 'reduce', ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  page.said = [];
  page.asked = [];
  page.on('request', request => { if (!request.url().startsWith('data:')) page.asked.push(request.url()); });
  page.on('console', message => page.said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', error => page.said.push(`error: ${error.stack}`));
  await before(page);
  page.answer = await page.goto(url);
  return page;
}
