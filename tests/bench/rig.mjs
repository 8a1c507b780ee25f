// SPDX-License-Identifier: MIT
// What the benchmark measures: a simulator, and ways to it. Each is at a port of 127.0.0.1, and knows its processes.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { get, post } from '../e2e/lib/client.mjs';
import { Part, connects, freePort } from '../e2e/lib/parts.mjs';
import { BUILD } from '../e2e/lib/simulator.mjs';

export const TOKEN = 'sk-ant-api03-bench';

// The simulated providers, which keep no records here.
export class Upstream {
  static async start(dir, { certificate } = {}) {
    const file = path.join(dir, 'ports.json');
    const tls = certificate ? ['--tls-cert', certificate.cert, '--tls-key', certificate.key] : [];
    const upstream = new Upstream();
    upstream.part = new Part('simulator', path.join(BUILD, 'tests/simulator/simulator'), ['--port-file', file, '--quiet', ...tls]);
    await upstream.part.until(() => existsSync(file) && readFileSync(file, 'utf8').includes('}'));
    upstream.ports = JSON.parse(readFileSync(file, 'utf8'));
    await upstream.control('record', { on: false });
    return upstream;
  }

  control(what, value) { return post(`http://127.0.0.1:${this.ports.control}/sim/${what}`, JSON.stringify(value)); }
  // What arrived while records were kept, and how many requests ever did.
  async arrived() { return (await get(`http://127.0.0.1:${this.ports.control}/sim/claude_api/requests`)).json.requests; }
  async count() { return (await get(`http://127.0.0.1:${this.ports.control}/sim/claude_api`)).json.arrived; }
  get port() { return this.ports.claude_api; }
  get tlsPort() { return this.ports.tls.claude_api; }
  stop() { return this.part.stop(); }
}

// Each way: { name, port, pids() of what stands between client and provider, stop() }.

export function direct(upstream, { tls = false } = {}) {
  return { name: tls ? 'direct by TLS' : 'direct', port: tls ? `tls:${upstream.tlsPort}` : upstream.port, pids: () => [], responders: () => [], stop() {} };
}

export async function modProxy(dir, upstream) {
  const port = await freePort();
  const file = place(dir, 'mod_proxy');
  writeFileSync(file('lighttpd.conf'), `server.bind = "127.0.0.1"\nserver.port = ${port}\nserver.document-root = "${dir}"
server.errorlog = "${file('lighttpd.log')}"\nserver.upload-dirs = ( "${dir}" )\nserver.modules = ( "mod_proxy" )
server.stream-response-body = 2\nserver.max-request-size = 34816\nserver.max-fds = 8192\nserver.max-connections = 2100\n${ENDLESS}
proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => ${upstream.port} )) )\n`);
  return started('lighttpd mod_proxy', port, new Part('lighttpd', 'lighttpd', ['-D', '-f', file('lighttpd.conf')]));
}

export async function proxyPass(dir, upstream, { workers = 2 } = {}) {
  const port = await freePort();
  const file = place(dir, 'proxy_pass');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${file(kind)};`).join('\n');
  writeFileSync(file('nginx.conf'), `daemon off;\n${process.getuid() === 0 ? 'user root;\n' : ''}pid ${file('pid')};\nworker_processes ${workers};
worker_rlimit_nofile 8192;\nerror_log ${file('nginx.log')};\nevents { worker_connections 4200; }\nhttp {\n${temporary}\naccess_log off;
upstream provider { server 127.0.0.1:${upstream.port}; keepalive 64; }
server {\nlisten 127.0.0.1:${port};\nkeepalive_requests 100000000;\nclient_max_body_size 34m;\nclient_body_buffer_size 1m;
location / { proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 900s; } } }\n`);
  return started('nginx proxy_pass', port, new Part('nginx', 'nginx', ['-p', dir, '-c', file('nginx.conf'), '-e', file('nginx.log')]));
}

const ENDLESS = 'server.max-keep-alive-requests = 65535'; // the most that Debian 13's takes

// Room for 2000 streams that begin in an instant, where Debian's configuration of the server has less.
const ROOM = {
  lighttpd: text => `${text}\n${ENDLESS}\n`,
  nginx: text => `worker_rlimit_nofile 8192;\n${text.replace('worker_connections 768', 'worker_connections 4200')}`,
  apache: text => text.replace('ThreadsPerChild 25\nMaxRequestWorkers 150', 'ThreadsPerChild 64\nServerLimit 33\nMaxRequestWorkers 2112'),
};

// The router under one of the servers of the end-to-end tests, as we ship its configuration.
// url and extra: of its one provider; sections: all of its providers' instead; config and tokens: lines ahead of those.
export async function router(dir, upstream, { server = 'lighttpd', procs = 2, url, extra = '', sections, config = '', tokens = '', build = BUILD } = {}) {
  const { Server } = await import(`../e2e/lib/servers/${server}.mjs`);
  const file = place(dir, `router-${server}-${++routers}`);
  const r = {
    build, dir: file(''), file, procs, port: await freePort(), site: undefined, options: ROOM,
    configFile: file('claude-router.conf'), tokensFile: file('tokens.txt'),
    write: (name, text) => writeFileSync(file(name), text),
    text: name => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : ''),
    get env() { return { CLAUDE_ROUTER_CONFIG: r.configFile, ROUTER_STATE_FILE: file('state') }; },
  };
  const text = sections ?? `provider claude_api { url = "${url ?? `http://127.0.0.1:${upstream.port}`}" ${extra} }`;
  r.write('claude-router.conf', `tokens_file = "${r.tokensFile}"\ndrain = 0\n${config}\n${text}\n`);
  writeFileSync(r.tokensFile, tokens + tokensOf(text), { mode: 0o600 });
  const web = new Server(r);
  web.own?.(r.tokensFile);
  await web.start();
  await web.part.until(() => connects(r.port));
  await web.part.until(async () => (await get(`http://127.0.0.1:${r.port}/health?live=1`).catch(() => ({}))).status === 200);
  return {
    name: `router under ${server}`, port: r.port, file, env: r.env, web: web.part.pid,
    pids: () => below(web.part.pid), responders: () => web.pids(), stop: () => web.stop(),
  };
}
let routers = 0;

// A line of tokens.txt for each provider of a configuration.
export const tokensOf = text => [...text.matchAll(/^provider (\w+)/gm)].map(([, name]) => `${name} = ${/openai|deepseek|kimi/.test(name) ? 'sk-bench' : TOKEN}\n`).join('');

function place(dir, name) {
  const own = path.join(dir, name);
  mkdirSync(own, { recursive: true });
  return file => path.join(own, file);
}

async function started(name, port, part) {
  await part.until(() => connects(port));
  return { name, port, web: part.pid, pids: () => below(part.pid), responders: () => [], stop: () => part.stop() };
}

// --- What the kernel says of processes -------------------------------------------------------------------------------

// A process and all that it started.
export function below(pid) {
  const parents = new Map(readdirSync('/proc').filter(name => /^\d+$/.test(name)).map(name => [Number(name), parent(name)]));
  const found = [pid];
  for (let i = 0; i < found.length; i++) for (const [child, of] of parents) if (of === found[i]) found.push(child);
  return found;
}

function parent(pid) {
  try { return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')[1]); } catch { return 0; }
}

// Microseconds of CPU that processes have used: exact to a tick of 10 ms, so only over many requests.
export function cpuMicroseconds(pids) {
  let ticks = 0;
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10_000;
}

// Their memory in KB: each one's share of what is shared.
export function pssKb(pids) {
  return pids.reduce((sum, pid) => sum + Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m)[1]), 0);
}
