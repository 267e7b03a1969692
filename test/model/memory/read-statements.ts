import { rowsOf, unnest, type Run, type Statement, textOf } from './statement.ts';
import {
  isLive,
  isOurs,
  isoOf,
  profileHash,
  runFingerprint,
  type LedgerRow,
  type RunRow,
  type Tables,
} from './tables.ts';

interface LookupKey {
  readonly legacyId: string;
  readonly contextId: string | null;
  readonly userId: string | null;
  readonly userLeftOut: boolean;
}

const lookUp: Run = ({ tx, tables }, values) => {
  const keys = unnest<LookupKey>(values, ['legacyId', 'contextId', 'userId', 'userLeftOut']);
  return Promise.resolve(
    rowsOf(
      keys.map(({ legacyId, contextId, userId: given, userLeftOut }) => {
        const entry = tx.get(tables.ledger, legacyId);
        const unsettled = entry?.decision === 'twin' ? tx.get(tables.unsettled, legacyId) : undefined;
        const userId = userLeftOut ? (entry?.userId ?? null) : given;
        return {
          ...entryColumns(entry),
          user_id: userId,
          unsettled_has_run: unsettled === undefined ? null : unsettled.run != null,
          run_exists: entry?.runId != null && tx.get(tables.runs, entry.runId) !== undefined,
          ...contextColumns(tables, contextId, userId),
          script_copies: [],
          awaits_key_change: false,
          has_open_quarantine: tx
            .rows(tables.quarantine)
            .some((row) => row.legacyId === legacyId && !row.isHealed),
        };
      }),
    ),
  );
};

function entryColumns(entry: LedgerRow | undefined) {
  return {
    decision: entry?.decision ?? null,
    reason: entry?.reason ?? null,
    canonical_run_id: entry?.runId ?? null,
    topic_id: entry?.topicId ?? null,
    partition: entry?.partition ?? null,
    offset: entry === undefined ? null : String(entry.offset),
    decided_context_id: entry?.contextId ?? null,
    decided_user_id: entry?.userId ?? null,
    decided_agent_url: entry?.agentUrl ?? null,
    source_deleted: entry?.isDeleted ?? false,
    decided_seconds_ago: 0,
    decided_started_at: entry?.startedAtUs == null ? null : isoOf(entry.startedAtUs),
  };
}

function contextColumns(tables: Tables, contextId: string | null, userId: string | null) {
  const context = contextId === null ? undefined : tables.contexts.get(contextId);
  const { organizationId = '', agentUrl = '' } = context ?? {};
  return {
    context_known: context !== undefined,
    organization_id: context?.organizationId ?? null,
    original_agent_url: context?.agentUrl ?? null,
    agent_url: context?.agentUrl ?? null,
    is_member: tables.members.has(`${String(userId)} ${organizationId}`),
    lists_agent: tables.listed.has(`${organizationId} ${agentUrl}`),
    opted_out: tables.optedOut.has(agentUrl),
    lifecycle_stage: 'production',
  };
}

interface Stretch {
  readonly agentUrl: string;
  readonly fingerprint: string;
  readonly fromUs: bigint;
  readonly toUs: bigint;
}
const STRETCH = ['agentUrl', 'fingerprint', 'fromUs', 'toUs'] as const;

/** The rows in each stretch, with its number from 1. */
function within<Row>(
  values: readonly unknown[],
  rows: readonly Row[],
  of: (row: Row) => {
    readonly agentUrl: string | null;
    readonly fingerprint: string | null;
    readonly atUs: number | null;
  },
): { readonly stretch: number; readonly row: Row }[] {
  return unnest<Stretch>(values, STRETCH).flatMap(({ agentUrl, fingerprint, fromUs, toUs }, index) =>
    rows
      .filter((row) => {
        const at = of(row);
        if (at.agentUrl !== agentUrl || at.fingerprint !== fingerprint || at.atUs === null) return false;
        return BigInt(at.atUs) >= fromUs && BigInt(at.atUs) <= toUs;
      })
      .map((row) => ({ stretch: index + 1, row })),
  );
}

const MATCHABLE = new Set(['projected', 'twin', 'opted_out']);

const legacyCandidates: Run = ({ tx, tables }, values) => {
  const rows = tx.rows(tables.ledger).filter(({ decision }) => MATCHABLE.has(decision));
  const found = within(values, rows, ({ agentUrl, fingerprint, startedAtUs: atUs }) => ({
    agentUrl,
    fingerprint,
    atUs,
  }));
  return Promise.resolve(
    rowsOf(
      found.map(({ stretch, row }) => ({
        stretch,
        legacy_id: row.legacyId,
        fingerprint: row.fingerprint,
        profile_hash: row.profileHash,
        organization_id: row.organizationId,
        decision: row.decision,
        reason: row.reason,
        canonical_run_id: row.runId,
        started_at_us: String(row.startedAtUs),
        unsettled: tx.get(tables.unsettled, row.legacyId) !== undefined,
        has_run: tx.get(tables.unsettled, row.legacyId)?.run != null,
      })),
    ),
  );
};

const placeOfRun = (run: RunRow) => ({
  agentUrl: run.agentUrl,
  fingerprint: runFingerprint(run),
  atUs: run.testedAtUs,
});

const liveCandidates: Run = ({ tx, tables }, values) => {
  const ledger = tx.rows(tables.ledger);
  const found = within(values, tx.rows(tables.runs).filter(isLive), placeOfRun);
  return Promise.resolve(
    rowsOf(
      found.map(({ stretch, row }) => ({
        stretch,
        run_id: row.id,
        fingerprint: runFingerprint(row),
        profile_hash: profileHash(row.profile),
        organization_id: row.organizationId,
        tested_at_us: String(row.testedAtUs),
        holder: ledger.find(({ runId }) => runId === row.id)?.legacyId ?? null,
      })),
    ),
  );
};

const changed: Run = ({ tx, tables }, [legacyIds]) => {
  const rows = (legacyIds as string[]).flatMap((legacyId) => tx.get(tables.ledger, legacyId) ?? []);
  return Promise.resolve(
    rowsOf(
      rows
        .filter(({ fingerprint }) => fingerprint !== null)
        .map(({ agentUrl, fingerprint, startedAtUs }) => ({
          agent_url: agentUrl,
          fingerprint,
          started_at_us: String(startedAtUs),
        })),
    ),
  );
};

const ownRuns: Run = ({ tx, tables }, [runIds]) => {
  const found = (runIds as string[]).flatMap((id) => tx.get(tables.runs, id) ?? []);
  return Promise.resolve(rowsOf(found.filter(isOurs).map(({ id }) => ({ id }))));
};

/** By the one foreign key that the application has; the rows stay locked. */
const referencesToRuns: Run = async ({ tx, tables }, [runIds]) => {
  for (const id of [...(runIds as string[])].sort()) {
    if (tx.get(tables.runs, id) === undefined) continue;
    await tx.lockRow(tables.runs, id);
    await tx.lock(`key of run ${id}`);
  }
  const referred = new Set(tx.rows(tables.diagnostics).map(({ runId }) => runId));
  const found = (runIds as string[]).filter((id) => referred.has(id));
  return rowsOf(found.map((id) => ({ run_id: id, table_name: 'agent_compliance_step_diagnostics' })));
};

const parkedBefore: Run = ({ tx, tables }, values) =>
  Promise.resolve(
    rowsOf(
      unnest<{ topicId: string; partition: number; offset: bigint }>(values, [
        'topicId',
        'partition',
        'offset',
      ])
        .filter(({ topicId, partition, offset }) =>
          tx.get(tables.quarantine, `${topicId} ${String(partition)} ${String(offset)}`),
        )
        .map(({ partition, offset }) => ({ partition, offset: String(offset) })),
    ),
  );

const reread: Run = ({ tables }, [legacyIds]) =>
  Promise.resolve(
    rowsOf(
      (legacyIds as string[]).flatMap((legacyId) => {
        const row = tables.legacy.get(legacyId);
        if (row === undefined) return [];
        const { id, scenario, summary, userId, profile } = row;
        return [{ id, scenario, summary, user_id: userId, agent_profile_json: profile, steps_json: null }];
      }),
    ),
  );

export const READ_STATEMENTS: readonly Statement[] = [
  { text: textOf('lookup/sql/lookup.sql'), run: lookUp },
  { text: textOf('twins/sql/legacy-candidates.sql'), run: legacyCandidates },
  { text: textOf('twins/sql/live-candidates.sql'), run: liveCandidates },
  { text: /^\s*SELECT agent_url, fingerprint/, run: changed },
  { text: /^\s*SELECT r\.id FROM public\.agent_compliance_runs r/, run: ownRuns },
  { text: /history_cdc\.references_to_runs/, run: referencesToRuns },
  { text: /^\s*SELECT q\.partition, q\."offset"/, run: parkedBefore },
  { text: textOf('batch/sql/reread.sql'), run: reread },
];
