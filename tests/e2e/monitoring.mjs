// SPDX-License-Identifier: MIT
// conf/grafana and conf/prometheus: each expression of the dashboard and of the alert rules names only what a real scrape of
// /metrics has, and promtool finds its answer in series made of such scrapes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { check } from './lib/case.mjs';
import { message } from './lib/client.mjs';
import { command, eventually } from './lib/parts.mjs';
import { assertPromtool, assertResults, parsed, series, unknownNames } from './lib/prometheus.mjs';
import { TOP, providers, stored } from './lib/router.mjs';
import { who } from './lib/scene.mjs';
import { hosts } from './lib/share.mjs';

const RULES = path.join(TOP, 'conf/prometheus/claude-router.rules.yml');
const EXAMPLE = path.join(TOP, 'conf/prometheus/prometheus.yml');
const dashboard = JSON.parse(readFileSync(path.join(TOP, 'conf/grafana/claude-router.json')));
const yaml = file => JSON.parse(execFileSync('python3', ['-c', 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'], { input: readFileSync(file) }));

const alerts = yaml(RULES).groups.flatMap(group => group.rules);
const [target] = yaml(EXAMPLE).scrape_configs;
const scraped = { job: target.job_name, instance: target.static_configs[0].targets[0] };

// What the dashboard asks: { of, expr, shown }, with the variables as Grafana replaces them.
function asked() {
  const variables = { $instance: '.*', $__rate_interval: '5m' };
  const replaced = text => text.replace(/\$\w+/g, name => variables[name] ?? assert.fail(`${name} is no variable that a panel of ours needs`));
  const labels = (format = '') => [...format.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
  return [...dashboard.panels.flatMap(panel => panel.targets.map(one => ({ of: `panel "${panel.title}" ${one.refId}`, expr: replaced(one.expr), shown: labels(one.legendFormat) }))),
    ...dashboard.annotations.list.map(one => ({ of: `annotation "${one.name}"`, expr: replaced(one.expr), shown: labels(one.textFormat) })),
    ...dashboard.templating.list.filter(one => one.type === 'query').map(({ name, query: { query } }) => {
      const [, metric, label] = query.match(/^label_values\((\w+), (\w+)\)$/);
      return { of: `variable "${name}"`, expr: metric, shown: [label] };
    })];
}

async function scrape(r) {
  const { text } = await r.get('/metrics');
  await assertPromtool(text);
  return parsed(text);
}

// A router, one of several machines by its configuration, whose scrapes are at the start, after an ordinary day, on which the plan's 5-hour limit was reached, and when all
// that can go wrong did.
async function scrapes(t) {
  const all = await hosts(t, { n: 1, tokens: stored, config: 'share_hosts = 1', procs: 1, order: providers, whole: (sim, r) => {
    r.write('prices', providers.map(name => `${name}:* in=1000 out=1000\n`).join(''));
    return `monthly_cap = 1\n${r.usualConfig()}\nprices_file = "${r.file('prices')}"`;
  } }), [r] = all;
  const served = async (name, text) => assert.equal(who(await r.post(message(text))), name);
  const start = await scrape(r);
  await r.sim.next('claude_pro', { fault: 'usage_limit', reset: 3600 });
  await served('deepseek', 'SIM:READ 20 SIM:INPUT 20');
  const well = await scrape(r);

  r.clock.forward('2h');
  await r.sim.next('claude_pro', { fault: 'usage_limit_7d', reset: 3600 });
  await r.sim.next('deepseek', { fault: 'unauthorized' });
  const body = { id: 'msg_1', type: 'message', role: 'assistant', model: 'kimi', content: [{ type: 'text', text: 'Hello.' }], stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: 1 } };
  await r.sim.next('kimi', { fault: 'raw', status: 200, content_type: 'application/json', body: JSON.stringify(body) });
  await served('kimi');
  await r.sim.next('kimi', { fault: 'close', at: 'text' });
  await (await r.stream(message())).rest();
  await served('claude_api', 'SIM:INPUT 900');
  await served('none');
  r.writeTokens('deepseek sk-without-an-equals-sign\n');
  r.writeConfig('hold = "never"');
  const sample = (page, name) => page.samples.get(`claude_router_${name}`);
  await all.server.publish('a word of somebody');
  await eventually('it is refused', async () => sample(await scrape(r), 'share_refused_total') > 0);
  await all.server.kill();
  const ill = await eventually('neither file is in force, and the server is away', async () => {
    const page = await scrape(r);
    return ['config_last_reload_successful', 'tokens_last_reload_successful', 'share_connected'].every(name => sample(page, name) === 0) && page;
  });
  return { r, start, well, ill };
}

check('all that the dashboard and the alerts ask is in a scrape, and each has its answer', async t => {
  const { r, start, well, ill } = await scrapes(t);

  for (const { of, expr, shown } of asked()) assert.deepEqual(unknownNames(expr, [start, ill], shown), [], `${of}: ${expr}`);
  // promtool knows no sample that is later than the time at which it evaluates: of such an expression only the form is seen.
  const answers = asked().flatMap(({ expr }) => [[`count(${expr.replace(/ offset -\w+/, '')}) > bool 0`, 1], ...(/ offset -/.test(expr) ? [[expr, []]] : [])]);
  const whole = { ...ill, samples: new Map([...start.samples, ...ill.samples]) }; // what is absent at last stays as it was
  await assertResults(r, [{ input: series(start, whole, scraped), expressions: Object.fromEntries(answers) }]);

  for (const { alert, expr, annotations, labels } of alerts) {
    const shown = [...JSON.stringify([annotations, labels]).matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label);
    assert.deepEqual(unknownNames(expr, [ill], shown), [], `${alert}: ${expr}`);
  }
  const up = value => ({ series: `up{job="${scraped.job}",instance="${scraped.instance}"}`, values: `${value}+0x120` });
  const dropped = 'claude_router_ledger_dropped_total'; // no provider can make the disk refuse a row
  ill.samples.set(dropped, ill.samples.get(dropped) + 1);
  const is = (alertname, severity) => ({ labels: `{alertname="${alertname}", severity="${severity}"}`, value: 1 });
  const firing = 'count by (alertname, severity) (ALERTS{alertstate="firing"})';
  const window = 'ClaudeRouterWindowNearlyUsed', others = alerts.filter(({ alert }) => alert !== window).map(({ alert, labels }) => is(alert, labels.severity));
  await assertResults(r, [
    { input: [up(1), ...series(start, well, scraped)], expressions: { [firing]: [is(window, 'info')] } },
    { input: [up(0), ...series(well, ill, scraped)], expressions: { [firing]: [...others, is(window, 'warning')] } },
  ], [RULES]);
});

check('the files are sound: for promtool, and for a Grafana that has neither our names nor a plugin', async () => {
  for (const args of [['check', 'rules', '--lint=all', '--lint-fatal', RULES], ['check', 'config', EXAMPLE]]) {
    const run = await command('promtool', args);
    assert.equal(run.code, 0, run.stdout + run.stderr);
  }
  assert.ok(alerts.every(({ alert, annotations, labels }) => /^ClaudeRouter[A-Z]/.test(alert) && annotations.summary && labels.severity));
  const parts = [...dashboard.panels, ...dashboard.annotations.list, ...dashboard.templating.list.filter(one => one.type === 'query')];
  for (const part of parts) assert.deepEqual(part.datasource, { type: 'prometheus', uid: '${datasource}' }, part.title ?? part.name);
  assert.ok(!('uid' in dashboard) && !('id' in dashboard) && dashboard.schemaVersion === 39);
  for (const { type, title } of dashboard.panels) assert.ok(['state-timeline', 'bargauge', 'stat', 'timeseries'].includes(type), `${title}: ${type}`);
  assert.equal(new Set(dashboard.panels.map(panel => panel.id)).size, dashboard.panels.length);
  const taken = new Set();
  for (const { title, gridPos: { x, y, w, h } } of dashboard.panels) {
    assert.ok(x + w <= 24, title);
    for (let cell = 0; cell < w * h; cell++) {
      const at = `${x + cell % w},${y + Math.floor(cell / w)}`;
      assert.ok(!taken.has(at), `${title} lies on another panel`);
      taken.add(at);
    }
  }
});

check('a name that is wrong is found', async () => {
  const scrape = parsed('# HELP a_total x\n# TYPE a_total counter\na_total{provider="kimi",kind="input"} 1\n# HELP b x\n# TYPE b gauge\nb 2\n');
  const faults = {
    'sum by (kind) (rate(a_total{kind="input"}[5m])) / 2 > bool 0': [], 'b and on (instance) up offset 1d': [],
    'rate(a_totl[5m])': ['no metric a_totl'], 'b + c{x="1"}': ['no metric c'], '{provider="kimi"}': ['no metric '], '1 + 1': ['no metric at all'],
    'a_total{kid="input"}': ['a_total has no label kid'], 'a_total{kind!="inputs"}': ['a_total never has kind="inputs"'], 'b{provider=~".*"}': ['b has no label provider'],
    'sum by (provder) (a_total)': ['no metric of it has the label provder'],
  };
  for (const [expr, expected] of Object.entries(faults)) assert.deepEqual(unknownNames(expr, [scrape]), expected, expr);
  assert.deepEqual(unknownNames('sum by (kind) (a_total)', [scrape], ['provider']), ['its result has no label provider']);
});
