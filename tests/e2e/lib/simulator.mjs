// SPDX-License-Identifier: MIT
// The simulated providers (tests/simulator): started for a case, told what to do, asked what arrived.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Part, command } from './parts.mjs';
import { request } from './client.mjs';

export const BUILD = process.env.BUILD_DIR ?? path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../../build/asan');
export const PLAIN = process.env.PLAIN_DIR ?? path.resolve(BUILD, '../release');

export class Simulator {
  // dir: where its port file lies; env: of the process (the settable clock); build: without sanitizers it sends faster.
  static async start(t, dir, { env = {}, args = [], build = BUILD } = {}) {
    const file = path.join(dir, 'ports.json');
    const sim = new Simulator();
    sim.part = new Part('simulator', path.join(build, 'tests/simulator/simulator'), ['--port-file', file, ...args], { env });
    t.after(() => sim.part.stop());
    t.evidence('simulator', () => sim.part.output);
    await sim.part.until(() => existsSync(file) && readFileSync(file, 'utf8').includes('}'));
    sim.ports = JSON.parse(readFileSync(file, 'utf8'));
    return sim;
  }

  // The base URL of a provider, as its section in claude-router.conf names it.
  url(provider) {
    const base = provider === 'deepseek' || provider === 'kimi' ? '/anthropic' : '';
    return `http://127.0.0.1:${this.ports[provider]}${base}`;
  }

  async control(method, pathAndQuery, value, timeout = 30) {
    const answer = await request(`http://127.0.0.1:${this.ports.control}${pathAndQuery}`, {
      method, timeout,
      headers: value === undefined ? {} : { 'content-type': 'application/json' },
      body: value === undefined ? undefined : JSON.stringify(value),
    });
    if (answer.status >= 300) throw new Error(`simulator: ${method} ${pathAndQuery}: ${answer.status} ${answer.text}`);
    return answer.text ? answer.json : undefined;
  }

  // What comes next at a provider: { fault: 'usage_limit', reset: 1800, times: 3 }.
  next(provider, fault) { return this.control('POST', `/sim/${provider}`, fault); }
  clear(provider) { return this.control('DELETE', `/sim/${provider}`); }
  reset() { return this.control('POST', '/sim/reset', {}); }
  gate(provider, value) { return this.control('POST', `/sim/${provider}/gate`, value); }

  // What arrived at a provider so far, once at least `wait` have: each with its method, target, headers, body.
  async requests(provider, { wait = 0, timeout = 10 } = {}) {
    const query = wait ? `?wait=${wait}&timeout_ms=${timeout * 1000}` : '';
    return (await this.control('GET', `/sim/${provider}/requests${query}`, undefined, timeout + 10)).requests.map(arrived);
  }

  // How many requests arrived at a provider with each credential, by its value.
  async arrivals(provider) {
    const count = {};
    for (const { headers } of await this.requests(provider)) {
      const credential = headers['x-api-key'] ?? headers.authorization?.replace(/^Bearer /, '') ?? 'none';
      count[credential] = (count[credential] ?? 0) + 1;
    }
    return count;
  }

  // What the providers' own checks found in what arrived: a credential that is not theirs, fields that they do not know.
  async problems() {
    let text = '';
    const { requests } = await this.control('GET', '/sim/requests?body=0');
    for (const r of requests) {
      if (r.leak) text += `${r.provider} #${r.n}: another one's credential arrived\n`;
      for (const problem of r.problems) text += `${r.provider} #${r.n}: ${problem}\n`;
    }
    return text;
  }
}

// A request as it arrived: .headers by lower-case name (a doubled one joined by ", "), .rawHeaders, .json of the body.
function arrived(r) {
  const headers = {};
  for (const [name, value] of r.headers) {
    const key = name.toLowerCase();
    headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
  }
  return { ...r, rawHeaders: r.headers, headers, get json() { return JSON.parse(r.body); } };
}

// A certificate of its own for 127.0.0.1, for so many days: the files { certificate, key, dir }.
export async function selfSigned(t, days = 2) {
  const dir = mkdtempSync(path.join(tmpdir(), 'cr-tls-')), [key, certificate] = [`${dir}/key.pem`, `${dir}/cert.pem`];
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const made = await command('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', String(days),
    '-subj', '/CN=simulator', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate]);
  if (made.code !== 0) throw new Error(made.stderr);
  return { certificate, key, dir };
}

// One whose providers have TLS ports too, with a certificate of their own: { sim, certificate (its file) }.
export async function withTls(t, { days = 2 } = {}) {
  const { certificate, key, dir } = await selfSigned(t, days);
  return { sim: await Simulator.start(t, dir, { args: ['--tls-cert', certificate, '--tls-key', key] }), certificate };
}
