// SPDX-License-Identifier: MIT
// The clocks of everything a case starts (clock.c): real time plus an offset, moved forward at once for all of them.
import { closeSync, constants, openSync, writeSync } from 'node:fs';

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export class Clock {
  #offset = 0;
  #passed = 0; // of it, what timers have seen, too
  constructor(file) {
    this.file = file;
    this.#write();
  }

  // '90s', '2h', '1h30m', or milliseconds; may be negative. The wall clock alone: it is set.
  forward(by) {
    this.#offset += span(by);
    this.#write();
  }

  // Time passes, for timers too; a process looks at them when something wakes it.
  pass(by) {
    this.#passed += span(by);
    this.forward(by);
  }

  now() { return Date.now() + this.#offset; }
  epoch() { return Math.floor(this.now() / 1000); }

  #write() {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64LE(BigInt(Math.round(this.#offset)));
    bytes.writeBigInt64LE(BigInt(Math.round(this.#passed)), 8);
    const fd = openSync(this.file, constants.O_RDWR | constants.O_CREAT); // never truncated: it is mapped
    writeSync(fd, bytes, 0, bytes.length, 0);
    closeSync(fd);
  }
}

export function span(text) {
  if (typeof text === 'number') return text;
  if (!/^-?(\d+(\.\d+)?(ms|[smhd]))+$/.test(text)) throw new Error(`no time span: ${text}`);
  let ms = 0;
  for (const [, number, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|[smhd])/g)) ms += Number(number) * units[unit];
  return text.startsWith('-') ? -ms : ms;
}
