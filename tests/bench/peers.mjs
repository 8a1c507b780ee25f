// Programs that are compared with us, from npm: fetched into build/peers, and pointed at the same simulated provider.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Part, command, connects, freePort } from '../e2e/lib/parts.mjs';
import { TOKEN } from './rig.mjs';

const CACHE = path.resolve(path.dirname(new URL(import.meta.url).pathname), '../../build/peers');

async function fetched(name) {
  const at = path.join(CACHE, 'node_modules', name);
  if (existsSync(at)) return at;
  mkdirSync(CACHE, { recursive: true });
  const { code, stderr } = await command('npm', ['install', '--prefix', CACHE, '--no-audit', '--no-fund', name],
    { timeout: 600, env: { HOME: process.env.HOME, npm_config_cache: path.join(CACHE, 'cache') } });
  if (code !== 0) throw new Error(`npm install ${name}: ${stderr.slice(-500)}`);
  return at;
}

async function started(name, port, part) {
  await part.until(() => connects(port), 60);
  return { name, port, pids: () => [part.pid], responders: () => [], stop: () => part.stop().catch(() => {}) };
}

async function claudeCodeRouter(dir, upstream) {
  const at = await fetched('@musistudio/claude-code-router');
  const port = await freePort();
  const home = path.join(dir, 'ccr');
  mkdirSync(path.join(home, '.claude-code-router'), { recursive: true });
  writeFileSync(path.join(home, '.claude-code-router/config.json'), JSON.stringify({
    PORT: port, HOST: '127.0.0.1', LOG: false,
    Providers: [{ name: 'bench', api_base_url: `http://127.0.0.1:${upstream.port}/v1/messages`, api_key: TOKEN, models: ['claude-sonnet-5-5'], transformer: { use: ['Anthropic'] } }],
    Router: { default: 'bench,claude-sonnet-5-5' },
  }));
  return started('claude-code-router', port, new Part('claude-code-router', process.execPath, [path.join(at, 'dist/cli.js'), 'start'], { env: { HOME: home } }));
}

async function portkey(dir, upstream) {
  const at = await fetched('@portkey-ai/gateway');
  const port = await freePort();
  const peer = await started('Portkey gateway', port, new Part('portkey', process.execPath,
    [path.join(at, 'build/start-server.js'), `--port=${port}`, '--headless'], { env: { HOME: dir } }));
  return { ...peer, headers: ['x-portkey-provider: anthropic', `x-portkey-custom-host: http://127.0.0.1:${upstream.port}/v1`] };
}

// Those that can be had and started here; the others are named with the reason.
export async function peers(dir, upstream) {
  const found = [];
  for (const start of [claudeCodeRouter, portkey]) {
    try { found.push(await start(dir, upstream)); } catch (error) { process.stdout.write(`  left out: ${error.message.split('\n')[0]}\n`); }
  }
  return found;
}
