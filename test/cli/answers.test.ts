import { describe, expect, test } from 'vitest';
import { ANSWERS, ERROR_ANSWER } from '../../cli/answers.ts';
import { renderAnswerSchemas, storedAnswerSchemas } from '../../docs/answers.ts';
import { runInProcess } from '../support/run-in-process.ts';

test('docs/answers/ is what `npm run docs:answers` writes', () => {
  expect(storedAnswerSchemas()).toEqual(renderAnswerSchemas());
});

/** The names of all properties in a JSON Schema. */
function propertiesOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(propertiesOf)];
}

test('every key of every answer is in camelCase', () => {
  const names = Object.values(storedAnswerSchemas()).flatMap((text) => propertiesOf(JSON.parse(text)));
  expect(names.length).toBeGreaterThan(200);
  expect(names.filter((name) => !/^[a-z]+[a-zA-Z0-9]*$/.test(name))).toEqual([]);
});

/** Every command with an option `--json`, found in the help. */
async function withJson(command: readonly string[]): Promise<string[]> {
  const { stdout } = await runInProcess([...command, '--help'], {});
  const below = !/^Usage: .* \[command\]$/m.test(stdout)
    ? []
    : [...stdout.matchAll(/^ {2}([a-z]+)(?= | \[options\])/gm)].map(([, name = '']) => name);
  const names = below.filter((name) => name !== 'help').map((name) => [...command, name]);
  const found = await Promise.all(names.map(withJson));
  return [...(/^ {2}--json /m.test(stdout) ? [command.join(' ')] : []), ...found.flat()];
}

test('every command with --json has a schema, and no other has', async () => {
  const schemas = Object.keys(ANSWERS).filter((name) => !name.includes('--'));
  expect((await withJson([])).sort()).toEqual(schemas.sort());
});

describe('an error with --json is one object on stderr:', () => {
  test.each([
    ['a command line that is wrong', ['sweep', '--json', '--fast'], 'USAGE'],
    ['a setting that is missing', ['project', '--json'], 'CONFIG_INVALID'],
    ['a database that does not answer', ['sweep', '--json'], 'DATABASE_UNREACHABLE'],
  ])('%s', async (_, args, code) => {
    const settings =
      code === 'DATABASE_UNREACHABLE' ? { DATABASE_URL: 'postgres://app@127.0.0.1:1/app' } : {};
    const answer = await runInProcess(args, settings);
    expect(answer).toMatchObject({ code: 2, stdout: '' });
    expect(ERROR_ANSWER.parse(JSON.parse(answer.stderr))).toMatchObject({ code });
  });
});
