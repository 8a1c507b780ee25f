// SPDX-License-Identifier: MIT
// A router for a case: simulator, a web server with the configuration that we ship, responder processes, configuration, tokens.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Clock } from './clock.mjs';
import { get, post, stream } from './client.mjs';
import { Part, command, connects, freePort } from './parts.mjs';
import { Server } from './servers/index.mjs';
import { BUILD, PLAIN, Simulator } from './simulator.mjs';

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
//   clock      another router's: then theirs is one (lib/clock.mjs)
//   site       true: a site was there before; the router is beside it (r.siteUrl)
//   lighttpd   function (text, router) → text (or a promise), to change lighttpd's configuration
//   alone      true: no web server; one responder, r.service, on the Unix socket r.socket (lib/fastcgi.mjs)
//   plain      true: the programs as they are installed, without sanitizers: for limits and measures of memory
//   fast       true: the simulator without sanitizers: it sends as fast as a provider can
//   under      [command, …arguments]: what the responder that is alone runs under
//   preload    one more library for the responders, after the clock
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
    this.server = new Server(this);
    this.dir = mkdtempSync(path.join(tmpdir(), 'cr-'));
    this.file = name => path.join(this.dir, name);
    this.configFile = this.file('claude-router.conf');
    this.tokensFile = this.file('tokens.txt');
    this.state = this.file('state');
    this.clock = options.clock ?? new Clock(this.file('clock'));
    t.evidence('request log', () => this.log());
    t.evidence('the web server', () => this.server.errors());
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
    const { preload } = this.options, { LD_PRELOAD } = this.clockEnv;
    return { ...this.clockEnv, LD_PRELOAD: preload ? `${LD_PRELOAD}:${preload}` : LD_PRELOAD, CLAUDE_ROUTER_CONFIG: this.configFile, ROUTER_STATE_FILE: this.state, ...this.extraEnv };
  }

  async start() {
    if (this.sim === undefined) this.sim = await Simulator.start(this.t, this.dir, { env: this.clockEnv, build: this.options.fast ? PLAIN : BUILD });
    this.writeConfig();
    if (this.tokens) this.writeTokens(this.tokens);
    await (this.options.alone ? this.startService() : this.startServer());
  }

  get build() { return this.options.plain ? PLAIN : BUILD; }

  // The responder by itself.
  async startService() {
    this.socket = this.file('router.sock');
    const [program, ...args] = [...(this.options.under ?? []), ...(this.options.program ?? [path.join(this.build, 'claude-router')]), '--socket', this.socket];
    this.service = new Part('claude-router', program, args, { env: this.env });
    this.t.evidence('responder', () => this.service.output);
    await this.service.until(() => connects(this.socket), this.options.under ? 60 : 15);
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
    this.server.own?.(this.tokensFile);
  }

  // On another port when the one that was free no longer is.
  async startServer() {
    for (let tries = 1; ; tries++) {
      this.port = await freePort();
      this.site = this.options.site ? await freePort() : undefined;
      try { return await this.startAt(); } catch (error) {
        if (tries === 3 || !/already in use/i.test(error.message)) throw error;
      }
    }
  }

  async startAt() {
    this.url = `http://127.0.0.1:${this.port}`;
    this.siteUrl = `http://127.0.0.1:${this.site}`;
    try {
      await this.server.start();
      await this.server.part.until(() => connects(this.port));
      await this.server.part.until(() => this.answers());
    } catch (error) {
      const told = `${error.message}\n${this.server.errors()}\n${this.log()}`;
      await this.server.stop().catch(() => {});
      throw new Error(told);
    }
  }

  async answers() {
    const died = this.server.died();
    if (died) throw new Error(`a responder ${died}`);
    return (await get(`${this.url}/health?live=1`).catch(() => ({}))).status === 200;
  }

  text(name) { return existsSync(this.file(name)) ? readFileSync(this.file(name), 'utf8') : ''; }
  write(name, text) { writeFileSync(this.file(name), text); }
  log() { return this.server.log(); }

  // The responders' process ids.
  pids() { return this.server.pids(); }

  // Clients. value: made JSON, or a string or Buffer as it is.
  get(at, headers, options) { return get(this.url + at, headers, options); }
  post(value, headers, at = '/v1/messages', options) { return post(this.url + at, value, headers, options); }
  stream(value, headers, at = '/v1/messages', options) { return stream(this.url + at, value, headers, options); }
  async status() { return (await this.get('/v1/status')).json; }
  switchTo(name) { return this.post(JSON.stringify(name), {}, '/v1/switch-provider'); }

  // The other two programs, told where configuration and state are as cron's entry tells them.
  ctl(...args) { return command(path.join(this.build, 'claude-router-ctl'), args, { env: this.env }); }
  check(...args) { return command(path.join(this.build, 'claude-router-check'), args, { env: this.env }); }

  // Ends all of it; an error when something stayed, or when a sanitizer found something.
  async stop() {
    if (this.stopped) return;
    this.stopped = true;
    let problems, found;
    try {
      problems = this.options.problems || !this.sim?.part.alive ? '' : await this.sim.problems().catch(String);
      if (!this.options.alone) await this.server.stop();
      else if (this.service?.alive) await this.service.stop();
      found = `${this.log()}${this.service?.output ?? ''}`.match(/^.*(ERROR: (Address|Leak)Sanitizer|runtime error:)[^]*/m);
    } finally {
      rmSync(this.dir, { recursive: true, force: true });
    }
    if (problems) throw new Error(`the simulated providers found fault with what arrived:\n${problems}`);
    if (found) throw new Error(`a sanitizer found something in a responder:\n${found[0].slice(0, 4000)}`);
  }
}
