// SPDX-License-Identifier: MIT
// Plain HTTP/1.1 clients whose headers and bytes are exactly the test's.
import http from 'node:http';
import net from 'node:net';
import { StringDecoder } from 'node:string_decoder';

// A whole exchange: { status, headers, body (Buffer), text, json }. headers: an object or [name, value, …] for doubled ones.
export function request(url, { method = 'GET', headers = {}, body, agent = false, timeout = 60 } = {}) {
  return new Promise((resolve, reject) => {
    const req = http.request({ ...target(url), method, headers: sized(headers, body), agent, setHost: !hasHost(headers) });
    const timer = setTimeout(() => req.destroy(new Error(`${method} ${url}: no whole answer within ${timeout} s`)), timeout * 1000);
    req.on('error', error => { clearTimeout(timer); reject(error); });
    req.on('response', async res => {
      try {
        const parts = [];
        for await (const part of res) parts.push(part);
        resolve(new Answer(res, Buffer.concat(parts)));
      } catch (error) { reject(error); } finally { clearTimeout(timer); }
    });
    req.end(body);
  });
}

// A URL's path goes out as it stands, never normalised.
function target(url) {
  const [, host, port, path] = url.match(/^http:\/\/([^/:]+):(\d+)(.*)$/);
  return { host, port, path };
}

class Answer {
  constructor(res, body) {
    this.status = res.statusCode;
    this.headers = res.headers;
    this.rawHeaders = res.rawHeaders;
    this.body = body;
  }
  get text() { return this.body.toString('utf8'); }
  get json() {
    try { return JSON.parse(this.text); } catch { throw new Error(`status ${this.status}, not JSON: ${this.text.slice(0, 500)}`); }
  }
}

const hasHost = headers => (Array.isArray(headers) ? headers.filter((_, i) => i % 2 === 0) : Object.keys(headers))
  .some(name => name.toLowerCase() === 'host');

function sized(headers, body) {
  if (body === undefined) return headers;
  const length = Buffer.byteLength(body);
  if (Array.isArray(headers)) return [...headers, 'content-length', String(length)];
  return { 'content-length': String(length), ...headers };
}

// The greeting of a message, as a client of the API sends it. fields overrides; text is the user's.
export function message(text = 'Hello', fields = {}) {
  return { model: 'claude-sonnet-5-5', max_tokens: 100, messages: [{ role: 'user', content: text }], ...fields };
}

export const LOGIN = 'sk-ant-oat01-e2e-clients-own-login';
export const API_KEY = 'sk-ant-api03-e2e-clients-own-key';
export const bearer = credential => ({ authorization: `Bearer ${credential}` });
const json = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' };

export const get = (url, headers = {}, options = {}) => request(url, { headers, ...options });

// POST of a value (made JSON) or of a string or Buffer as it is.
export function post(url, value, headers = {}, options = {}) {
  const body = typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value);
  const all = Array.isArray(headers) ? [...Object.entries(json).flat(), ...headers] : { ...json, ...headers };
  return request(url, { method: 'POST', headers: all, body, ...options });
}

// Raw bytes to the web server: the status and all that came back. leave: closes its side at once, as one who gives up.
export function raw(r, text, { leave = false } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(r.port, '127.0.0.1', () => socket[leave ? 'end' : 'write'](text, 'latin1'));
    let got = '';
    socket.setTimeout(20_000, () => socket.destroy(new Error('no answer')));
    socket.on('data', part => { got += part.toString('latin1'); }).on('error', reject);
    socket.on('close', () => resolve({ status: Number(got.match(/^HTTP\/1\.[01] (\d+)/)?.[1]), text: got }));
  });
}

// A streamed message: resolves at the head. Then .events (async iterable of { event, data, raw, at }), .next(),
// .rest() (all further events), .bytes (all of the body so far), .abort() (reset), .leave() (FIN).
export function stream(url, value, headers = {}, { agent = false } = {}) {
  const body = typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify({ ...value, stream: true });
  return new Promise((resolve, reject) => {
    const req = http.request({ ...target(url), method: 'POST', headers: sized({ ...json, ...headers }, body), agent });
    req.on('error', reject);
    req.on('response', res => resolve(new Stream(req, res)));
    req.end(body);
  });
}

// The same before there is any answer: { req, answer: promise of a Stream }, to be aborted early.
export function begin(url, value, headers = {}, { agent = false } = {}) {
  const body = JSON.stringify(value);
  const req = http.request({ ...target(url), method: 'POST', headers: sized({ ...json, ...headers }, body), agent });
  const answer = new Promise((resolve, reject) => {
    req.on('error', reject);
    req.on('response', res => resolve(new Stream(req, res)));
  });
  answer.catch(() => {});
  req.end(body);
  return { req, answer, abort: () => req.destroy() };
}

class Stream {
  #parts = [];
  #text = '';
  #decoder = new StringDecoder('utf8'); // a character may be split over two parts
  #queue = [];
  #wake = () => {};
  #over = false;
  #error;
  constructor(req, res) {
    this.req = req;
    this.status = res.statusCode;
    this.headers = res.headers;
    res.on('data', part => { this.#parts.push(part); this.#cut(this.#decoder.write(part)); this.#wake(); });
    res.on('end', () => { this.#over = true; this.complete = res.complete; this.#wake(); });
    res.on('error', error => { this.#error = error; this.#over = true; this.#wake(); });
  }

  get bytes() { return Buffer.concat(this.#parts); }
  get broken() { return this.#error !== undefined; }
  abort() { this.req.destroy(); }
  leave() { this.req.socket.end(); }

  #cut(text) {
    this.#text += text;
    for (let end; (end = this.#text.search(/\r?\n\r?\n/)) >= 0;) {
      const raw = this.#text.slice(0, end);
      this.#text = this.#text.slice(end).replace(/^\r?\n\r?\n/, '');
      this.#queue.push(parsed(raw));
    }
  }

  // The next event; undefined at the end. An error when none comes in time.
  async next(seconds = 20) {
    const end = Date.now() + seconds * 1000;
    while (!this.#queue.length) {
      if (this.#over) return undefined;
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no event within ${seconds} s; so far: ${this.bytes}`)), end - Date.now());
        this.#wake = () => { clearTimeout(timer); this.#wake = () => {}; resolve(); };
      });
    }
    return this.#queue.shift();
  }

  // Whether an event is there now, without waiting for one.
  get waiting() { return this.#queue.length > 0; }

  async rest(seconds = 30) {
    const events = [];
    for (let event; (event = await this.next(seconds));) events.push(event);
    return events;
  }

  async *[Symbol.asyncIterator]() {
    for (let event; (event = await this.next());) yield event;
  }
}

function parsed(raw) {
  const field = name => raw.split(/\r?\n/).filter(l => l.startsWith(`${name}:`)).map(l => l.slice(name.length + 1).trimStart());
  const text = field('data').join('\n');
  let data;
  try { data = JSON.parse(text); } catch { data = text; }
  return { event: field('event')[0], data, raw, at: Date.now() };
}

// What a streamed message says, of its events.
export const textOf = events => events.map(e => e.data?.delta?.text ?? '').join('');
