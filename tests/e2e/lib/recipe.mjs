// SPDX-License-Identifier: MIT
// The blocks of a page of doc/, which the tests run as they stand: each begins with a comment that names it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { TOP } from './router.mjs';

// A function of a block's name, such as '/etc/hosts on the laptop', and of { what stands there: what a case has in its place }:
// the block's text.
export function recipe(page) {
  const blocks = [...readFileSync(path.join(TOP, 'doc', page), 'utf8').matchAll(/^```\w*\n# ([^\n]*)\n([^]*?)^```$/gm)];
  return (name, replace = {}) => {
    const found = blocks.filter(([, title]) => title.startsWith(name));
    assert.equal(found.length, 1, `doc/${page} has ${found.length} blocks "${name}"`);
    return Object.entries(replace).reduce((text, [from, to]) => {
      assert.ok(text.includes(from), `"${name}" of doc/${page} has no ${from}`);
      return text.replaceAll(from, to);
    }, found[0][2]);
  };
}
