// SPDX-License-Identifier: MIT
// Programs that are compared with us, from npm: fetched into build/peers, and pointed at the same simulated provider.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { message, post } from '../e2e/lib/client.mjs';
import { Part, command, connects, freePort } from '../e2e/lib/parts.mjs';
import { TOKEN, below } from './rig.mjs';

const CACHE = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../build/peers');
// The way to the registry, if this machine has one of its own.
const WAY = Object.fromEntries(Object.entries(process.env)
  .filter(([name]) => /^(node_extra_ca_certs|npm_config_registry|https?_proxy|no_proxy)$/i.test(name)));
// As in production, and with nobody told.
const QUIET = { NODE_ENV: 'production', DO_NOT_TRACK: '1', NO_COLOR: '1', NO_UPDATE_NOTIFIER: '1' };

function installed(at) {
  try { return JSON.parse(readFileSync(path.join(at, 'package.json'), 'utf8')).version; } catch { return undefined; }
}

// The directory of a package, of that very version; nothing of it runs while it is installed.
async function fetched(name, version) {
  const home = path.join(CACHE, path.basename(name));
  const at = path.join(home, 'node_modules', name);
  if (installed(at) === version) return at;
  mkdirSync(home, { recursive: true });
  const { code, stderr } = await command('npm', ['install', '--prefix', home, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`],
    { timeout: 600, env: { ...WAY, ...QUIET, HOME: home, npm_config_cache: path.join(CACHE, 'cache') } });
  if (code !== 0) throw new Error(`npm install ${name}@${version}: ${stderr.slice(-500)}`);
  return at;
}

async function started(name, port, script, args, home, headers = []) {
  const part = new Part(name, process.execPath, [script, ...args], { cwd: home, env: { ...QUIET, HOME: home } });
  const peer = { name, port, headers, pids: () => below(part.pid), responders: () => [], stop: () => part.stop() };
  try { await part.until(() => connects(port), 60); } catch (error) { await peer.stop(); throw error; }
  return peer;
}

// The newest that can be installed: 3.1.1 needs @the-next-ai/ai-gateway, which the registry does not have.
async function claudeCodeRouter(dir, upstream) {
  const version = '2.0.0';
  const at = await fetched('@musistudio/claude-code-router', version);
  const port = await freePort(), home = path.join(dir, 'claude-code-router');
  mkdirSync(path.join(home, '.claude-code-router'), { recursive: true });
  writeFileSync(path.join(home, '.claude-code-router/config.json'), JSON.stringify({
    PORT: port, HOST: '127.0.0.1', LOG: false,
    // It sends x-api-key and, of any key but one with this word in it, the same as Bearer, which Claude's API refuses.
    Providers: [{ name: 'bench', api_base_url: `http://127.0.0.1:${upstream.port}/v1/messages`, api_key: `${TOKEN}-undefined`,
      models: ['claude-sonnet-5-5'], transformer: { use: ['Anthropic'] } }],
    Router: { default: 'bench,claude-sonnet-5-5' },
  }));
  return started(`claude-code-router ${version}`, port, path.join(at, 'dist/cli.js'), ['start'], home);
}

async function portkey(dir, upstream) {
  const version = '1.15.2';
  const at = await fetched('@portkey-ai/gateway', version);
  const port = await freePort(), home = path.join(dir, 'portkey');
  mkdirSync(home);
  return started(`Portkey gateway ${version}`, port, path.join(at, 'build/start-server.js'), [`--port=${port}`, '--headless'], home,
    ['x-portkey-provider: anthropic', `x-portkey-custom-host: http://127.0.0.1:${upstream.port}/v1`]);
}

// Throws unless a request through the peer is the one that arrives at the provider, once, and its answer the provider's.
export async function prove(peer, upstream) {
  const headers = Object.fromEntries([`x-api-key: ${TOKEN}`, ...peer.headers ?? []].map(line => line.split(': ')));
  const must = (holds, what) => { if (!holds) throw new Error(`${peer.name}: ${what}`); };
  await upstream.control('reset', {}); // and records are kept again
  const answer = await post(`http://127.0.0.1:${peer.port}/v1/messages`, message('Hello'), headers);
  const arrived = await upstream.arrived();
  await upstream.control('record', { on: false });
  must(answer.status === 200, `answers ${answer.status}: ${answer.text.slice(0, 300)}`);
  const { type, role, content, usage } = answer.json;
  must(type === 'message' && role === 'assistant' && usage.output_tokens > 0, `answers ${answer.text}`);
  must(content[0].text.startsWith('Hello from claude_api'), `answers ${answer.text}`);
  must(arrived.length === 1 && arrived[0].status === 200 && !arrived[0].leak, `${arrived.length} requests arrived: ${JSON.stringify(arrived)}`);
  const { model, messages, max_tokens: tokens } = JSON.parse(arrived[0].body);
  must(model === message().model && tokens === message().max_tokens && messages[0].content === 'Hello', `sends ${arrived[0].body}`);
}

// How each is started; that fails where it cannot be had.
export const peers = [claudeCodeRouter, portkey];
