import { arrayOf, counts, rowsOf, type Run, type Session, type Statement, textOf } from './statement.ts';
import { microsOf, type OffsetRow } from './tables.ts';

const keyOf = (topicId: unknown, partition: unknown) => `${String(topicId)} ${String(partition)}`;

const takeOver: Run = async ({ tx, tables: { offsets } }, [topicId, partition, offset]) => {
  const key = keyOf(topicId, partition);
  await tx.lockRow(offsets, key);
  const row = tx.get(offsets, key);
  const next: OffsetRow =
    row === undefined
      ? {
          topicId: topicId as string,
          partition: partition as number,
          nextOffset: Number(offset),
          epoch: 1,
          streamedUntilUs: null,
        }
      : { ...row, epoch: row.epoch + 1 };
  tx.put(offsets, key, next);
  return rowsOf([{ epoch: String(next.epoch), next_offset: String(next.nextOffset) }]);
};

/** Before and behind the wait for the row, the conditions are those of the statement's text. */
const advance: Run = async ({ tx, tables: { offsets } }, values, text) => {
  const [topicId, partition, epoch, from, to, until] = values;
  const key = keyOf(topicId, partition);
  const fits = (row: OffsetRow | undefined): row is OffsetRow =>
    row !== undefined &&
    (!text.includes('epoch = $3') || row.epoch === Number(epoch)) &&
    (!text.includes('next_offset = $4') || row.nextOffset === Number(from));
  if (!fits(tx.get(offsets, key))) return rowsOf([]);
  await tx.lockRow(offsets, key);
  const row = tx.get(offsets, key);
  if (!fits(row)) return rowsOf([]);
  const untilUs = until === null ? null : microsOf(until as string);
  const streamedUntilUs =
    untilUs === null ? row.streamedUntilUs : Math.max(untilUs, row.streamedUntilUs ?? untilUs);
  tx.put(offsets, key, { ...row, nextOffset: Number(to), streamedUntilUs });
  return rowsOf([{}]);
};

/** A row that is not there yet locks nothing. */
const lockOne: Run = async ({ tx, tables: { offsets } }, [topicId, partition]) => {
  const key = keyOf(topicId, partition);
  if (tx.get(offsets, key) !== undefined) await tx.lockRow(offsets, key);
  return rowsOf([]);
};

const lockAll: Run = async ({ tx, tables: { offsets } }) => {
  const keys = tx.rows(offsets).map((row) => keyOf(row.topicId, row.partition));
  for (const key of keys.sort()) await tx.lockRow(offsets, key);
  return rowsOf([]);
};

const stored: Run = ({ tx, tables: { offsets } }, [topicId]) =>
  Promise.resolve(
    rowsOf(
      tx
        .rows(offsets)
        .filter((row) => row.topicId === topicId)
        .map(({ partition, nextOffset, epoch }) => ({
          partition,
          next_offset: String(nextOffset),
          epoch: String(epoch),
        })),
    ),
  );

/** Advisory locks of agents, in one order for everybody. */
const lockAgents: Run = async ({ tx }, [agentUrls]) => {
  for (const agentUrl of [...new Set(agentUrls as string[])].sort()) await tx.lock(`agent ${agentUrl}`);
  return rowsOf([]);
};

/** The agents of what was decided on the rows, and those of their contexts, as they are before the locks are held. */
const lockAgentsOf: Run = async ({ tx, tables: { ledger, contexts } }, values) => {
  const [legacyIds, contextIds] = values.map(arrayOf) as [string[], string[]];
  const decided = legacyIds.flatMap((legacyId) => {
    const entry = tx.get(ledger, legacyId);
    return entry !== undefined && MATCHABLE.has(entry.decision) ? [entry.agentUrl] : [];
  });
  const named = contextIds.map((id) => contexts.get(id)?.agentUrl ?? null);
  const agentUrls = [...new Set([...decided, ...named])].filter((agentUrl) => agentUrl !== null).sort();
  for (const agentUrl of agentUrls) await tx.lock(`agent ${agentUrl}`);
  return rowsOf(agentUrls.map((agent_url) => ({ agent_url })));
};

const MATCHABLE = new Set<string>(['projected', 'twin', 'opted_out']);

/** Twins whose time is over in every partition. */
const settle: Run = async ({ tx, tables }, [settleAfterUs]) => {
  const until = tx.rows(tables.offsets).flatMap(({ streamedUntilUs }) => streamedUntilUs ?? []);
  if (until.length < tables.partitions) return rowsOf([]);
  const beforeUs = Math.min(...until) - Number(settleAfterUs);
  const over = tx.rows(tables.unsettled).filter(({ testedAtUs }) => testedAtUs < beforeUs);
  return await deleteUnsettled(
    { tx, tables },
    over.map(({ legacyId }) => legacyId),
  );
};

const maySettle: Run = ({ tx, tables }, [settleAfterUs]) => {
  const until = tx.rows(tables.offsets).flatMap(({ streamedUntilUs }) => streamedUntilUs ?? []);
  const beforeUs = Math.max(...until) - Number(settleAfterUs);
  const due = tx.rows(tables.unsettled).some(({ testedAtUs }) => testedAtUs < beforeUs);
  return Promise.resolve(rowsOf([{ due }]));
};

const settleMoved: Run = (session, [legacyIds]) => deleteUnsettled(session, legacyIds as string[]);

async function deleteUnsettled({ tx, tables: { unsettled } }: Session, legacyIds: readonly string[]) {
  const gone: object[] = [];
  for (const legacyId of legacyIds) {
    if (tx.get(unsettled, legacyId) === undefined) continue;
    await tx.lockRow(unsettled, legacyId);
    if (tx.get(unsettled, legacyId) === undefined) continue;
    tx.put(unsettled, legacyId, undefined);
    gone.push({});
  }
  return rowsOf(gone);
}

const heal: Run = async ({ tx, tables: { quarantine } }, [legacyIds]) => {
  // What the transaction itself has parked, in an earlier round, is among it.
  for (const key of new Set([...quarantine.committed.keys(), ...tx.writtenTo(quarantine).keys()])) {
    const row = tx.get(quarantine, key);
    if (row === undefined || row.isHealed || !(legacyIds as string[]).includes(row.legacyId ?? '')) continue;
    await tx.lockRow(quarantine, key);
    tx.put(quarantine, key, { ...row, isHealed: true });
  }
  return counts(0, 0, [0, 0]);
};

export const OFFSET_STATEMENTS: readonly Statement[] = [
  { text: /^\s*INSERT INTO history_cdc\.consumer_offset/, run: takeOver },
  { text: /^\s*UPDATE history_cdc\.consumer_offset/, run: advance },
  { text: /^SELECT FROM history_cdc\.consumer_offset WHERE/, run: lockOne },
  { text: /^SELECT FROM history_cdc\.consumer_offset ORDER BY/, run: lockAll },
  { text: /^SELECT partition, next_offset, epoch/, run: stored },
  // One topic: the ledger belongs to it.
  { text: /^\s*SELECT topic_id AS "topicId"/, run: () => Promise.resolve(rowsOf([])) },
  { text: /unnest\(\$1::text\[\]\) AS agent_url\)[^]*pg_advisory_xact_lock/, run: lockAgents },
  { text: /FROM history_cdc\.ledger[^]*pg_advisory_xact_lock/, run: lockAgentsOf },
  { text: textOf('sweep/sql/settle.sql'), run: settle },
  { text: /^\s*SELECT EXISTS \(\s*SELECT FROM history_cdc\.unsettled_twin/, run: maySettle },
  { text: /^DELETE FROM history_cdc\.unsettled_twin/, run: settleMoved },
  { text: /UPDATE history_cdc\.quarantine/, run: heal },
];
