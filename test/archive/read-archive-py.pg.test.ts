import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exported, hardRows, useArchiveWorld } from './archived.ts';

/* The independent reader: docs/read_archive.py with `fastavro`, which shares no code with us. */

const SCRIPT = fileURLToPath(new URL('../../docs/read_archive.py', import.meta.url));
const FASTAVRO = 'fastavro==1.13.1';
const INSTALL_WITHIN_MS = 60_000;

const world = useArchiveWorld();
const packages = mkdtempSync(path.join(tmpdir(), 'history-cdc-python-'));
/** Why it cannot run here; undefined where it can. */
let lacking: string | undefined;

beforeAll(() => {
  const { status, error, stderr } = spawnSync(
    'python3',
    [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--target',
      packages,
      FASTAVRO,
    ],
    { encoding: 'utf8', timeout: INSTALL_WITHIN_MS },
  );
  if (status !== 0)
    lacking = `${FASTAVRO} cannot be installed: ${error?.message ?? stderr.trim().split('\n').at(-1) ?? ''}`;
});

afterAll(() => {
  rmSync(packages, { recursive: true, force: true });
});

function read(args: readonly string[]) {
  const environment = { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1' };
  const { status, stdout, stderr } = spawnSync('python3', [SCRIPT, ...args], {
    encoding: 'utf8',
    env: environment,
  });
  if (stdout === '') throw new Error(stderr);
  return { status, answer: JSON.parse(stdout) as Record<string, unknown> & { differences: string[] } };
}

test('a reader that shares no code with us comes to the same counts and hashes, and sees a changed object', async ({
  skip,
}) => {
  if (lacking !== undefined) {
    console.warn(lacking);
    skip(lacking);
  }
  await hardRows(world().canonical);
  const { manifest } = await exported(world());
  const { id, rows, contentSha256, decisionsSha256, decisions } = manifest;
  const whole = { id, rows, contentSha256, decisionsSha256, decisions, objects: manifest.objects.length };
  expect(read([world().folder])).toEqual({ status: 0, answer: { ...whole, differences: [] } });

  const [object] = manifest.objects;
  appendFileSync(path.join(world().folder, object?.name ?? ''), 'x');
  const changed = read([world().folder, id]);
  expect(changed.status).toBe(1);
  expect(changed.answer.differences[0]).toContain(object?.name);
});
