import { z } from 'zod';
import { left } from './retire.ts';
import { count, countByName, id, quarantine, seconds, text, time } from './parts.ts';
import { snapshotStatus } from './run.ts';

const severity = z.enum(['wrong', 'unknown', 'not_yet', 'attention']);
const endedSweep = z.strictObject({
  by: z.enum(['project', 'sweep']),
  beganAt: time,
  endedAt: time,
  seconds,
  secondsAgo: seconds,
});

const standing = z.strictObject({
  at: time,
  state: z.enum(['good', ...severity.options]),
  next: z.strictObject({ id: text, fix: text }).nullable(),
  problems: z.array(z.strictObject({ id: text, section: text, severity, evidence: text, fix: text })),
  services: z.record(z.string(), z.boolean()),
  connector: z
    .strictObject({ name: text, state: text, tasks: z.array(text), heartbeatSeconds: seconds.nullable() })
    .nullable(),
  slot: z
    .strictObject({
      name: text,
      active: z.boolean(),
      walStatus: text.nullable(),
      lagBytes: count.nullable(),
      retainedBytes: count.nullable(),
      bytesLeft: count.nullable(),
      walBytesPerSecond: count.nullable(),
      runwaySeconds: seconds.nullable(),
    })
    .nullable(),
  lag: z
    .strictObject({
      records: count,
      seconds: seconds.nullable(),
      secondsSinceCommit: seconds,
      recordsPerSecond: count.nullable(),
      secondsLeft: seconds.nullable(),
    })
    .nullable(),
  projectors: count.nullable(),
  ledger: z
    .strictObject({
      decisions: countByName,
      rowsSeen: count.nullable(),
      notDeleted: count.nullable(),
      blocked: count.nullable(),
      weak: count.nullable(),
      stragglers: count.nullable(),
      unseen: count.nullable(),
      legacyRows: count.nullable(),
      countedAt: time,
    })
    .nullable(),
  quarantine: quarantine.nullable(),
  sweeper: z
    .strictObject({
      unsettled: count,
      due: count,
      overdue: count,
      blocked: count.nullable(),
      weak: count.nullable(),
      stragglers: count.nullable(),
      last: z
        .union([
          z.literal('not_stored'),
          z.strictObject({
            done: endedSweep
              .extend({
                absorbed: count,
                relinked: count,
                lateOwners: count,
                settled: count,
                blocked: count,
                lateOwnersReported: count,
              })
              .nullable(),
            failed: endedSweep.extend({ errorCode: text }).nullable(),
          }),
        ])
        .nullable(),
    })
    .nullable(),
  snapshot: snapshotStatus.extend({ askedAt: time }).nullable(),
  verdicts: z
    .array(
      z.strictObject({
        finishedAt: time,
        verdict: text,
        legacyRows: count,
        stale: text.nullable(),
      }),
    )
    .nullable(),
  verification: z
    .strictObject({
      state: z.enum(['good', 'wrong', 'unverified', 'unknown']),
      why: text,
      checked: z.strictObject({
        rows: count,
        at: time.nullable(),
        everyRowSince: time.nullable(),
        changesUntil: time,
        oldestUnverifiedSeconds: seconds.nullable(),
      }),
      waiting: count,
      wrong: count.nullable(),
      accepted: count,
      kinds: countByName,
      ids: z.array(id),
      rowsPerSecond: count,
      heldBy: text.nullable(),
    })
    .nullable(),
  retirement: z
    .strictObject({
      stage: text,
      lookedAt: time.nullable(),
      held: count.nullable(),
      conditions: count.nullable(),
    })
    .nullable()
    .describe('the stage, and how many conditions of `soak` held when somebody looked last'),
});

const afterDrop = z.strictObject({
  at: time,
  state: z.enum(['good', 'wrong', 'unknown', 'attention']),
  next: z.strictObject({ id: text, fix: text }).nullable(),
  problems: z.array(
    z.strictObject({
      id: text,
      severity: z.enum(['wrong', 'unknown', 'attention']),
      evidence: text,
      fix: text,
    }),
  ),
  dropped: z.strictObject({
    recorded: z.boolean().describe('false: the command was killed after the drop; run it again'),
    at: time,
    by: text.nullable(),
    rows: count.nullable().describe('of the table when it was dropped'),
    vanishedBehindFence: count.nullable(),
    archive: z
      .strictObject({
        id,
        target: text,
        manifestSha256: text.nullable(),
        standing: z.enum(['verified', 'differs', 'erased', 'drill_differs']),
        standingSince: time,
        drilled: z.boolean().describe('it was restored and compared at least once'),
      })
      .nullable(),
  }),
  ...left,
});

export const status = z.union([standing, afterDrop.describe('after `retire drop`')]);
