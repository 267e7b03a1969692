import { z } from 'zod';
import { changes, count, countByName, id, quarantine, rowTime, seconds, text, time } from './parts.ts';

const idList = z.strictObject({ count, ids: z.array(id) });
const idListByName = z.record(z.string(), idList);

export const census = z.strictObject({
  legacyRows: count,
  decisions: countByName,
  decisionsSum: count,
  reasons: countByName.describe('by `decision: reason`'),
  weakFingerprint: idList,
  quarantined: idListByName,
  script: z.strictObject({
    copies: count,
    rowsCopied: count,
    rowsCopiedTwice: idList,
    rowsWronglyElevated: idList,
    copiesOfNoRow: count,
  }),
  dualWriteWindow: z.strictObject({
    firstLiveRow: rowTime.nullable(),
    lastLiveRow: rowTime.nullable(),
    liveRows: count,
    legacyRowsInside: count,
  }),
  size: z.strictObject({
    rowsOutOfLine: count,
    outOfLineShare: count,
    largestRow: z
      .strictObject({ legacyId: id, bytes: count, measured: z.enum(['stored', 'message']) })
      .nullable(),
    tooLargeForTheConnector: idList,
  }),
  oddValues: idListByName,
  constraints: z.strictObject({ triedRowByRow: z.array(text), notTried: z.array(text) }),
  projectedBeyondRetention: count.nullable(),
  seconds,
  rowsPerSecond: count,
  comparison: z
    .strictObject({
      decisions: z.record(z.string(), z.strictObject({ predicted: count, ledger: count })),
      changes: countByName.describe('by `from -> to`'),
      differences: z.record(z.string(), idList.extend({ explained: z.boolean(), meaning: text })),
      unexplained: count,
      quarantine,
    })
    .optional()
    .describe('with --compare'),
});

export const reconcileHistory = z.strictObject({
  runs: z.array(
    z.strictObject({
      scope: z.enum(['whole', 'since', 'background']),
      id,
      since: time.nullable(),
      startedAt: time,
      finishedAt: time,
      release: text.nullable(),
      ruleVersion: count,
      legacyRows: count,
      ledgerRows: count,
      canonicalRows: count,
      verdict: z.enum(['proven', 'changes_proven', 'not_proven', 'wrong']).nullable(),
      wrong: count.nullable(),
      excepted: countByName,
    }),
  ),
});

const acceptedBy = text.nullable().describe('the rule that accepts it');

export const reconcile = z.strictObject({
  run: id,
  startedAt: time,
  finishedAt: time.nullable(),
  ruleVersion: count,
  release: text.nullable(),
  scope: z.enum(['whole', 'since']),
  since: time.nullable(),
  verdict: z.enum(['proven', 'wrong', 'not_proven', 'changes_proven']),
  waitedFor: text.nullable(),
  stale: text.nullable(),
  legacyRows: count,
  legacyCounted: count.nullable(),
  ledgerRows: count,
  canonicalRows: count,
  decisions: countByName.nullable(),
  excepted: countByName,
  rowsSeen: count,
  quarantine,
  gaps: z.array(z.strictObject({ id, kind: text, openedAt: time, acceptedAt: time.nullable() })),
  kinds: z.array(
    z.strictObject({
      kind: text,
      severity: z.enum(['wrong', 'info']),
      confirmed: count,
      inFlight: count,
      accepted: count,
    }),
  ),
  accepted: countByName,
  findings: z.array(
    z.strictObject({
      kind: text,
      severity: z.enum(['wrong', 'info']),
      state: z.enum(['confirmed', 'in_flight']),
      legacyId: id.nullable(),
      canonicalRunId: id.nullable(),
      fields: z.array(text),
      acceptedBy,
    }),
  ),
});

export const repair = z.strictObject({
  applied: z.boolean(),
  repaired: z.array(id),
  left: z.record(z.string(), text).describe('the reason by legacy id'),
  changes,
});
