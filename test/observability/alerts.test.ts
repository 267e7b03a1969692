import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { prometheusIfAny, promtool } from '../support/promtool.ts';
import { knownNames, namesIn, OBSERVABILITY, readYaml, RULES } from './rules.ts';

const programs = await prometheusIfAny();
const runbook = readFileSync(path.join(OBSERVABILITY, '..', 'docs', 'runbook.md'), 'utf8');
const known = await knownNames();
const { tests: units } = readYaml('alerts.test.yml') as {
  tests: { promql_expr_test: { expr: string; exp_samples: object[] }[] }[];
};

describe.each(RULES.map((rule) => [rule.alert, rule] as const))('%s', (alert, rule) => {
  test('has a severity, a time, a sentence, and a place in the runbook that is there', () => {
    expect(['critical', 'warning']).toContain(rule.labels['severity']);
    expect(rule.for).toMatch(/^\d+[mh]$/);
    expect(rule.annotations['summary']?.length).toBeGreaterThan(40);
    const anchor = alert.toLowerCase();
    expect(rule.annotations['runbook_url']).toBe(`docs/runbook.md#${anchor}`);
    expect(runbook.split(`<a id="${anchor}"></a>`)).toHaveLength(2);
  });

  test('asks only for metrics that somebody gives, and names a check that doctor has', () => {
    expect(namesIn(rule.expr)).not.toEqual([]);
    expect(namesIn(rule.expr).filter((name) => !known.has(name))).toEqual([]);
    const { check } = rule.labels;
    if (check !== undefined) expect(CHECKS.map(({ id }) => id)).toContain(check);
  });

  test('has a unit test in which it is quiet, fires, and is quiet again', () => {
    const firing = units
      .flatMap(({ promql_expr_test: asked }) => asked)
      .filter(({ expr }) => expr.includes(`alertname="${alert}",alertstate="firing"`))
      .map(({ exp_samples: samples }) => samples.length > 0);
    expect([firing[0], firing.includes(true), firing.at(-1)]).toEqual([false, true, false]);
  });
});

test('the runbook has no line for an alert that is gone', () => {
  const anchors = [...runbook.matchAll(/<a id="(historycdc\w+)">/g)].map(([, anchor]) => anchor);
  expect(anchors.toSorted()).toEqual(RULES.map(({ alert }) => alert.toLowerCase()).toSorted());
});

describe.skipIf(programs === undefined)('promtool', () => {
  const run = (...args: string[]) => {
    if (programs === undefined) throw new Error('skipped');
    return promtool(programs, args);
  };
  const file = (name: string) => path.join(OBSERVABILITY, name);

  test('accepts the rules', () => {
    expect(run('check', 'rules', file('alerts.yml'))).toMatchObject({ code: 0 });
  });

  test('sees each alert fire and end, on made-up series', () => {
    const { code, output } = run('test', 'rules', file('alerts.test.yml'));
    expect({ code, output }).toMatchObject({ code: 0 });
  });
});
