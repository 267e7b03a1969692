import { inTransactionOf, type Client } from '../../lib/postgres.ts';
import { isRowFault, isRowState, sqlState } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { RecordDecision } from '../../consumers/agent-test-history/rule/decide.ts';
import { writeDecisions } from '../../consumers/agent-test-history/batch/write.ts';

const CREATE_TRIAL = sqlFile(import.meta.url, './sql/create-trial.sql');
const CONSTRAINTS = sqlFile(import.meta.url, './sql/constraints.sql');
const REFUSED = 'SELECT run_id, sql_state, refused_by FROM history_cdc.refused_runs()';

/** Parts of the legacy table that are read only if the canonical table may refuse a row because of them. */
export interface Wanted {
  readonly summary: boolean;
  readonly profile: boolean;
  readonly steps: boolean;
}

export interface TrialFigures {
  /** The constraints that may refuse a row because of its values. Each row was checked against them. */
  readonly constraints: readonly string[];
  /** What could not be tried, and why. */
  readonly notTried: readonly string[];
}

interface Constraint {
  readonly what: string;
  readonly columns: readonly string[] | null;
}

/**
 * Columns that the projector fills from the row. All other columns have so few values that each value is tried once.
 */
const FROM_THE_ROW = new Set([
  'agent_url',
  'lifecycle_stage',
  'headline',
  'total_duration_ms',
  'tested_at',
  'tracks_passed',
  'tracks_failed',
  'agent_profile_json',
  'observations_json',
  'triggered_org_id',
]);

/**
 * Tries canonical rows, so that we know what Postgres will refuse before anything is written. The projector's own
 * statement writes their images into temporary tables; these go into a table with the constraints of the application's
 * table (create-trial.sql). What triggers and indexes refuse is not found. If no constraint depends on the row beyond
 * verdict and dry run, only one row of each combination is tried.
 */
export class Trial {
  readonly #session: Client;
  readonly #constraints: readonly Constraint[];
  readonly #admitted = new Set<string>();
  readonly #notTried: Set<string>;
  #isGivenUp: boolean;

  private constructor(session: Client, constraints: readonly Constraint[], notTried: readonly string[]) {
    this.#session = session;
    this.#constraints = constraints;
    this.#notTried = new Set(notTried);
    this.#isGivenUp = notTried.length > 0;
  }

  /** `session` is on the temporary schema, and is not read only yet. */
  static async open(session: Client): Promise<Trial> {
    try {
      // One message to Postgres is one transaction.
      await session.query(CREATE_TRIAL);
      const { rows } = await session.query<Constraint>(CONSTRAINTS);
      const constraints = rows.filter(
        ({ columns }) => columns?.some((name) => FROM_THE_ROW.has(name)) ?? true,
      );
      return new Trial(session, constraints, []);
    } catch (error) {
      return new Trial(session, [], [nothingTried(error)]);
    }
  }

  get wanted(): Wanted {
    const wants = (column: string) =>
      this.#constraints.some(({ columns }) => columns?.includes(column) ?? true);
    return {
      summary: wants('headline'),
      profile: wants('agent_profile_json'),
      steps: wants('observations_json'),
    };
  }

  get figures(): TrialFigures {
    return { constraints: this.#constraints.map(({ what }) => what), notTried: [...this.#notTried] };
  }

  /**
   * The reason why Postgres would refuse a canonical row, by legacy id. Rows that it would accept are not in the map.
   */
  async refusals(effects: readonly RecordDecision[]): Promise<ReadonlyMap<string, string>> {
    const doubtful = effects.filter(
      (effect) => effect.decision === 'projected' && this.#mayBeRefused(effect),
    );
    if (doubtful.length === 0) return new Map();
    try {
      const refused = await this.#tried(doubtful);
      for (const effect of doubtful)
        if (!refused.has(effect.event.legacyId)) this.#admitted.add(fewValuesOf(effect));
      return refused;
    } catch (error) {
      this.#notTried.add(nothingTried(error));
      this.#isGivenUp = true;
      return new Map();
    }
  }

  #mayBeRefused(effect: RecordDecision): boolean {
    if (this.#isGivenUp) return false;
    return this.#constraints.length > 0 || !this.#admitted.has(fewValuesOf(effect));
  }

  async #tried(effects: readonly RecordDecision[]): Promise<ReadonlyMap<string, string>> {
    try {
      return await inTransactionOf(this.#session, async () => {
        await writeDecisions(onTrial(this.#session), effects);
        const { rows } = await this.#session.query<Refusal>(REFUSED);
        return this.#sorted(
          rows,
          new Map(effects.map((effect) => [effect.canonicalRunId, effect.event.legacyId])),
        );
      });
    } catch (error) {
      if (!isRowFault(error)) throw error;
      // Like the projector: tries halves until the row is alone.
      const [only, ...others] = effects;
      if (only === undefined || others.length === 0)
        return new Map(only && [[only.event.legacyId, `SQLSTATE ${sqlState(error) ?? '?'}`]]);
      const middle = Math.ceil(effects.length / 2);
      const first = await this.#tried(effects.slice(0, middle));
      return new Map([...first, ...(await this.#tried(effects.slice(middle)))]);
    }
  }

  #sorted(refusals: readonly Refusal[], legacyIds: ReadonlyMap<string | null, string>): Map<string, string> {
    const refused = new Map<string, string>();
    for (const { run_id, sql_state, refused_by } of refusals) {
      const why = `${refused_by ?? 'a value'} (SQLSTATE ${sql_state})`;
      const legacyId = run_id === null ? undefined : legacyIds.get(run_id);
      if (legacyId === undefined || !isRowState(sql_state)) this.#notTried.add(why);
      else refused.set(legacyId, refused.get(legacyId) ?? why);
    }
    return refused;
  }
}

interface Refusal {
  readonly run_id: string | null;
  readonly sql_state: string;
  readonly refused_by: string | null;
}

/** Verdict and dry run, the values of a row of which there are few. */
function fewValuesOf({ event: { row } }: RecordDecision): string {
  return `${String(row.overallPassed)} ${String(row.dryRun ?? true)}`;
}

/** The projector's statement, with canonical row and ledger entry in the tables of the trial. */
function onTrial(session: Client): Client {
  const query = (text: string, values?: unknown[]) =>
    session.query(
      text
        .replaceAll('public.agent_compliance_runs', 'history_cdc.run_image')
        .replaceAll('history_cdc.ledger', 'history_cdc.tried_ledger'),
      values,
    );
  return { query: query as Client['query'] };
}

/** A message of Postgres may contain a value, so only its code is shown. Every other error is thrown. */
function nothingTried(error: unknown): string {
  const state = sqlState(error);
  if (state === undefined) throw error;
  return `any constraint (SQLSTATE ${state})`;
}
