import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { listSettings } from '../../lib/listed-settings.ts';
import { resolveSettings } from '../../lib/setting-sources.ts';
import { isReadFromFile, SETTINGS, type SettingName } from '../../lib/settings.ts';

const SECRET = 'hunter2';
const stack = { DATABASE_URL: 'postgres://stack:own@stack/app', KAFKA_SASL_PASSWORD: 'own' };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'secrets-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function secretFile(content: string | Buffer, name = 'secret'): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

function refusal(environment: Record<string, string>): string {
  try {
    loadConfig(environment, stack, ['DATABASE_URL']);
  } catch (error) {
    if (error instanceof FatalError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('a secret in a file', () => {
  const SECRETS = (Object.keys(SETTINGS) as SettingName[]).filter(isReadFromFile);

  test('is taken for every setting that may hold a secret, before the local stack', () => {
    expect(SECRETS).toEqual(expect.arrayContaining(['DATABASE_URL', 'CONNECT_TOKEN', 'PGPASSWORD']));
    for (const name of SECRETS) {
      const file = secretFile('of the file\n');
      const localStack = { [name]: 'of the stack' };
      expect(resolveSettings({ [`${name}_FILE`]: file, [name]: '' }, localStack)[name]).toEqual({
        text: 'of the file',
        source: 'file',
        file,
      });
    }
  });

  test('has no line break at its end, and is otherwise as it stands there', () => {
    const password = (content: string) =>
      loadConfig({ KAFKA_SASL_PASSWORD_FILE: secretFile(content) }, undefined).KAFKA_SASL_PASSWORD;
    expect(password(`${SECRET}\n`)).toBe(SECRET);
    expect(password(`${SECRET}\r\n`)).toBe(SECRET);
    expect(password(` ${SECRET}\t ü% \n`)).toBe(` ${SECRET}\t ü% `);
  });

  test('may lie behind a symbolic link, as Kubernetes mounts it', () => {
    const link = path.join(folder, 'link');
    symlinkSync(secretFile(SECRET), link);
    expect(loadConfig({ CONNECT_TOKEN_FILE: link }, undefined).CONNECT_TOKEN).toBe(SECRET);
  });

  test('is listed with its file and without its value', () => {
    const file = secretFile(`postgres://app:${SECRET}@db/app`);
    const listed = listSettings({ DATABASE_URL_FILE: file }, stack);
    expect(listed.find(({ name }) => name === 'DATABASE_URL')).toMatchObject({
      value: 'postgres://app:***@db/app',
      source: 'file',
      file,
    });
    expect(JSON.stringify(listed)).not.toContain(SECRET);
  });

  test('is validated as the variable is', () => {
    const told = refusal({ DATABASE_URL_FILE: secretFile(`mysql://app:${SECRET}@db/app`) });
    expect(told).toContain('DATABASE_URL must be a URL');
    expect(told).not.toContain(SECRET);
  });

  test('of Postgres goes into every address of ours that has no password', () => {
    const config = loadConfig(
      {
        DATABASE_URL: 'postgres://app@db/app',
        LEGACY_DATABASE_URL: 'postgres://app:own@db/legacy',
        RESTORE_DATABASE_URL: 'postgresql:///app?host=/run/postgresql',
        CONNECTOR_DATABASE_URL: 'postgres://debezium@db/app',
        PGPASSWORD_FILE: secretFile('p%40@/ä\n'),
      },
      undefined,
    );
    const passwordOf = (url: string | undefined) => {
      const { password, searchParams } = new URL(url ?? '');
      return password === '' ? searchParams.get('password') : decodeURIComponent(password);
    };
    expect(passwordOf(config.DATABASE_URL)).toBe('p%40@/ä');
    expect(passwordOf(config.LEGACY_DATABASE_URL)).toBe('own');
    expect(passwordOf(config.RESTORE_DATABASE_URL)).toBe('p%40@/ä');
    expect(config.CONNECTOR_DATABASE_URL).toBe('postgres://debezium@db/app');
  });
});

describe('a file of a secret is refused, with the name of the setting and without the content,', () => {
  test.each([
    ['empty', () => secretFile(''), 'is empty'],
    ['of line breaks alone', () => secretFile('\n\n'), 'is empty'],
    ['of two lines', () => secretFile(`${SECRET}\nmore\n`), 'more than one line'],
    ['not of text', () => secretFile(Buffer.from([0xff, 0xfe])), 'not UTF-8'],
    ['too large', () => secretFile(SECRET.repeat(10_000)), 'more than 65536 bytes'],
    ['missing', () => path.join(folder, 'missing'), 'ENOENT'],
    ['a folder', () => folder, 'is a folder'],
    ['a device', () => '/dev/zero', 'not a regular file'],
  ])('if it is %s', (_, make, problem) => {
    const file = make();
    const told = refusal({ DATABASE_URL_FILE: file });
    expect(told).toContain('DATABASE_URL cannot be read from DATABASE_URL_FILE');
    expect(told).toContain(file);
    expect(told).toContain(problem);
    expect(told).not.toContain(SECRET);
    expect(told.split('\n')).toHaveLength(2);
  });

  test('if the variable is set as well', () => {
    const told = refusal({
      DATABASE_URL: `postgres://app:${SECRET}@db/app`,
      DATABASE_URL_FILE: secretFile(`postgres://app:${SECRET}@other/app`),
    });
    expect(told).toContain('DATABASE_URL and DATABASE_URL_FILE are both set');
    expect(told).not.toContain(SECRET);
  });

  test('and is listed all the same, beside the other settings', () => {
    const listed = listSettings({ DATABASE_URL_FILE: folder }, stack);
    expect(listed.find(({ name }) => name === 'DATABASE_URL')).toMatchObject({ value: null, file: folder });
  });
});
