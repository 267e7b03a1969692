import { expect, test } from 'vitest';
import { createContext } from '../../cli/context.ts';
import type { Finding } from '../../operations/reconcile/report.ts';
import { rowJson } from '../../cli/row-json.ts';

function contextWithStdout() {
  const written: string[] = [];
  const context = createContext({
    environment: {},
    stdout: (text) => written.push(text),
    stderr: () => undefined,
    redraws: false,
    drawsBars: false,
    stopSignal: () => new AbortController().signal,
  });
  return { context, stdout: () => written.join('') };
}

const FINDING: Finding = {
  kind: 'missing',
  severity: 'wrong',
  state: 'confirmed',
  legacy_id: 'a',
  canonical_run_id: null,
  fields: [],
  accepted_by: null,
};

test.each([0, 1, 2, 3])('an answer with a list of %s items is one JSON object', async (count) => {
  const { context, stdout } = contextWithStdout();
  async function* findings() {
    for (let n = 0; n < count; n += 1) yield await Promise.resolve(FINDING);
  }
  await context.longAnswer('reconcile', {
    json: true,
    facts: { run: '1' } as never,
    list: 'findings',
    items: findings(),
    fact: rowJson,
    text: { before: '', line: String, after: '' },
  });
  expect(JSON.parse(stdout())).toEqual({
    run: '1',
    findings: Array.from({ length: count }, () => rowJson(FINDING)),
  });
});

test('an answer that is one of many is one line', () => {
  const { context, stdout } = contextWithStdout();
  const facts = { actions: [{ id: '1' }] } as never;
  context.answer('actions', { json: 'line', facts, text: () => '' });
  context.answer('actions', { json: 'line', facts, text: () => '' });
  expect(stdout()).toBe('{"actions":[{"id":"1"}]}\n{"actions":[{"id":"1"}]}\n');
});
