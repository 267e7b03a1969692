import { z } from 'zod';
import { changes, count, countByName, id, quarantine, rowTime, seconds, text, time } from './parts.ts';

export const run = z.strictObject({
  read: count,
  records: countByName,
  decisions: countByName,
  valuesLeftOut: countByName.describe('by column'),
  changes: changes.extend({ total: count }),
  liveWindow: z.strictObject({ first: rowTime.nullable(), last: rowTime.nullable() }),
  sweeps: z.strictObject({
    sweeps: count,
    absorbed: count,
    relinked: count,
    lateOwners: count,
    settled: count,
    blocked: count,
    lateOwnersReported: count,
    stragglers: count,
  }),
  quarantine: quarantine.nullable().describe('null if Postgres did not answer at the end'),
  unseen: z.array(z.string()),
  dryRun: z.boolean(),
  stopped: z.enum(['caught_up', 'signal']),
});

const snapshotRun = z.strictObject({
  id,
  state: z.enum(['running', 'paused', 'succeeded', 'failed', 'stopped']),
  startedAt: time,
  secondsSinceMoved: seconds,
  condition: text.nullish().describe('null: the whole table; absent: not known'),
  pauseForgotten: z.boolean(),
  rowsDone: count.nullable(),
  rowsTotal: count.nullable(),
  rowsPerSecond: count.nullable(),
  secondsLeft: seconds.nullable(),
});

export const snapshotStatus = z.strictObject({
  verdict: text,
  reasons: z.array(text),
  next: text.nullable(),
  run: snapshotRun.nullable(),
  initial: text,
  connector: z.strictObject({ state: text, tasks: z.array(text) }),
  pause: z.strictObject({ by: z.enum(['person', 'pace']), why: text }).nullable(),
  recordsToProject: count.nullable(),
  coverage: z
    .strictObject({ legacyRows: count, uncovered: count, ids: z.array(id).describe('the first hundred') })
    .nullable(),
});

/** The answer to a signal: the snapshot, or why there is none, or why Debezium did not answer. */
export const snapshotSwitch = z.union([
  z.strictObject({ id, state: text, startedAt: time }),
  z.strictObject({ id: z.null(), why: text }),
  z
    .strictObject({ signal: id, why: z.array(text), wayOut: text })
    .describe('Debezium did not answer in time'),
]);

/** With --follow, or if there are several portions, the answer is the status at the end. */
export const snapshotStart = z.union([snapshotSwitch, snapshotStatus]);
export const snapshotWatch = z.union([snapshotStatus, z.strictObject({ id: z.null(), why: text })]);
