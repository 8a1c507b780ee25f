// SPDX-License-Identifier: MIT
// Pictures of /dashboard with the simulator behind it: node screenshot.mjs DIRECTORY FILE, the file for the upper part of the
// first one. ./dev screenshot calls it.
import path from 'node:path';
import { closeBrowser, open } from '../e2e/lib/browser.mjs';
import { day } from '../e2e/lib/day.mjs';

const PICTURES = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { colorScheme: 'light', viewport: { width: 360, height: 780 }, deviceScaleFactor: 2 },
  'phone-dark-zh': { colorScheme: 'dark', viewport: { width: 360, height: 780 }, deviceScaleFactor: 2, locale: 'zh-CN' },
  zh: { colorScheme: 'light', locale: 'zh-CN' },
};

const UPPER = { x: 0, y: 0, width: 1180, height: 962 };
const [directory, upper] = process.argv.slice(2);
const stops = [];
const t = { after: stop => stops.push(stop), evidence() {} };
try {
  const r = await day(t);
  for (const [name, options] of Object.entries(PICTURES)) {
    const page = await open(t, `${r.url}/dashboard`, { ...options, before: it => it.clock.setFixedTime(r.now) });
    await page.locator('#providers li').first().waitFor();
    await page.screenshot({ path: path.join(directory, `${name}.png`), fullPage: true });
    if (name === 'light') await page.screenshot({ path: upper, clip: UPPER, fullPage: true });
    for (const said of page.said) console.error(`${name}: ${said}`);
  }
} finally {
  for (const stop of stops.reverse()) await stop();
  await closeBrowser();
}
