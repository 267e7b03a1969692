import { counts, unnest, type Run, type Statement, textOf } from './statement.ts';
import { isNewer, OPEN, type Looked } from './write-statements.ts';

type Deleted = Pick<Looked, 'legacyId' | 'topicId' | 'partition' | 'offset' | 'lsn' | 'snapshot'>;

const NOT_SEEN = {
  ...{
    contextId: null,
    userId: null,
    organizationId: null,
    agentUrl: null,
    isMember: null,
    listsAgent: null,
  },
  ...{ runId: null, startedAtUs: null, fingerprint: null, profileHash: null },
};

const markDeleted: Run = async ({ tx, tables }, values) => {
  let written = 0;
  for (const event of unnest<Deleted>(values, [
    'legacyId',
    'topicId',
    'partition',
    'offset',
    'lsn',
    'snapshot',
  ])) {
    await tx.lockRow(tables.ledger, event.legacyId);
    const there = tx.get(tables.ledger, event.legacyId);
    if (there !== undefined && !isNewer(event, there)) continue;
    const { legacyId, topicId, partition, snapshot } = event;
    const position = { topicId, partition, snapshot, op: 'd', offset: Number(event.offset), isDeleted: true };
    const gone = { legacyId, decision: 'gone', reason: 'deleted_before_seen', ...NOT_SEEN };
    tx.put(tables.ledger, legacyId, { ...(there ?? gone), ...position });
    written++;
  }
  return counts(0, 0, [0, written]);
};

interface Parked {
  readonly topicId: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly legacyId: string | null;
  readonly reason: string;
  readonly detail: string;
  readonly recordKey: Buffer | null;
  readonly recordValue: Buffer | null;
  readonly recordsDecision: boolean;
}

const PARKED = [
  ...(['topicId', 'partition', 'offset', 'legacyId', 'reason', 'detail'] as const),
  ...(['recordKey', 'recordValue', 'recordsDecision'] as const),
] as const;

const quarantine: Run = async (session, values) => {
  const { tx, tables } = session;
  let written = 0;
  for (const event of unnest<Parked>(values, PARKED)) {
    const { topicId, partition, legacyId, reason, recordsDecision } = event;
    const key = `${topicId} ${String(partition)} ${String(event.offset)}`;
    await tx.lockRow(tables.quarantine, key);
    if (tx.get(tables.quarantine, key) === undefined)
      tx.put(tables.quarantine, key, { legacyId, isHealed: false });
    if (!recordsDecision || legacyId === null) continue;
    await tx.lockRow(tables.ledger, legacyId);
    const there = tx.get(tables.ledger, legacyId);
    if (there !== undefined && !(isNewer(event, there, OPEN.has(there.decision)) && there.runId === null))
      continue;
    const position = { topicId, partition, offset: Number(event.offset), op: '?', snapshot: false };
    tx.put(tables.ledger, legacyId, {
      ...{ legacyId, decision: 'quarantined', reason, isDeleted: false },
      ...NOT_SEEN,
      ...position,
    });
    written++;
  }
  return counts(0, 0, [0, written]);
};

/** Deletes, and records that lie in quarantine. */
export const OTHER_STATEMENTS: readonly Statement[] = [
  { text: textOf('batch/sql/mark-deleted.sql'), run: markDeleted },
  { text: textOf('batch/sql/quarantine.sql'), run: quarantine },
];
