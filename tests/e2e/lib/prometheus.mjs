// SPDX-License-Identifier: MIT
// What Prometheus makes of a scrape of /metrics: its text, read strictly; what an expression names; and promtool, which
// evaluates expressions and alert rules over series made of scrapes, without a server.
import assert from 'node:assert/strict';
import { command } from './parts.mjs';

// --- The text ---------------------------------------------------------------------------------------------------------

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? ([0-9.]+|\\+Inf)$`);

// A page as { types: {family: type}, samples: Map('name{labels}' → number) }; an error for whatever the format forbids.
export function parsed(text) {
  const types = {}, helped = new Set(), samples = new Map();
  let family;
  assert.ok(text.endsWith('\n'), 'the last line ends');
  for (const line of text.slice(0, -1).split('\n')) {
    const help = line.match(/^# HELP (\S+) \S/), type = line.match(/^# TYPE (\S+) (counter|gauge|histogram)$/);
    if (help) {
      assert.ok(!helped.has(help[1]), `a second time: ${line}`);
      helped.add(help[1]);
    } else if (type) {
      [, family] = type;
      assert.ok(helped.has(family) && !(family in types), `TYPE follows HELP, once: ${line}`);
      types[family] = type[2];
      assert.equal(type[2] === 'counter', family.endsWith('_total'), line);
    } else {
      const sample = line.match(SAMPLE);
      assert.ok(sample, `no sample: ${line}`);
      const base = types[family] === 'histogram' ? sample[1].replace(/_(bucket|sum|count)$/, '') : sample[1];
      assert.equal(base, family, `stands with its family: ${line}`);
      const key = line.slice(0, line.lastIndexOf(' '));
      assert.ok(!samples.has(key), `twice: ${line}`);
      samples.set(key, Number(sample[3]));
    }
  }
  return { types, samples };
}

export async function assertPromtool(text) {
  const run = await command('promtool', ['check', 'metrics'], { input: text });
  assert.equal(run.code, 0, `promtool: ${run.stdout}${run.stderr}`);
  assert.equal(run.stdout + run.stderr, '');
}

// --- What an expression names -----------------------------------------------------------------------------------------

const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'on', 'by', 'without', 'ignoring', 'group_left', 'group_right']);
const GIVEN = ['job', 'instance']; // by whoever scrapes

// { metrics: [{ metric, matchers: [{ label, value }] }], grouped: [label] }; value: undefined for a pattern.
function named(expr) {
  const metrics = [], grouped = [];
  const rest = expr.replace(/\[[^\]]*\]/g, ' ')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_, labels) => { grouped.push(...labels.split(',').map(label => label.trim())); return ' '; })
    .replace(/([a-zA-Z_:][\w:]*)?\s*\{([^}]*)\}/g, (_, metric = '', inside) => {
      metrics.push({ metric, matchers: [...inside.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g)].map(([, label, op, value]) => ({ label, value: op.includes('~') ? undefined : value })) });
      return ' ';
    }).replace(/"(?:[^"\\]|\\.)*"/g, ' ');
  for (const [, metric] of rest.matchAll(/\b([a-zA-Z_:][\w:]*)\b(?!\s*\()/g)) if (!WORDS.has(metric)) metrics.push({ metric, matchers: [] });
  return { metrics, grouped };
}

// The names in an expression that the scrapes do not have, as sentences; shown: labels that a text about the result names.
export function unknownNames(expr, scrapes, shown = []) {
  const values = new Map(); // metric → label → Set(value)
  for (const key of [...scrapes.flatMap(scrape => [...scrape.samples.keys()]), 'up']) {
    const [, metric, inside = ''] = key.match(/^([^{]+)(?:\{(.*)\})?$/);
    const labels = values.get(metric) ?? values.set(metric, new Map(GIVEN.map(label => [label, undefined]))).get(metric);
    for (const [, label, value] of inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels.set(label, (labels.get(label) ?? new Set()).add(value));
  }
  const { metrics, grouped } = named(expr), faults = [];
  for (const { metric, matchers } of metrics) {
    const labels = values.get(metric);
    if (!labels) { faults.push(`no metric ${metric}`); continue; }
    for (const { label, value } of matchers) {
      if (!labels.has(label)) faults.push(`${metric} has no label ${label}`);
      else if (value !== undefined && labels.get(label) && !labels.get(label).has(value)) faults.push(`${metric} never has ${label}="${value}"`);
    }
  }
  if (!metrics.length) faults.push('no metric at all');
  const all = new Set(metrics.flatMap(({ metric }) => [...values.get(metric)?.keys() ?? []]));
  faults.push(...grouped.filter(label => !all.has(label)).map(label => `no metric of it has the label ${label}`));
  const left = grouped.length ? new Set(grouped) : all;
  return [...faults, ...shown.filter(label => !left.has(label)).map(label => `its result has no label ${label}`)];
}

// --- promtool ---------------------------------------------------------------------------------------------------------

export const MINUTES = 120; // of the series: what counts grows all the time, all else changes after the first minute

// A series a sample of the scrape `to`, as if it were scraped once a minute, the first time as in the scrape `from`.
export function series(from, to, labels) {
  const given = Object.entries(labels).map(([label, value]) => `${label}="${value}"`).join(',');
  return [...to.samples].map(([key, end]) => {
    const [, metric, inside] = key.match(/^([^{]+)(?:\{(.*)\})?$/), begin = from.samples.get(key) ?? end;
    const counts = to.types[metric] === 'counter' || to.types[metric.replace(/_(bucket|sum|count)$/, '')] === 'histogram';
    return { series: `${metric}{${inside ? `${inside},` : ''}${given}}`, values: counts ? `${begin}+${(end - begin) / MINUTES}x${MINUTES}` : `${begin} ${end}+0x${MINUTES - 1}` };
  });
}

// promtool test rules. tests: [{ input, expressions: { expr: [{ labels, value }] or value } }]; each is evaluated in the
// middle of the series.
export async function assertResults(r, tests, rules = []) {
  const samples = expected => (Array.isArray(expected) ? expected : [{ labels: '{}', value: expected }]);
  r.write('tests.yml', JSON.stringify({
    rule_files: rules, evaluation_interval: '1m',
    tests: tests.map(({ input, expressions }) => ({
      interval: '1m', input_series: input,
      promql_expr_test: Object.entries(expressions).map(([expr, expected]) => ({ expr, eval_time: `${MINUTES / 2}m`, exp_samples: samples(expected) })),
    })),
  }));
  const run = await command('promtool', ['test', 'rules', r.file('tests.yml')]);
  assert.equal(run.code, 0, `promtool: ${run.stdout}${run.stderr}`);
}
