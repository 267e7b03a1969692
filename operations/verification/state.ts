/**
 * Where the verification is: one row for all projectors together. Each step is one transaction, which ends with `moved`. The
 * row's step number makes sure that only one projector's step counts; a restart goes on from what the row says.
 */
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import type { Client, Pool } from '../../lib/postgres.ts';
import { RELEASE } from '../../lib/release.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { WalkedPhase } from '../reconcile/checks.ts';

/** `rest`: the pass has ended, and the next one begins when it is time. */
export type PassPhase = WalkedPhase | 'pairs' | 'rest';

/** Texts are what Postgres writes, to be handed back as they are. */
export interface State {
  readonly runId: string;
  readonly step: string;
  readonly phase: PassPhase;
  readonly lastId: string | null;
  /** Since the pass began. */
  readonly passSeconds: number;
  readonly changedFrom: string;
  readonly changedTo: string;
  /** Since the snapshot was taken that the next walk compares up to. */
  readonly changedToSeconds: number;
  /** The place in the ledger that the walk has come to; null if none is under way. */
  readonly changedAt: string | null;
  /** Since the waiting rows were counted; null before. */
  readonly waitingSeconds: number | null;
  /** Before this time has passed, no projector makes a step. */
  readonly restMs: number;
}

const BEGIN = sqlFile(import.meta.url, './sql/begin.sql');
const STATE = `
  SELECT run_id AS "runId", step::text, phase, last_id AS "lastId",
         extract(epoch FROM clock_timestamp() - pass_began_at)::float8 AS "passSeconds",
         changed_from::text AS "changedFrom", changed_to::text AS "changedTo",
         extract(epoch FROM clock_timestamp() - changed_to_at)::float8 AS "changedToSeconds",
         changed_at::text AS "changedAt",
         extract(epoch FROM clock_timestamp() - waiting_at)::float8 AS "waitingSeconds",
         extract(epoch FROM rest_until - clock_timestamp())::float8 * 1000 AS "restMs"
  FROM history_cdc.verification
  WHERE rule_version = $1 AND release = $2`;

/**
 * Makes the row if there is none, and begins the pass anew if another release or rule began it: what those compared proves
 * nothing about this one.
 */
export async function beginState(canonical: Pool, by: Beat): Promise<void> {
  await canonical.query(BEGIN, [RULE_VERSION, RELEASE, by.projector, by.rowsPerSecond]);
}

/** Undefined where a projector of another release verifies. */
export async function readState(client: Client): Promise<State | undefined> {
  return (await client.query<State>(STATE, [RULE_VERSION, RELEASE])).rows[0];
}

export interface Beat {
  /** As `host:pid`. */
  readonly projector: string;
  readonly rowsPerSecond: number;
}

const BEAT = `
  UPDATE history_cdc.verification SET alive_at = clock_timestamp(), alive_by = $1, rows_per_second = $2`;

/** Says that a projector is here, also while a long step is under way or it yields to something else. */
export async function beat(canonical: Pool, { projector, rowsPerSecond }: Beat): Promise<void> {
  await canonical.query(BEAT, [projector, rowsPerSecond]);
}

const HELD = `
  UPDATE history_cdc.verification SET held_because = $1, held_since = coalesce(held_since, clock_timestamp())
  WHERE held_because IS DISTINCT FROM $1`;
const FAILED = `
  UPDATE history_cdc.verification SET failure = $1, failed_at = coalesce(failed_at, clock_timestamp())`;

export async function recordHeld(canonical: Pool, because: string): Promise<void> {
  await canonical.query(HELD, [because]);
}

/** `code`: a SQLSTATE or a code of ours; a message may repeat the value of a row. */
export async function recordFailure(canonical: Pool, code: string): Promise<void> {
  await canonical.query(FAILED, [code]);
}

/** What a step changes in the row; what is left out stays. */
export interface Move {
  readonly phase?: PassPhase;
  readonly lastId?: string | null;
  readonly compared?: Partial<Record<WalkedPhase, number>>;
  readonly beginsPass?: boolean;
  readonly changedAt?: string | null;
  readonly changedRows?: number;
  /** The walk has come to its end: everything up to `changedTo` is compared. */
  readonly endsWalk?: boolean;
}

const MOVE = sqlFile(import.meta.url, './sql/move.sql');

/** Another projector has made a step meanwhile. This step is rolled back. */
export class Overtaken extends Error {}

/** Records what a step has done, at its end. */
export async function moved(
  client: Client,
  state: State,
  { restMs, ...move }: Move & { readonly restMs: number },
): Promise<void> {
  const {
    phase,
    lastId,
    compared = {},
    beginsPass = false,
    changedAt,
    changedRows = 0,
    endsWalk = false,
  } = move;
  const { rowCount } = await client.query(MOVE, [
    state.step,
    phase ?? state.phase,
    lastId === undefined ? state.lastId : lastId,
    ...(['legacy', 'ledger', 'canonical'] as const).map((table) => compared[table] ?? 0),
    beginsPass,
    changedAt === undefined ? state.changedAt : changedAt,
    changedRows,
    endsWalk,
    restMs,
  ]);
  if (rowCount !== 1) throw new Overtaken('another projector has made a step meanwhile');
}
