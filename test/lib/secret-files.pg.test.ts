import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import { createPool } from '../../lib/postgres.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
const folder = mkdtempSync(path.join(tmpdir(), 'secrets-'));
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await database.drop();
});

async function userWith(environment: Record<string, string>): Promise<unknown> {
  const { DATABASE_URL: url } = loadConfig(environment, undefined, ['DATABASE_URL']);
  const pool = createPool({ url, name: 'test', connections: 1 });
  try {
    return (await pool.query<{ role: string }>('SELECT current_user AS role')).rows[0]?.role;
  } finally {
    await pool.end();
  }
}

function secretFile(name: string, content: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

test('Postgres takes the password of PGPASSWORD_FILE, and refuses a wrong one', async () => {
  const url = new URL(database.url);
  const password = decodeURIComponent(url.password);
  url.password = '';
  const DATABASE_URL = url.href;
  expect(password).not.toBe('');
  const right = secretFile('right', `${password}\n`);
  expect(await userWith({ DATABASE_URL, PGPASSWORD_FILE: right })).toBe('app');
  const wrong = secretFile('wrong', `${password}x\n`);
  await expect(userWith({ DATABASE_URL, PGPASSWORD_FILE: wrong })).rejects.toMatchObject({ code: '28P01' });
});

test('a whole address can come from a file', async () => {
  expect(await userWith({ DATABASE_URL_FILE: secretFile('url', `${database.url}\n`) })).toBe('app');
});
