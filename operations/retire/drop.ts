/**
 * Drops the legacy table. One transaction of the legacy database locks the table, proves that it still is as it was
 * verified, and drops it. The same transaction notes the drop in the fence's own table. If the command is killed after
 * the COMMIT and run again, it finds this note, and only records the stage.
 */
import pg from 'pg';
import { FatalError } from '../../lib/errors.ts';
import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { withTurn, type HeldTurn } from '../../lib/retirement-turn.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { recordActionAlone } from '../../consumers/agent-test-history/batch/actions.ts';
import { recordRefusedWrites } from '../fence/refused-writes.ts';
import { REMOVE_SCHEMA } from '../fence/script.ts';
import { dependentsOf, isFenced, readFence, type RecordedFence } from '../fence/state.ts';
import { Barrier } from '../reconcile/barrier.ts';
import { enterStage, newestStage, type EnteredStage } from '../soak/stages.ts';
import type { VerifiedArchive } from './archive.ts';
import { behind, closingProof, fencedStage, type ClosingProof } from './close.ts';
import type { RetireContext } from './context.ts';
import { assertStage, fenceBroken, gateNotMet, gateRefusals, type Refusals } from './fence.ts';
import { underLock, withOwner } from './owner.ts';

const WRITTEN_SINCE = sqlFile(import.meta.url, './sql/written-since.sql');
const LOCK = 'LOCK TABLE public.agent_test_history IN ACCESS EXCLUSIVE MODE';
const DROP = 'DROP TABLE public.agent_test_history RESTRICT';
const NOTE = 'UPDATE history_cdc_fence.fence SET dropped_at = clock_timestamp()';
const DAYS_SINCE = 'SELECT extract(epoch FROM clock_timestamp() - $1)::float8 / 86400 AS days';
const DEPENDENT_OBJECTS = '2BP01';
export const TABLE = 'agent_test_history';

/** The conditions, as `retire check` shows them. */
export function dropStatements(): string {
  return `${LOCK};\n${WRITTEN_SINCE.trimEnd()};  -- since must be 0; $1 is the snapshot of the verification\n${DROP};\n${NOTE};\n`;
}

/** The reasons why the table may not be dropped yet. */
export async function dropRefusals(context: RetireContext): Promise<Refusals> {
  return (await dropProof(context)).refusals;
}

async function dropProof(context: RetireContext): Promise<ClosingProof> {
  const { canonical, legacy, fencedDays } = context;
  const entered = await newestStage(canonical);
  const proof = await closingProof(context, entered);
  const fenced = await fencedStage(context, entered);
  const days = await daysFenced(canonical, fenced, proof.fence);
  const dependents = await dependentsOf(legacy);
  return {
    ...proof,
    refusals: [
      ...(await gateRefusals(context)),
      ...proof.refusals,
      ...(days >= fencedDays
        ? []
        : [
            `fenced for ${days.toFixed(1)} days, and ${String(fencedDays)} are demanded (RETIRE_FENCED_DAYS)`,
          ]),
      ...(proof.archive?.isFresh === false
        ? [`archive ${proof.archive.id} was verified more than 24 hours ago: \`history-cdc archive verify\``]
        : []),
      ...dependents.map((object) => `${object} depends on the table`),
    ],
  };
}

/**
 * The shorter of two times: the canonical database's clock gave the stage its time, the legacy database's clock the
 * fence.
 */
async function daysFenced(
  canonical: Client,
  stage: EnteredStage | undefined,
  fence: RecordedFence | null,
): Promise<number> {
  if (stage === undefined || fence === null) return 0;
  const { rows } = await canonical.query<{ days: number }>(DAYS_SINCE, [stage.at]);
  return Math.min(rows[0]?.days ?? 0, fence.fencedSeconds / 86_400);
}

/** Drops the table for good, and enters the stage `dropped`. `confirmed` must be the name of the table. */
export async function drop(context: RetireContext, confirmed: string | undefined): Promise<EnteredStage> {
  const { canonical, legacy } = context;
  if (confirmed !== TABLE) throw notConfirmed();
  return await withTurn(canonical, 'alone', async (turn) => {
    const entered = await newestStage(canonical);
    assertStage(entered?.stage ?? 'soaking', ['archived'], 'retire drop');
    const { tableOid, fence } = await readFence(legacy);
    if (tableOid === null && fence?.droppedAt != null && fence.id === entered?.evidence['fence'])
      return await recordDropped(context, { fence: fence.id, archive: entered.evidence['archive'] });
    const { refusals, archive } = await dropProof(context);
    if (refusals.length > 0 || archive === null) throw gateNotMet(refusals);
    const late = await behind(new Barrier(canonical, context.stream), context.settleSeconds, context.signal);
    if (late.length > 0) throw gateNotMet(late);
    await recordRefusedWrites(canonical, legacy);
    const rows = await dropTable(context, archive, turn);
    return await recordDropped(context, {
      fence: fence?.id,
      archive: archive.id,
      manifestSha256: archive.manifestSha256,
      snapshot: archive.snapshot,
      rows,
      vanishedBehindFence: Number(archive.rows) - rows,
    });
  });
}

/** The number of rows that the table had when it was dropped. */
async function dropTable(context: RetireContext, archive: VerifiedArchive, turn: HeldTurn): Promise<number> {
  const { canonical, legacy, ownerUrl, by, ...lock } = context;
  return await withOwner({ url: ownerUrl, legacy, command: 'retire drop' }, async (owner) => {
    await recordActionAlone(canonical, { command: 'retire drop --apply', by });
    return await underLock(owner, { ...lock, onlyWriters: false }, async (client) => {
      await client.query(LOCK);
      await client.query("SET LOCAL statement_timeout = '15min'");
      const state = await readFence(client);
      if (!isFenced(state)) throw fenceBroken(state);
      const rows = await assertUnchanged(client, archive);
      await turn.assertHeld();
      await client.query(DROP).catch((error: unknown) => {
        throw dropBlocked(error);
      });
      await client.query(NOTE);
      return rows;
    });
  });
}

/**
 * Throws if a row was written since the archive was compared with the table. It compares the rows’ transaction ids with
 * the archive’s snapshot, so it also finds writes by a superuser, and writes while the fence's triggers were disabled.
 * Missing rows are no fault: they are in the archive.
 */
async function assertUnchanged(client: Client, archive: VerifiedArchive): Promise<number> {
  const { rows: found } = await client.query<{
    rows: string;
    since: string;
    ids: readonly string[];
    isOtherServer: boolean;
  }>(WRITTEN_SINCE, [archive.snapshot]);
  const { rows = '0', since = '?', ids = [], isOtherServer = true } = found[0] ?? {};
  const refusal = isOtherServer
    ? 'the server has given out fewer transaction ids than when the archive was verified: it is another server'
    : since !== '0'
      ? `${since} row(s) were written since archive ${archive.id} was verified: ${ids.join(', ')}`
      : BigInt(rows) > BigInt(archive.rows)
        ? `the table has ${rows} rows, and archive ${archive.id} has ${archive.rows}`
        : undefined;
  if (refusal === undefined) return Number(rows);
  throw new FatalError({
    code: 'WRITTEN_SINCE_VERIFIED',
    message: `${refusal}; nothing was dropped`,
    wayOut:
      'find out who wrote them behind the fence; then `history-cdc archive export`, `archive verify` and `reconcile --fresh`',
  });
}

function dropBlocked(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || sqlState(error) !== DEPENDENT_OBJECTS) return error;
  return new FatalError({
    code: 'DROP_BLOCKED',
    message: `objects depend on agent_test_history, and nothing was dropped: ${error.detail ?? 'Postgres names none'}`,
    wayOut: 'drop or change these objects, and run `history-cdc retire drop` again',
    cause: error,
  });
}

function notConfirmed(): FatalError {
  return new FatalError({
    code: 'NOT_CONFIRMED',
    message: `the table would be dropped for good, and --confirm does not name it; nothing was changed`,
    wayOut: `look at \`history-cdc retire check\`, and if that is what you want: history-cdc retire drop --apply --confirm ${TABLE}`,
  });
}

/**
 * Records the stage first, and removes the rest of the fence afterwards. If the command is killed in between, its next
 * run removes it.
 */
async function recordDropped(
  { canonical, legacy, ownerUrl, by }: RetireContext,
  evidence: Readonly<Record<string, unknown>>,
): Promise<EnteredStage> {
  const entered = await inTransaction(canonical, (client) =>
    enterStage(client, { stage: 'dropped', by, evidence }),
  );
  await withOwner({ url: ownerUrl, legacy, command: 'retire drop' }, removeSchema);
  return entered;
}

async function removeSchema(owner: Pool): Promise<void> {
  await inTransaction(owner, (client) => client.query(REMOVE_SCHEMA));
}
