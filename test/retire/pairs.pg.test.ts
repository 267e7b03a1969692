import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inTransaction } from '../../lib/postgres.ts';
import { takeTurn } from '../../lib/retirement-turn.ts';
import { readFence } from '../../operations/fence/state.ts';
import { close } from '../../operations/retire/close.ts';
import { drop, TABLE } from '../../operations/retire/drop.ts';
import { fence, unfence } from '../../operations/retire/fence.ts';
import { enterStage } from '../../operations/soak/stages.ts';
import { FETCHED_POSTGRES } from '../support/own-postgres.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { until } from '../support/until.ts';
import { useSessions } from '../support/waiting.ts';
import { MET, STANDS, useRetiredTable } from './retired.ts';

/*
 * Steps of the retirement that must not run at the same time. One is held in the middle of its work, and each of the others is
 * begun beside it: it is refused at once with its code, and has changed nothing. Then the first one goes on to its end.
 */

const table = useRetiredTable();
const sessions = useSessions();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'history-cdc-pairs-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const settings = () => ({
  DATABASE_URL: table().open.database.url,
  RESTORE_DATABASE_URL: table().open.database.url,
  ARCHIVE_TARGET: folder,
  LOG_LEVEL: 'silent',
  ...FETCHED_POSTGRES,
});
const command = async (...args: string[]) => {
  const { code, stderr } = await runInProcess([...args, '--json'], settings());
  return code === 2 ? (JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as { code: string }).code : code;
};
const step = async (work: Promise<unknown>) =>
  work.then(
    () => 0,
    (error: unknown) => (error as { code?: unknown }).code,
  );

const COMMANDS = {
  export: ['archive', 'export'],
  verify: ['archive', 'verify'],
  restore: ['archive', 'restore', '--as', 'restored.one', '--apply'],
  drill: ['archive', 'drill'],
  erase: ['archive', 'erase', '--user', 'nobody', '--apply', '--confirm', TABLE],
  teardown: ['teardown', '--apply', '--confirm', TABLE],
} as const;
type Named = keyof typeof COMMANDS;

/** An earlier release's schema, as long as a migration of it is asked for. */
async function migrate(): Promise<unknown> {
  const newest = 'version = (SELECT max(version) FROM history_cdc.migration)';
  const { rows } = await table().pool.query(
    `DELETE FROM history_cdc.migration WHERE ${newest} RETURNING version, name, sha256`,
  );
  try {
    return await command('migrate');
  } finally {
    const [row] = rows as { version: number; name: string; sha256: string }[];
    await table().pool.query(
      'INSERT INTO history_cdc.migration (version, name, sha256) VALUES ($1, $2, $3)',
      [row?.version, row?.name, row?.sha256],
    );
  }
}

const STEPS = {
  fence: () => step(fence(table().context())),
  unfence: () => step(unfence(table().context())),
  close: () => step(close(table().context())),
  drop: () => step(drop(table().context(), TABLE)),
  migrate,
};

/** What each of them says, one after the other. */
async function said(named: readonly Named[], steps: readonly (keyof typeof STEPS)[]) {
  const answers: Record<string, unknown> = {};
  for (const name of named) answers[name] = await command(...COMMANDS[name]);
  for (const name of steps) answers[name] = await STEPS[name]();
  return answers;
}

const busy = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 'RETIREMENT_BUSY']));
const ALL_COMMANDS = Object.keys(COMMANDS) as Named[];
const ALL_STEPS = Object.keys(STEPS) as (keyof typeof STEPS)[];
const EVERYTHING = busy(...ALL_COMMANDS, ...ALL_STEPS);

/** What a refused step could have left: stages, records of archives, actions, the fence, a restored table, the connector's parts. */
async function traces() {
  const { rows } = await table().pool.query<Record<string, unknown>>(
    `SELECT (SELECT count(*) FROM history_cdc.stage) AS stages, (SELECT count(*) FROM history_cdc.archive_event) AS events,
            (SELECT count(*) FROM history_cdc.action) AS actions, to_regclass('restored.one') AS restored,
            to_regclass('history_cdc.ledger') IS NOT NULL AS ledger`,
  );
  return { ...rows[0], fence: (await readFence(table().pool)).fence?.id };
}

const WAITS = `
  SELECT count(*)::int AS n FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = $1 AND wait_event_type = 'Lock'`;

/** Begins commands that read what archives there are, while that cannot be read. */
async function held(...named: Named[]) {
  const lock = await sessions.hold(table().superuser, 'SELECT');
  await lock.client.query('LOCK TABLE history_cdc.archive IN ACCESS EXCLUSIVE MODE');
  const ended = Promise.all(named.map((name) => command(...COMMANDS[name])));
  for (const name of named)
    await until(`${name} is in the middle`, async () => {
      const { rows } = await table().pool.query<{ n: number }>(WAITS, [`history-cdc archive ${name}`]);
      return (rows[0]?.n ?? 0) > 0;
    });
  return { ended, release: () => lock.release() };
}

test('beside export, verify and restore, which run beside each other, nothing that changes table or archives begins', async () => {
  await table().fill();
  expect(await command('archive', 'export')).toBe(0);
  const before = await traces();
  const { ended, release } = await held('export', 'verify', 'restore');
  expect(await said(['export', 'erase', 'teardown'], ALL_STEPS)).toEqual({
    ...busy('erase', 'teardown', ...ALL_STEPS),
    export: 'ARCHIVE_BUSY',
  });
  expect(await traces()).toEqual(before);
  await expect(fence(table().context())).rejects.toMatchObject({
    message: expect.stringMatching(/archive export .*archive restore .*archive verify /) as string,
  });
  await release();
  expect(await ended).toEqual([0, 0, 0]);
});

test('beside an erasure nothing begins: a verification would take what is erased for damaged', async () => {
  await table().fill();
  expect(await command('archive', 'export')).toBe(0);
  const before = await traces();
  const { ended, release } = await held('erase');
  expect(await said(ALL_COMMANDS, ALL_STEPS)).toEqual(EVERYTHING);
  expect(await traces()).toEqual(before);
  await release();
  expect(await ended).toEqual([0]);
});

function moment<T>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** A question of a step that gets its answer when the test says so. */
function question<T>(answer: T) {
  const asked = moment<undefined>();
  const answered = moment<T>();
  const ask = async () => {
    asked.resolve(undefined);
    return await answered.promise;
  };
  return {
    ask,
    asked: asked.promise,
    answer: () => {
      answered.resolve(answer);
    },
  };
}

describe('beside each step of the retirement nothing begins:', () => {
  test('fence', async () => {
    await table().fill();
    const gate = question(MET);
    const fencing = fence(table().context({ gate: gate.ask }));
    await gate.asked;
    const before = await traces();
    expect(await said(ALL_COMMANDS, ALL_STEPS)).toEqual(EVERYTHING);
    expect(await traces()).toEqual(before);
    gate.answer();
    expect((await fencing).stage.stage).toBe('fenced');
  });

  test('close, and drop', async () => {
    await table().fill();
    await fence(table().context());
    for (const stage of ['fenced', 'archived'] as const) {
      if (stage === 'archived')
        await inTransaction(table().pool, (client) =>
          enterStage(client, { stage, by: 'test', evidence: {} }),
        );
      const standing = question(STANDS);
      const context = table().context({ standing: standing.ask });
      const going = step(stage === 'fenced' ? close(context) : drop(context, TABLE));
      await standing.asked;
      const before = await traces();
      expect(await said(['export', 'restore', 'erase', 'teardown'], ALL_STEPS)).toEqual(
        busy('export', 'restore', 'erase', 'teardown', ...ALL_STEPS),
      );
      expect(await traces()).toEqual(before);
      standing.answer();
      expect(await going).toBe('GATE_NOT_MET');
    }
  });

  test('unfence', async () => {
    await table().fill();
    await fence(table().context());
    const reader = await sessions.hold(table().writer, 'SELECT FROM public.agent_test_history LIMIT 1');
    const met = moment<undefined>();
    const note = () => {
      met.resolve(undefined);
    };
    const opening = unfence(table().context({ waitSeconds: 60, note }));
    await met.promise;
    expect(await said(['export', 'erase', 'teardown'], ['close', 'unfence', 'migrate'])).toEqual(
      busy('export', 'erase', 'teardown', 'close', 'unfence', 'migrate'),
    );
    await reader.release();
    await opening;
    expect((await readFence(table().pool)).fence).toBeNull();
  });

  test('a migration; and one that has nothing to do keeps nobody out, and is kept out by nobody', async () => {
    await table().fill();
    const done = moment<undefined>();
    const begun = moment<undefined>();
    const migrating = inTransaction(table().pool, async (client) => {
      await takeTurn(client);
      begun.resolve(undefined);
      await done.promise;
    });
    await begun.promise;
    const commands = ['export', 'erase', 'teardown'] as const;
    const steps = ['fence', 'unfence', 'close', 'drop'] as const;
    expect(await said(commands, steps)).toEqual(busy(...commands, ...steps));
    expect(await command('migrate')).toBe(0);
    done.resolve(undefined);
    await migrating;
    expect(await command('archive', 'export')).toBe(0);
  });
});
