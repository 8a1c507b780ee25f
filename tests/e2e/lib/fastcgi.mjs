// SPDX-License-Identifier: MIT
// A FastCGI client: a web server's part of the conversation with a responder, byte for byte the test's.
import net from 'node:net';

const [BEGIN, ABORT, END, PARAMS, STDIN, STDOUT] = [1, 2, 3, 4, 5, 6];
const RECORD_MAX = 65535;

function record(type, content = Buffer.alloc(0), id = 1) {
  const head = Buffer.from([1, type, 0, id, content.length >> 8, content.length & 255, 0, 0]);
  return Buffer.concat([head, content]);
}

function pair(name, value) {
  const size = n => (n < 128 ? Buffer.from([n]) : Buffer.from([n >>> 24 | 128, n >>> 16 & 255, n >>> 8 & 255, n & 255]));
  const [n, v] = [Buffer.from(name), Buffer.from(value)];
  return Buffer.concat([size(n.length), size(v.length), n, v]);
}

// The web server wants no more of the request.
export const abortBytes = (id = 1) => record(ABORT, undefined, id);

// All of a request, as web servers send it. records: how many STDIN records the body comes in; sized: it says its length.
export function requestBytes({ method = 'POST', uri = '/v1/messages', headers = {}, body = '', records = 1, sized = true, address = '127.0.0.1' }) {
  const content = Buffer.from(body);
  const params = [pair('REQUEST_METHOD', method), pair('REQUEST_URI', uri), pair('REMOTE_ADDR', address)];
  if (sized) params.push(pair('CONTENT_LENGTH', String(content.length)));
  for (const [name, value] of Object.entries({ host: 'localhost', ...headers })) params.push(pair(`HTTP_${name.toUpperCase().replaceAll('-', '_')}`, value));
  const out = [record(BEGIN, Buffer.from([0, 1, 0, 0, 0, 0, 0, 0])), record(PARAMS, Buffer.concat(params)), record(PARAMS)];
  const part = Math.min(RECORD_MAX, Math.max(1, Math.ceil(content.length / records)));
  for (let at = 0; at < content.length; at += part) out.push(record(STDIN, content.subarray(at, at + part)));
  out.push(record(STDIN));
  return Buffer.concat(out);
}

// An exchange to its end: { status, headers, body (text), ended (END_REQUEST came), json }. Cut before its end, it is no
// error: ended is false, and status undefined when there was no head. Not over within `timeout` seconds: an error.
// then: a promise of more bytes to send, such as an abort's.
export function fastcgi(socketPath, request, { timeout = 10, then } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    const answer = new Answer();
    const timer = setTimeout(() => { socket.destroy(); reject(new Error(`no end within ${timeout} s; so far: ${answer.text}`)); }, timeout * 1000);
    const over = () => { clearTimeout(timer); socket.destroy(); resolve(answer.finish()); };
    socket.on('error', over).on('close', over).on('data', bytes => { if (answer.take(bytes)) over(); });
    socket.write(requestBytes(request));
    then?.then(bytes => socket.write(bytes), reject);
  });
}

class Answer {
  #bytes = Buffer.alloc(0);
  #out = [];
  ended = false;
  headers = {};

  // Whether it is complete.
  take(bytes) {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= 8) {
      const [, type, , , high, low, padding] = this.#bytes;
      const length = high << 8 | low;
      if (this.#bytes.length < 8 + length + padding) break;
      if (type === STDOUT) this.#out.push(this.#bytes.subarray(8, 8 + length));
      if (type === END) this.ended = true;
      this.#bytes = this.#bytes.subarray(8 + length + padding);
    }
    return this.ended;
  }

  get text() { return Buffer.concat(this.#out).toString(); }
  get json() { return JSON.parse(this.body); }

  finish() {
    const text = this.text, end = text.indexOf('\r\n\r\n');
    this.body = end < 0 ? '' : text.slice(end + 4);
    for (const line of end < 0 ? [] : text.slice(0, end).split('\r\n')) {
      const colon = line.indexOf(':');
      this.headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    if (this.headers.status) this.status = Number(this.headers.status.slice(0, 3));
    return this;
  }
}
