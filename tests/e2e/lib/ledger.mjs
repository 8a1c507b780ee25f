// SPDX-License-Identifier: MIT
// The ledger's file, by Python's sqlite3: with known contents (days and events, without the requests behind them), or read.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { command } from './parts.mjs';

const PROGRAM = `
import json, os, sqlite3, sys
path, data = sys.argv[1], json.load(sys.stdin)
db = sqlite3.connect(path)
db.executescript("""
  PRAGMA journal_mode = WAL; PRAGMA application_id = 0x43526c67; PRAGMA user_version = 1;
  CREATE TABLE IF NOT EXISTS request(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, day INTEGER NOT NULL, rid TEXT, attempt INTEGER, client TEXT, session INTEGER, provider TEXT NOT NULL,
    credential TEXT, kind INTEGER, asked TEXT, served TEXT, status INTEGER, ending TEXT, error INTEGER, first_byte_ms INTEGER, ms INTEGER, input INTEGER, cache_read INTEGER, cache_5m INTEGER,
    cache_1h INTEGER, output INTEGER, searches INTEGER, speed TEXT, estimated INTEGER, cost INTEGER, billed INTEGER, price TEXT);
  CREATE INDEX IF NOT EXISTS request_at ON request(at);
  CREATE TABLE IF NOT EXISTS day(day INTEGER, provider TEXT, served TEXT, client TEXT, billed INTEGER, requests INTEGER, errors INTEGER, input INTEGER, cache_read INTEGER, cache_5m INTEGER,
    cache_1h INTEGER, output INTEGER, searches INTEGER, cost INTEGER, unknown INTEGER, PRIMARY KEY(day, provider, served, client, billed)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, provider TEXT, text TEXT)""")
for table in ("day", "request", "event"):
    for row in data.get(table, []):
        db.execute(f"INSERT INTO {table}({','.join(row)}) VALUES({','.join('?' * len(row))})", list(row.values()))
for statement in data.get("sql", []):
    print(*[n for (n,) in db.execute(statement)])
db.commit()
`;

const EMPTY = { provider: 'deepseek', served: 'deepseek-v4-pro', client: '', billed: 1, requests: 1, errors: 0, input: 0, cache_read: 0, cache_5m: 0, cache_1h: 0, output: 0, searches: 0,
  cost: 0, unknown: 0 };

// The day of a time as the ledger names it: 20261127. The programs under test run in UTC.
export const dayOf = ms => Number(new Date(ms).toISOString().slice(0, 10).replaceAll('-', ''));

// Adds rows: days (an unnamed field as in EMPTY), requests, events. Returns what the statements of sql print.
export async function fill(file, { day = [], request = [], event = [], sql = [] }) {
  const data = { day: day.map(row => ({ ...EMPTY, ...row })), request, event, sql };
  const run = await command('python3', ['-c', PROGRAM, file], { input: JSON.stringify(data) });
  assert.equal(run.code, 0, run.stderr);
  return run.stdout.trim();
}

const READ = `import json, sqlite3, sys
file = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
file.row_factory = sqlite3.Row
print(json.dumps([dict(row) for row in file.execute(sys.argv[2])]))`;

// What a query returns, a row an object; of a file that is not there yet nothing.
export async function read(file, query) {
  if (!existsSync(file)) return [];
  const run = await command('python3', ['-c', READ, file, query]);
  assert.equal(run.code, 0, run.stderr);
  return JSON.parse(run.stdout);
}
