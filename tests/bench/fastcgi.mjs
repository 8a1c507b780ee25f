// SPDX-License-Identifier: MIT
// How long a responder takes from its start to its first answer, asked as a web server would.
import { mkdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Part } from '../e2e/lib/parts.mjs';
import { BUILD } from '../e2e/lib/simulator.mjs';
import { TOKEN } from './rig.mjs';

const BEGIN = 1, PARAMS = 4, STDIN = 5;

function record(type, content = Buffer.alloc(0)) {
  const head = Buffer.from([1, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([head, content]);
}

function parameters(values) {
  return Buffer.concat(Object.entries(values).flatMap(([name, value]) => [Buffer.from([name.length, value.length]), Buffer.from(name + value)]));
}

const body = Buffer.from(JSON.stringify({ model: 'claude-sonnet-5-5', max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] }));
const request = Buffer.concat([
  record(BEGIN, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])),
  record(PARAMS, parameters({
    REQUEST_METHOD: 'POST', REQUEST_URI: '/v1/messages', SERVER_PROTOCOL: 'HTTP/1.1', REMOTE_ADDR: '127.0.0.1', HTTP_HOST: 'localhost',
    CONTENT_TYPE: 'application/json', CONTENT_LENGTH: String(body.length),
  })),
  record(PARAMS), record(STDIN, body), record(STDIN),
]);

// True when the answer has come whole; false while nobody listens.
function ask(socket) {
  return new Promise(resolve => {
    let answer = '';
    const connection = net.connect(socket, () => connection.write(request));
    connection.on('data', bytes => { answer += bytes.toString('latin1'); });
    connection.on('error', () => resolve(false)).on('close', () => resolve(answer.includes('Status: 200')));
  });
}

let times = 0;

// Milliseconds, of one start, with a state file that is there.
export async function firstAnswer(dir, upstream) {
  const own = path.join(dir, 'start');
  mkdirSync(own, { recursive: true });
  writeFileSync(path.join(own, 'conf'), `tokens_file = "${own}/tokens"\nstate_file = "${own}/state"\nlog = "${own}/log"
provider claude_api { url = "http://127.0.0.1:${upstream.port}" }\n`);
  writeFileSync(path.join(own, 'tokens'), `claude_api = ${TOKEN}\n`, { mode: 0o600 });
  const socket = path.join(own, `socket-${++times}`);
  const begun = process.hrtime.bigint();
  const part = new Part('responder', path.join(BUILD, 'claude-router'), ['--config', path.join(own, 'conf'), '--socket', socket]);
  try {
    await part.until(async () => await ask(socket) || (await new Promise(resolve => setTimeout(resolve, 1)), await ask(socket)));
    return Number(process.hrtime.bigint() - begun) / 1e6;
  } finally { await part.stop(); }
}
