/**
 * The fence and the way back. The fence is built in one transaction of the legacy database. The stage is recorded afterwards in
 * the canonical database, which may be on another server; a command that was killed in between is run again, and records it.
 */
import pg from 'pg';
import { FatalError } from '../../lib/errors.ts';
import { inTransaction, type Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { withTurn } from '../../lib/retirement-turn.ts';
import { recordAction, recordActionAlone } from '../../consumers/agent-test-history/batch/actions.ts';
import { FENCE_SQL, UNFENCE_SQL } from '../fence/script.ts';
import { isFenced, readFence, type FenceState } from '../fence/state.ts';
import { recordRefusedWrites } from '../fence/refused-writes.ts';
import { holds } from '../soak/condition.ts';
import { currentStage, enterStage, type EnteredStage, type Stage } from '../soak/stages.ts';
import type { RetireContext } from './context.ts';
import { ownerRequired, underLock, withOwner } from './owner.ts';

/** A position of the WAL that is not before anything that was committed until now. */
const POSITION = 'SELECT pg_current_wal_insert_lsn()::text AS lsn';

/** Why a step cannot be taken now, one sentence each; empty if it can. */
export type Refusals = readonly string[];

/** What keeps the fence from being built: the gate, the standing of the proof, and what the fence itself would break. */
export async function fenceRefusals(context: RetireContext): Promise<Refusals> {
  const standing = (await context.standing()).refusals;
  return [...(await gateRefusals(context)), ...standing, ...(await wouldBreak(context.legacy))];
}

/** The conditions of the soak that do not hold. */
export async function gateRefusals(context: RetireContext): Promise<Refusals> {
  const { conditions, allMet } = await context.gate();
  const lacking = conditions.filter((condition) => !holds(condition));
  const refusals = lacking.map(({ id, state, missing }) => `${id}: ${missing ?? state}`);
  return refusals.length > 0 || allMet ? refusals : ['the gate is not met'];
}

const WOULD_BREAK = `
  SELECT format('the foreign key %s writes to the table when a row of %s is deleted or its key is changed: the fence would refuse that',
                conname, confrelid::regclass) AS what
  FROM pg_constraint
  WHERE conrelid = to_regclass('public.agent_test_history') AND contype = 'f'
    AND (confdeltype IN ('n', 'd') OR confupdtype IN ('c', 'n', 'd'))`;

/** A cascaded DELETE goes through the fence; a cascaded UPDATE would not, and the application's statement would fail. */
async function wouldBreak(legacy: Client): Promise<string[]> {
  return (await legacy.query<{ what: string }>(WOULD_BREAK)).rows.map(({ what }) => what);
}

export interface Fenced {
  readonly state: FenceState;
  readonly stage: EnteredStage;
}

/** Builds the fence, unless it stands already, and enters the stages `ready` and `fenced`. The caller has asked the gate. */
export async function fence(context: RetireContext): Promise<Fenced> {
  const { canonical, legacy } = context;
  return await withTurn(canonical, 'alone', async () => {
    const stage = await currentStage(canonical);
    assertStage(stage, ['soaking', 'ready'], 'retire fence');
    const refusals = await fenceRefusals(context);
    if (refusals.length > 0) throw gateNotMet(refusals);
    if (!isFenced(await readFence(legacy))) await build(context);
    const state = await readFence(legacy);
    if (state.fence === null || !isFenced(state)) throw fenceBroken(state);
    const entered = await recordFenced(context, state.fence);
    return { state, stage: entered };
  });
}

async function build({ canonical, legacy, ownerUrl, by, ...lock }: RetireContext): Promise<void> {
  await withOwner({ url: ownerUrl, legacy, command: 'retire fence' }, async (owner) => {
    await recordActionAlone(canonical, { command: 'retire fence --apply', by });
    try {
      await underLock(owner, { ...lock, onlyWriters: true }, (client) => client.query(FENCE_SQL));
    } catch (error) {
      throw refusedByPostgres(error);
    }
  });
}

/** Insufficient privilege, and what an event trigger raises. The script reads no row, so Postgres's own text holds no value. */
const REFUSALS = ['42501', 'P0001'];

function refusedByPostgres(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError) || !REFUSALS.includes(sqlState(error) ?? '')) return error;
  return ownerRequired(
    `Postgres refuses the fence: ${error.message}. The owner of agent_test_history needs CREATE on the database, for the schema history_cdc_fence`,
  );
}

async function recordFenced(
  { canonical, legacy, gate, by }: RetireContext,
  { id, xid, fencedAt, fencedBy }: NonNullable<FenceState['fence']>,
): Promise<EnteredStage> {
  const { rows } = await legacy.query<{ lsn: string }>(POSITION);
  const { conditions } = await gate();
  const states = Object.fromEntries(conditions.map((one) => [one.id, one.state]));
  return await inTransaction(canonical, async (client) => {
    if ((await currentStage(client)) === 'soaking')
      await enterStage(client, { stage: 'ready', by, evidence: { conditions: states } });
    const evidence = { fence: id, xid, lsn: rows[0]?.lsn, fencedAt, role: fencedBy };
    return await enterStage(client, { stage: 'fenced', by, evidence });
  });
}

/** Takes the fence away, and goes back to `soaking`. What it refused is recorded first, because its counts go with it. */
export async function unfence(context: RetireContext): Promise<void> {
  const { canonical, legacy, by, ownerUrl, ...lock } = context;
  await withTurn(canonical, 'alone', async () => {
    assertStage(await currentStage(canonical), ['soaking', 'ready', 'fenced', 'archived'], 'retire unfence');
    await recordRefusedWrites(canonical, legacy);
    if ((await readFence(legacy)).fence !== null) {
      await withOwner({ url: ownerUrl, legacy, command: 'retire unfence' }, async (owner) => {
        await underLock(owner, { ...lock, onlyWriters: false }, (client) => client.query(UNFENCE_SQL));
      });
    }
    await inTransaction(canonical, async (client) => {
      await recordAction(client, { command: 'retire unfence --apply', by });
      if ((await currentStage(client)) !== 'soaking')
        await enterStage(client, { stage: 'soaking', by, evidence: { because: 'retire unfence' } });
    });
  });
}

/** Refuses a step that does not follow the stage of today. */
export function assertStage(stage: Stage, allowed: readonly Stage[], command: string): void {
  if (allowed.includes(stage)) return;
  throw new FatalError({
    code: 'STAGE_NOT_ALLOWED',
    message: `the stage is ${stage}, and \`${command}\` goes from ${allowed.join(' or ')} only`,
    wayOut: '`history-cdc retire check` shows the stage and the next step',
  });
}

export function gateNotMet(refusals: Refusals): FatalError {
  return new FatalError({
    code: 'GATE_NOT_MET',
    message: `the step is refused, and nothing was changed:\n${refusals.map((one) => `  - ${one}`).join('\n')}`,
    wayOut: '`history-cdc soak` says what is missing, and when it will be met',
  });
}

export function fenceBroken({ holes, tableOid }: FenceState): FatalError {
  const what = tableOid === null ? ['there is no table'] : holes.length === 0 ? ['there is no fence'] : holes;
  return new FatalError({
    code: 'FENCE_BROKEN',
    message: `the fence around agent_test_history is not whole: ${what.join('; ')}`,
    wayOut:
      'find out who changed it; `history-cdc retire unfence --apply` takes the rest away, and the way begins again',
  });
}
