import { expect, test } from 'vitest';
import {
  assertSameSettings,
  decidingSettings,
  recordedSettings,
  registerSettings,
} from '../../consumers/agent-test-history/batch/deciding-settings.ts';
import { advance, Fenced } from '../../consumers/agent-test-history/batch/offsets.ts';
import { beginPartition } from '../../consumers/agent-test-history/stream/begin-partition.ts';
import type { ProjectorOptions } from '../../consumers/agent-test-history/stream/projector-options.ts';
import { loadConfig } from '../../lib/config.ts';
import { inTransaction } from '../../lib/postgres.ts';
import { usePartitions } from '../support/partitions.ts';
import { runInProcess } from '../support/run-in-process.ts';
import { TOPIC_ID } from '../support/run-records.ts';

/** Two projectors of one ledger decide by the same settings, or one of them says so. */

const the = usePartitions();
const of = (settings: Readonly<Record<string, string>>) => decidingSettings(loadConfig(settings, undefined));
const register = (settings: Readonly<Record<string, string>>, accept = false) =>
  inTransaction(the().pool, (client) => registerSettings(client, of(settings), accept));
const differ = { code: 'SETTINGS_DIFFER' };
const WIDE = { MATCH_WINDOW_SECONDS: '600' };

test('the first projector records them, and others are refused until a person accepts them', async () => {
  await assertSameSettings(the().pool, of(WIDE));
  await register({});
  await register({});
  for (const other of [WIDE, { SETTLE_MARGIN_SECONDS: '1' }, { OPT_OUT_POLICY: 'project' }])
    await expect(register(other)).rejects.toMatchObject(differ);
  expect(await recordedSettings(the().pool)).toEqual({
    OPT_OUT_POLICY: 'respect',
    MATCH_WINDOW_SECONDS: '120',
    SETTLE_MARGIN_SECONDS: '600',
  });
  const { claim } = await the().claim('former');
  const watched =
    'SELECT watched_since, watched_epoch = epoch AS "isWatched" FROM history_cdc.consumer_offset';
  const before = (await the().pool.query(watched)).rows;
  await register(WIDE, true);
  expect((await the().pool.query(watched)).rows).toEqual(before);
  const step = { claim, from: 0n, to: 1n, batch: null, streamedUntil: null };
  await expect(inTransaction(the().pool, (client) => advance(client, step))).rejects.toBeInstanceOf(Fenced);
  await expect(assertSameSettings(the().pool, of({}))).rejects.toMatchObject(differ);

  // One that began before, and claims only now.
  const epoch = (await the().stored())?.epoch;
  const options = { commits: true, topic: 'topic', context: the().contextOn(the().pool), deciding: of({}) };
  const beginning = {
    options: options as unknown as ProjectorOptions,
    inUse: { topicId: TOPIC_ID, name: 'topic', partitions: 4 },
    name: 'former',
    signal: new AbortController().signal,
  };
  await expect(beginPartition(beginning, 0, { low: 0n, high: 0n })).rejects.toMatchObject(differ);
  expect((await the().stored())?.epoch).toBe(epoch);
});

test('a command that decides or proves has those of the projectors; a dry run may have others', async () => {
  await register(WIDE, true);
  const run = async (args: readonly string[], own: Readonly<Record<string, string>> = {}) => {
    const answer = await runInProcess([...args, '--json'], {
      DATABASE_URL: the().url,
      LOG_LEVEL: 'silent',
      ...own,
    });
    return { code: answer.code, refused: answer.stderr.includes('"SETTINGS_DIFFER"') };
  };
  const refused = { code: 2, refused: true };
  for (const args of [['sweep'], ['redecide', '--apply'], ['reconcile', '--source-is-quiet']])
    expect([args, await run(args)]).toEqual([args, refused]);
  for (const args of [['sweep'], ['redecide', '--apply']])
    expect([args, await run(args, WIDE)]).toEqual([args, { code: 0, refused: false }]);
  expect(await run(['redecide'])).toEqual({ code: 0, refused: false });
  expect(await run(['doctor', '--only', 'deciding-settings'])).toEqual({ code: 1, refused: false });
  expect(await run(['doctor', '--only', 'deciding-settings'], WIDE)).toEqual({ code: 0, refused: false });
});
