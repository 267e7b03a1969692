import { expect, TestRunner } from 'vitest';
import { contentHash } from '../canonical.ts';
import { storedRecords } from '../faults.ts';
import type { Command } from '../command.ts';
import type { Pipeline, RunFacts } from '../pipeline.ts';
import { until } from '../until.ts';
import type { Violation } from './names.ts';
import {
  gapViolations,
  groupViolations,
  heartbeatViolations,
  keyViolations,
  nextOffsets,
  slotViolations,
} from './stream.ts';
import { epochViolations, tableViolations } from './tables.ts';

interface Circumstances {
  /** A projector that runs: it brings the lag to 0. Without one, the check projects what is left. */
  readonly running?: Command;
  /** Settings of the projector that the check runs: a group of its own, say. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where the connector runs, if it is not the stack's own Kafka Connect. */
  readonly connectUrl?: string;
  /** Kinds of gaps that the test itself made, and that are open. */
  readonly openGaps?: readonly string[];
  /** The connector is gone or stopped on purpose: heartbeat and slot are not asked. */
  readonly withoutConnector?: true;
}

/** What one check saw. `npm run test:faults` prints it beside the fault. */
export interface Seen {
  readonly records: number;
  readonly keys: number;
  readonly beats: number;
  readonly groups: number;
  readonly walBytes: number;
  /** Of the replay: what it read, by what became of it. */
  readonly replayed: RunFacts['records'];
}

declare module 'vitest' {
  interface TaskMeta {
    /** One entry for each time that the test checked I1 to I18. */
    invariants?: Seen[];
  }
}

/**
 * The check of I1 to I18 that closes every fault: the fault is over, everything is drained, and then each invariant is
 * looked at (`INVARIANTS` says how). It throws with all violations at once. It leaves the tables as they were.
 */
export async function expectInvariants(pipeline: Pipeline, told: Circumstances = {}): Promise<Seen> {
  await drained(pipeline, told);
  const groups = await groupViolations(pipeline);
  const keys = await keyViolations(pipeline);
  const nothing = { beats: 0, walBytes: 0n, violations: [] as Violation[] };
  const isThere = told.withoutConnector !== true;
  const heart = isThere ? await heartbeatViolations(pipeline) : nothing;
  const slot = isThere
    ? await slotViolations(pipeline, told.connectUrl ?? pipeline.config.CONNECT_URL)
    : nothing;
  const violations = [groups, keys, heart, slot].flatMap((part) => part.violations);
  violations.push(...(await tableViolations(pipeline)), ...(await epochViolations(pipeline)));
  violations.push(...(await gapViolations(pipeline, told.openGaps ?? [])));
  const replay = await replayed(pipeline, told);
  violations.push(...replay.violations);
  expect(violations, 'I1 to I18 hold').toEqual([]);
  const seen: Seen = {
    records: await storedRecords(pipeline),
    keys: keys.keys,
    beats: heart.beats,
    groups: groups.groups,
    walBytes: Number(slot.walBytes),
    replayed: replay.records,
  };
  const test = TestRunner.getCurrentTest();
  if (test !== undefined) (test.meta.invariants ??= []).push(seen);
  return seen;
}

/** I17: every partition comes to its end in time, and more than nothing was applied. */
async function drained(pipeline: Pipeline, { running, settings }: Circumstances): Promise<void> {
  if (running === undefined) expect((await pipeline.project(settings)).stopped).toBe('caught_up');
  await until('I17: the lag of every partition is 0', async () => {
    if (running?.isRunning === false) throw new Error(`the projector ended:\n${running.stderr}`);
    const ends = await pipeline.cluster.watermarks(pipeline.topic);
    const next = await nextOffsets(pipeline);
    return [...ends].every(([partition, { low, high }]) => (next.get(partition) ?? low) === high);
  });
  expect(
    await storedRecords(pipeline),
    'I17: a test in which nothing was applied shows nothing',
  ).toBeGreaterThan(0);
}

/** I3 and I15: a replay of everything changes nothing, and accounts for every record that it read. */
async function replayed(
  pipeline: Pipeline,
  { settings }: Circumstances,
): Promise<{ readonly records: RunFacts['records']; readonly violations: Violation[] }> {
  const before = await contentHash(pipeline);
  const { read, records, changes } = await pipeline.facts(['replay'], settings);
  const violations: Violation[] = [];
  if (changes.total !== 0 || (await contentHash(pipeline)) !== before)
    violations.push({ invariant: 'I3', what: `a replay made ${String(changes.total)} changes` });
  const accounted = Object.values(records).reduce((sum, count) => sum + count, 0);
  if (read !== accounted || read === 0)
    violations.push({
      invariant: 'I15',
      what: `${String(read)} records read, ${String(accounted)} accounted for`,
    });
  return { records, violations };
}
