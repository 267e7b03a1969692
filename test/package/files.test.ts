import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.join(import.meta.dirname, '..', '..');
const ROOMS = ['cli', 'connectors', 'consumers', 'demo', 'lib', 'observability', 'operations', 'stack'];

test('the package holds every file that the command reads, and no sources, tests or tools', () => {
  const options = { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' } as const;
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json'], options)) as [
    { files: { path: string }[] },
  ];
  const files = packed.files.map((file) => file.path).filter((file) => !file.startsWith('dist/'));
  const needed = ROOMS.flatMap((room) =>
    readdirSync(path.join(ROOT, room), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name))),
  ).filter((file) => !/\.ts$|Dockerfile$|\.test\.yml$/.test(file));
  expect(needed.length).toBeGreaterThan(200);
  expect(files).toEqual(
    expect.arrayContaining([...needed, 'bin/history-cdc.mjs', 'bin/setup.mjs', 'docs/runbook.md']),
  );
  expect(files.filter((file) => /\.ts$|^(test|bench|lint)\/|bin\/compile/.test(file))).toEqual([]);
}, 120_000);
