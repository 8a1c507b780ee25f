// A router for a case: simulator, lighttpd with the configuration that we ship, responder processes, configuration, tokens.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Clock } from './clock.mjs';
import { get, post, stream } from './client.mjs';
import { Part, command, connects, freePort } from './parts.mjs';
import { BUILD, Simulator } from './simulator.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
export const TOP = path.resolve(here, '../../..');
export const providers = ['claude_pro', 'deepseek', 'kimi', 'claude_api'];

export const stored = {
  claude_pro: 'sk-ant-oat01-stored-claude-pro',
  deepseek: 'sk-stored-deepseek',
  kimi: 'sk-stored-kimi',
  claude_api: 'sk-ant-api03-stored-claude-api',
};

// options:
//   config     text ahead of the provider sections: global options
//   order      the provider sections, in order of preference (default: the usual four)
//   sections   more lines of a section: { deepseek: 'cooldown = "5s"', … }
//   whole      function of (simulator, router) → all of the configuration's text, instead of these three
//   tokens     { name: value } of tokens.txt (default: all four stored), or its text; null: no file
//   procs      responder processes (2)
//   env        of them
//   sim        a simulator that runs already; else one is started
//   lighttpd   function (text, router) → text (or a promise), to change the web server's configuration
//   problems   true: the simulated providers may find fault with what arrives; else that fails the case
export async function router(t, options = {}) {
  const r = new Router(t, options);
  t.after(() => r.stop());
  await r.start();
  return r;
}

class Router {
  constructor(t, { tokens = stored, procs = 2, env = {}, sim, ...options }) {
    Object.assign(this, { t, options, tokens, procs, extraEnv: env, sim });
    this.dir = mkdtempSync(path.join(tmpdir(), 'cr-'));
    this.file = name => path.join(this.dir, name);
    this.configFile = this.file('claude-router.conf');
    this.tokensFile = this.file('tokens.txt');
    this.state = this.file('state');
    this.clock = new Clock(this.file('clock'));
    t.evidence('request log', () => this.log());
    t.evidence('lighttpd', () => (existsSync(this.file('lighttpd.log')) ? readFileSync(this.file('lighttpd.log'), 'utf8') : ''));
  }

  // The settable clock and the sanitizers' options, for each of our programs.
  get clockEnv() {
    return {
      LD_PRELOAD: path.join(BUILD, 'tests/e2e/lib/clock.so'), TEST_CLOCK_FILE: this.clock.file,
      ASAN_OPTIONS: `verify_asan_link_order=0:${process.env.ASAN_OPTIONS ?? 'abort_on_error=1'}`,
      UBSAN_OPTIONS: process.env.UBSAN_OPTIONS ?? 'abort_on_error=1:print_stacktrace=1',
    };
  }

  get env() {
    return { ...this.clockEnv, CLAUDE_ROUTER_CONFIG: this.configFile, ROUTER_STATE_FILE: this.state, ...this.extraEnv };
  }

  async start() {
    if (this.sim === undefined) this.sim = await Simulator.start(this.t, this.dir, { env: this.clockEnv });
    this.writeConfig();
    if (this.tokens) this.writeTokens(this.tokens);
    await this.startServer();
  }

  writeConfig(text = this.options.whole?.(this.sim, this) ?? this.usualConfig()) {
    writeFileSync(this.configFile, `${text}\n`);
  }

  usualConfig() {
    const { config = '', order = providers, sections = {} } = this.options;
    const section = name => `provider ${name} {\n  url = "${this.sim.url(name)}"\n  ${sections[name] ?? ''}\n}`;
    return [`tokens_file = "${this.tokensFile}"`, config, ...order.map(section)].join('\n');
  }

  writeTokens(tokens, mode = 0o600) {
    const text = typeof tokens === 'string' ? tokens : Object.entries(tokens).map(([k, v]) => `${k} = ${v}\n`).join('');
    writeFileSync(this.tokensFile, text, { mode });
  }

  // lighttpd, on another port when the one that was free no longer is.
  async startServer() {
    for (let tries = 1; ; tries++) {
      this.port = await freePort();
      try { return await this.startLighttpd(); } catch (error) {
        if (tries === 3 || !/already in use/i.test(`${error.message}${this.text('lighttpd.log')}`)) throw error;
      }
    }
  }

  async startLighttpd() {
    writeFileSync(this.file('lighttpd.conf'), await (this.options.lighttpd ?? (text => text))(this.lighttpdConf(), this));
    this.lighttpd = new Part('lighttpd', 'lighttpd', ['-D', '-f', this.file('lighttpd.conf')],
      { env: { ROUTER_HOST: '127.0.0.1', ROUTER_PORT: String(this.port) } });
    this.url = `http://127.0.0.1:${this.port}`;
    try {
      await this.lighttpd.until(() => connects(this.port));
      await this.lighttpd.until(() => this.answers());
    } catch (error) {
      await this.lighttpd.stop().catch(() => {});
      throw new Error(`${error.message}\n${this.text('lighttpd.log')}\n${this.text('router.log')}`);
    }
  }

  // lighttpd starts a responder that ends at once again and again, so its death is looked for here.
  async answers() {
    const died = this.text('lighttpd.log').match(/child (exited: [1-9]\d*|signalled: \d+)/);
    if (died) throw new Error(`a responder ${died[1]}`);
    return (await get(`${this.url}/health?live=1`).catch(() => ({}))).status === 200;
  }

  // The file that we ship, with this case's paths, number of processes and environment.
  lighttpdConf() {
    const env = Object.entries(this.env).map(([name, value]) => `"${name}" => "${value}"`).join(', ');
    return readFileSync(path.join(TOP, 'lighttpd/claude-router.conf.in'), 'utf8')
      .replaceAll('@runstatedir@/claude-router', this.dir)
      .replaceAll('@localstatedir@/log/claude-router', this.dir)
      .replaceAll('@routerdir@', BUILD)
      .replace('"max-procs" => 2', `"max-procs" => ${this.procs}`)
      .replace('"bin-copy-environment"', `"bin-environment" => ( ${env} ),\n    "bin-copy-environment"`);
  }

  text(name) { return existsSync(this.file(name)) ? readFileSync(this.file(name), 'utf8') : ''; }
  log() { return this.text('router.log'); }

  // The responders' process ids: lighttpd's children.
  pids() {
    const children = readFileSync(`/proc/${this.lighttpd.pid}/task/${this.lighttpd.pid}/children`, 'utf8');
    return children.trim().split(/\s+/).filter(Boolean).map(Number);
  }

  // Clients. value: made JSON, or a string or Buffer as it is.
  get(at, headers, options) { return get(this.url + at, headers, options); }
  post(value, headers, at = '/v1/messages', options) { return post(this.url + at, value, headers, options); }
  stream(value, headers, at = '/v1/messages', options) { return stream(this.url + at, value, headers, options); }
  async status() { return (await this.get('/v1/status')).json; }
  switchTo(name) { return this.post(JSON.stringify(name), {}, '/v1/switch-provider'); }

  // The other two programs, told where configuration and state are as cron's entry tells them.
  ctl(...args) { return command(path.join(BUILD, 'claude-router-ctl'), args, { env: this.env }); }
  check(...args) { return command(path.join(BUILD, 'claude-router-check'), args, { env: this.env }); }

  // Ends all of it; an error when something stayed, or when a sanitizer found something.
  async stop() {
    if (this.stopped) return;
    this.stopped = true;
    let problems, found;
    try {
      problems = this.options.problems || !this.sim?.part.alive ? '' : await this.sim.problems().catch(String);
      if (this.lighttpd?.alive) await stopServer(this.lighttpd, this.pids());
      found = this.log().match(/^.*(ERROR: (Address|Leak)Sanitizer|runtime error:)[^]*/m);
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
    }
    if (problems) throw new Error(`the simulated providers found fault with what arrived:\n${problems}`);
    if (found) throw new Error(`a sanitizer found something in a responder:\n${found[0].slice(0, 4000)}`);
  }
}

async function stopServer(lighttpd, responders) {
  await lighttpd.stop('SIGTERM');
  const end = Date.now() + 5000;
  while (responders.some(alive) && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 20));
  const left = responders.filter(alive);
  for (const pid of left) process.kill(pid, 'SIGKILL');
  if (left.length) throw new Error(`responders ${left.join(', ')} did not end within 5 s of lighttpd's SIGTERM`);
}

function alive(pid) {
  try { return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8')); } catch { return false; }
}
