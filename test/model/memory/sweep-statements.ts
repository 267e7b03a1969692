import { rowsOf, unnest, type Run, type Session, type Statement, textOf } from './statement.ts';
import { isLive, profileHash, runFingerprint, type LedgerRow } from './tables.ts';

const lateOwners: Run = ({ tx, tables }) =>
  Promise.resolve(
    rowsOf(
      decidedAs({ tx, tables }, ['third_party']).flatMap(({ legacyId, contextId, userId }) => {
        const context = tables.contexts.get(contextId ?? '');
        const organizationId = context?.organizationId ?? '';
        const isMember = tables.members.has(`${String(userId)} ${organizationId}`);
        return isMember && tables.listed.has(`${organizationId} ${context?.agentUrl ?? ''}`)
          ? [{ legacy_id: legacyId, young: true }]
          : [];
      }),
    ),
  );

const decidedEvents: Run = (session, [legacyIds, decisions]) => {
  const wanted = new Set(legacyIds as string[]);
  const rows = decidedAs(session, decisions as string[]).filter(({ legacyId }) => wanted.has(legacyId));
  return Promise.resolve(
    rowsOf(
      rows.map(({ legacyId, topicId, partition, offset, op, snapshot }) => ({
        legacy_id: legacyId,
        topic_id: topicId,
        partition,
        offset: String(offset),
        lsn: null,
        op,
        snapshot,
      })),
    ),
  );
};

function decidedAs({ tx, tables }: Session, decisions: readonly string[]): LedgerRow[] {
  return tx
    .rows(tables.ledger)
    .filter(({ decision, isDeleted }) => decisions.includes(decision) && !isDeleted)
    .sort((a, b) => (a.legacyId < b.legacyId ? -1 : 1));
}

const legacyRows: Run = ({ tables }, [legacyIds]) =>
  Promise.resolve(
    rowsOf(
      (legacyIds as string[]).flatMap((legacyId) => {
        const row = tables.legacy.get(legacyId);
        return row === undefined
          ? []
          : [
              {
                id: row.id,
                agent_context_id: row.contextId,
                scenario: row.scenario,
                overall_passed: row.overallPassed,
                steps_passed: row.stepsPassed,
                steps_failed: row.stepsFailed,
                total_duration_ms: row.durationMs,
                summary: row.summary,
                dry_run: row.dryRun,
                user_id: row.userId,
                agent_profile_json: row.profile,
                started_at: row.startedAt,
                steps_json: null,
              },
            ];
      }),
    ),
  );

/** Owners' runs beside live rows that no legacy row is linked to. */
const unlinkedLive: Run = ({ tx, tables }, [windowUs]) => {
  const ledger = tx.rows(tables.ledger);
  const linked = new Set(ledger.flatMap(({ runId }) => runId ?? []));
  const unlinked = tx.rows(tables.runs).filter((run) => isLive(run) && !linked.has(run.id));
  const suspects = ledger.flatMap((row) => {
    const open =
      row.decision === 'projected' ||
      row.decision === 'opted_out' ||
      (row.decision === 'twin' && tx.get(tables.unsettled, row.legacyId) !== undefined);
    const { agentUrl, fingerprint, startedAtUs } = row;
    if (!open || startedAtUs === null) return [];
    const near = unlinked.filter(
      (run) =>
        run.agentUrl === agentUrl &&
        (fingerprint === null || runFingerprint(run) === fingerprint) &&
        Math.abs(run.testedAtUs - startedAtUs) <= Number(windowUs),
    );
    if (near.length === 0) return [];
    const liveAtUs = Math.min(...near.map(({ testedAtUs }) => testedAtUs));
    return [
      {
        legacy_id: row.legacyId,
        agent_url: agentUrl,
        fingerprint,
        live_at_us: String(liveAtUs),
      },
    ];
  });
  return Promise.resolve(rowsOf(suspects));
};

const stillOutside: Run = ({ tx, tables: { ledger } }, [legacyIds]) => {
  const outside = (legacyIds as string[]).filter(
    (legacyId) => tx.get(ledger, legacyId)?.fingerprint === null,
  );
  return Promise.resolve(rowsOf(outside.map((legacyId) => ({ legacy_id: legacyId }))));
};

/** Rows that took no part in matching do from now on, as our canonical row looks, or as the legacy row does. */
const enterByOwnRun: Run = async (session, [legacyIds]) => {
  const { tx, tables } = session;
  for (const legacyId of legacyIds as string[]) {
    const run = tx.get(tables.runs, tx.get(tables.ledger, legacyId)?.runId ?? '');
    if (run !== undefined)
      await enter(session, legacyId, {
        fingerprint: runFingerprint(run),
        profileHash: profileHash(run.profile),
      });
  }
  return rowsOf([]);
};

const enterByLegacyRow: Run = async (session, values) => {
  const names = ['legacyId', 'fingerprint', 'profileHash'] as const;
  for (const { legacyId, ...look } of unnest<Look & { legacyId: string }>(values, names))
    await enter(session, legacyId, look);
  return rowsOf([]);
};

type Look = Pick<LedgerRow, 'fingerprint' | 'profileHash'>;

async function enter({ tx, tables: { ledger } }: Session, legacyId: string, look: Look): Promise<void> {
  const isOutside = (row: LedgerRow | undefined): row is LedgerRow =>
    row?.fingerprint === null && (row.decision === 'projected' || row.decision === 'opted_out');
  if (!isOutside(tx.get(ledger, legacyId))) return;
  await tx.lockRow(ledger, legacyId);
  const row = tx.get(ledger, legacyId);
  if (isOutside(row)) tx.put(ledger, legacyId, { ...row, ...look });
}

/** What only a sweep asks and does. */
export const SWEEP_STATEMENTS: readonly Statement[] = [
  // No history changes a primary key.
  { text: textOf('sweep/sql/changed-keys.sql'), run: () => Promise.resolve(rowsOf([])) },
  { text: /^SELECT legacy_id FROM history_cdc\.ledger/, run: stillOutside },
  { text: textOf('sweep/sql/late-owners.sql'), run: lateOwners },
  { text: textOf('sweep/sql/decided-events.sql'), run: decidedEvents },
  { text: textOf('sweep/sql/legacy-rows.sql'), run: legacyRows },
  { text: textOf('sweep/sql/unlinked-live.sql'), run: unlinkedLive },
  { text: textOf('sweep/sql/enter-by-own-run.sql'), run: enterByOwnRun },
  { text: textOf('sweep/sql/enter-by-legacy-row.sql'), run: enterByLegacyRow },
];
