import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANSWERS } from '../../cli/answers.ts';
import { RELEASE } from '../../lib/release.ts';
import { Command } from '../support/command.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';

let stateFolder: string;
beforeAll(() => {
  stateFolder = mkdtempSync(path.join(tmpdir(), 'history-cdc-'));
});
afterAll(() => {
  rmSync(stateFolder, { recursive: true });
});

/** Runs where no local stack is up. */
async function run(args: string, settings: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return await runInProcess(args.split(' '), { HISTORY_CDC_STATE_DIR: stateFolder, ...settings });
}

const ADDRESSES = { DATABASE_URL: 'postgres://app:hunter2@127.0.0.1:1/app', KAFKA_BROKERS: '127.0.0.1:1' };

describe('what cannot run ends with exit code 2, and says why on stderr alone:', () => {
  test.each([
    ['a command that there is not', 'projekt', 'projekt'],
    ['an option that there is not', 'project --fast', '--fast'],
    ['a truncate that is no position', 'project --accept-truncate 7', '7'],
    ['a confirmation that is no number', 'undo --apply --confirm all', 'all'],
    ['an id that is none', 'explain 7', '7'],
    ['a check that there is not', 'doctor --only wal', 'wal'],
    ['a pause that is none', 'status --watch soon', 'soon'],
    ['a start that is none', 'replay --from yesterday', 'yesterday'],
  ])('%s', async (_, args, culprit) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(culprit);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test('also as a process', async () => {
    const { code, stdout } = await Command.historyCdc(['projekt'], {}).ended;
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('settings that are missing, all of them at once, with the way out', async () => {
    const { code, stdout, stderr } = await run('project');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error CONFIG_INVALID');
    expect(stderr).toContain('DATABASE_URL is not set');
    expect(stderr).toContain('KAFKA_BROKERS is not set');
    expect(stderr).toContain('way out: `history-cdc config`');
  });

  test('a database that nobody answers for, without its password', async () => {
    const { code, stdout, stderr } = await run('project', ADDRESSES);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('error DATABASE_UNREACHABLE: Postgres cannot be reached at DATABASE_URL');
    expect(stderr).not.toContain('hunter2');
  });
});

const COMMANDS = [
  'actions',
  'census',
  'config',
  'connector',
  'demo',
  'doctor',
  'explain',
  'forget',
  'migrate',
  'project',
  'quarantine',
  'reconcile',
  'redecide',
  'replay',
  'snapshot',
  'stack',
  'status',
  'sweep',
  'undo',
];

describe('what is answered ends with exit code 0:', () => {
  test('help names every command in its group, and the documentation', async () => {
    const { code, stdout, stderr } = await run('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    const groups = [...stdout.matchAll(/^(\S.*):$/gm)].map(([, group]) => group);
    for (const group of ['Set up', 'Run', 'Look', 'Prove', 'Put right', 'Retire'])
      expect(groups).toContain(group);
    for (const [page] of stdout.matchAll(/\S+\.md/g)) expect(existsSync(page)).toBe(true);
  });

  test('the release', async () => {
    await expect(run('--version')).resolves.toMatchObject({ code: 0, stdout: `${RELEASE}\n`, stderr: '' });
  });

  test.each(COMMANDS)('help of %s has an example', async (command) => {
    const { code, stdout, stderr } = await run(`${command} --help`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`Examples?:\n  history-cdc ${command}`));
  });
});

describe('config', () => {
  test('lists every setting with its source, and no secret', async () => {
    const settings = { ...ADDRESSES, KAFKA_SASL_PASSWORD: 'hunter2', BATCH_ROWS: '7' };
    const { code, stdout, stderr } = await run('config --json', settings);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { settings: rows } = ANSWERS.config.parse(JSON.parse(stdout));
    const shown = Object.fromEntries(rows.map(({ name, value, source }) => [name, [value, source]]));
    expect(shown).toMatchObject({
      DATABASE_URL: ['postgres://app:***@127.0.0.1:1/app', 'environment'],
      KAFKA_SASL_PASSWORD: ['***', 'environment'],
      BATCH_ROWS: ['7', 'environment'],
      TOPIC_PREFIX: ['aao', 'default'],
      CONNECT_URL: [null, 'unset'],
    });
    expect(stdout).not.toContain('hunter2');
  });

  test('lists them first, and then refuses what is wrong', async () => {
    const { code, stdout, stderr } = await run('config', {
      BATCH_ROWS: 'many',
      DATABASE_URL: 'app:hunter2@db',
    });
    expect(code).toBe(2);
    expect(stdout).toContain('BATCH_ROWS');
    expect(stderr).toContain('BATCH_ROWS must be a whole number');
    expect(`${stdout}${stderr}`).not.toContain('hunter2');
  });
});
