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

/** What a command needs besides `--json`, so that it comes as far as its settings. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  explain: ['0b6f2a5e-8f9c-4d63-9f3b-2c1d7e5a4b10'],
  find: ['--decision', 'projected'],
  forget: ['--user', 'somebody'],
  'archive erase': ['--user', 'somebody'],
  'evidence export': ['/nonexistent/evidence.jsonl'],
  'evidence verify': ['/nonexistent/evidence.jsonl'],
  'quarantine show': ['1'],
  'snapshot start': ['--missing'],
  'soak attest': ['reading-canonical', '--since', '2026-11-01', '--by', 'Ada', '--note', 'seen'],
  'soak explain': ['1', '--by', 'Ada', '--reason', 'known'],
  'soak revoke': ['reading-canonical', '--by', 'Ada', '--note', 'wrong'],
  'webhook dismiss': ['--id', '1', '--by', 'Ada'],
};
/** These need no setting that is missing; `demo` would start servers. */
const NEVER = ['demo', 'stack list', 'stack status', 'config'];
const COMMANDS = Object.keys(ANSWERS).filter((name) => !name.includes('--'));

describe('an error with --json is one object on stderr, with exit code 2:', () => {
  test.each(COMMANDS)('%s, used wrongly', async (name) => {
    const answer = await runInProcess([...name.split(' '), '--json', '--no-such-option'], {});
    expect(answer).toMatchObject({ code: 2, stdout: '' });
    expect(ERROR_ANSWER.parse(JSON.parse(answer.stderr))).toMatchObject({ code: 'USAGE' });
  });

  test.each(COMMANDS.filter((name) => !NEVER.includes(name)))(
    '%s, with a setting that is wrong',
    async (name) => {
      const args = [...name.split(' '), ...(NEEDED[name] ?? []), '--json'];
      const answer = await runInProcess(args, { DATABASE_URL: 'nonsense', BATCH_ROWS: 'many' });
      expect(answer).toMatchObject({ code: 2, stdout: '' });
      const { code } = ERROR_ANSWER.parse(JSON.parse(answer.stderr));
      expect(code).toBe(name === 'evidence verify' ? 'EVIDENCE_UNREADABLE' : 'CONFIG_INVALID');
    },
  );

  test('a database that does not answer', async () => {
    const answer = await runInProcess(['sweep', '--json'], {
      DATABASE_URL: 'postgres://app@127.0.0.1:1/app',
    });
    expect(answer).toMatchObject({ code: 2, stdout: '' });
    expect(ERROR_ANSWER.parse(JSON.parse(answer.stderr))).toMatchObject({ code: 'DATABASE_UNREACHABLE' });
  });

  test('a command that there is not', async () => {
    const answer = await runInProcess(['projekt', '--json'], {});
    expect(answer).toMatchObject({ code: 2, stdout: '' });
    expect(ERROR_ANSWER.parse(JSON.parse(answer.stderr))).toMatchObject({ code: 'USAGE' });
  });
});
