import path from 'node:path';
import { Linter } from 'eslint';
import { describe, expect, test } from 'vitest';
import { importDirections } from '../../lint/import-directions.js';
import { roomsOf, whyForbidden } from '../../lint/rooms.js';

const ROOT = path.join(import.meta.dirname, '..', '..');

function complaints(file: string, code: string): number {
  const plugin = { rules: { 'import-directions': importDirections } };
  const config: Linter.Config = {
    files: ['**/*.ts'],
    plugins: { rooms: plugin } as NonNullable<Linter.Config['plugins']>,
    rules: { 'rooms/import-directions': 'error' },
  };
  return new Linter({ cwd: ROOT }).verify(code, [config], { filename: path.join(ROOT, file) }).length;
}

describe('the lint rule for import directions', () => {
  test('fails on an import, an export and a dynamic import in a forbidden direction', () => {
    expect(complaints('lib/a.ts', "import '../cli/main.ts';")).toBe(1);
    expect(complaints('connectors/deploy/a.ts', "export { x } from '../../operations/facts/a.ts';")).toBe(1);
    expect(complaints('consumers/agent-test-history/rule/a.ts', "void import('../lookup/lookup.ts');")).toBe(
      1,
    );
    expect(complaints('operations/reconcile/a.ts', "import '../redecide/redecide.ts';")).toBe(1);
    expect(complaints('lib/a.ts', "import '../elsewhere/a.ts';")).toBe(1);
  });

  test('passes the other direction, the own room and packages', () => {
    expect(complaints('cli/a.ts', "import '../operations/undo/undo.ts';")).toBe(0);
    expect(complaints('lib/a.ts', "import './errors.ts'; import 'pg'; import 'node:fs';")).toBe(0);
    expect(complaints('operations/reconcile/a.ts', "import '../continuity/gaps.ts';")).toBe(0);
  });

  test('reconcile shares words with the projector, but no code that writes', () => {
    const why = (file: string) =>
      whyForbidden('operations/reconcile/a.ts', `consumers/agent-test-history/${file}`);
    expect(why('rule/outcome.ts')).toBeUndefined();
    expect(why('rule/decide.ts')).toBeDefined();
    expect(why('batch/write.ts')).toBeDefined();
  });
});

test('a table of rooms in which two could import each other is refused', () => {
  expect(() => {
    roomsOf([['a', 'b'], ['b']]);
  }).toThrow('a may not import b');
  expect(roomsOf([['a'], ['b', 'a']])).toHaveLength(2);
});
