import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { DECISIONS, type Decision } from '../../consumers/agent-test-history/rule/outcome.ts';
import { explain, UNEXPLAINED, type Difference, type LedgerSide } from './difference.ts';
import { IdLists, type IdList } from './id-list.ts';
import { takeCensus, type CensusContext, type Figures } from './census.ts';
import type { Prediction } from './prediction.ts';
import { withReadOnlySession } from './read-only-session.ts';

const LEDGER_ENTRIES = sqlFile(import.meta.url, './sql/ledger-entries.sql');
const LEDGER_IDS = sqlFile(import.meta.url, './sql/ledger-ids.sql');
const READ_UNTIL = sqlFile(import.meta.url, './sql/read-until.sql');
const PRESENT_IDS = sqlFile(import.meta.url, './sql/present-ids.sql');

const CHUNK_ROWS = 5_000;
/** A row that is missing in the ledger for longer than this is lost, and not on its way. */
const ON_ITS_WAY_US = 600_000_000n;

export interface Comparison {
  /** By decision: what was predicted, and what the ledger has. */
  readonly decisions: Readonly<Record<Decision, { readonly predicted: number; readonly ledger: number }>>;
  /** The legacy ids of every difference, by what explains it. */
  readonly differences: Readonly<Partial<Record<Difference, IdList>>>;
  /** `from -> to`: how many rows the ledger decided otherwise than predicted. */
  readonly changes: Readonly<Record<string, number>>;
  readonly unexplained: number;
}

/** Runs a census, compares it with the ledger, and gives each difference its explanation. */
export async function compareCensus(
  context: CensusContext,
): Promise<{ readonly figures: Figures; readonly comparison: Comparison }> {
  return await withReadOnlySession(context.canonical, undefined, async (ledger) => {
    const comparer = await Comparer.open(ledger);
    const predicted = (predictions: readonly Prediction[]) => comparer.compare(predictions);
    const figures = await takeCensus({ ...context, predicted });
    await withReadOnlySession(context.legacy, undefined, (legacy) => comparer.compareBack(legacy));
    return { figures, comparison: comparer.comparison };
  });
}

interface Times {
  readonly readUntilUs: bigint | null;
  readonly futureUs: bigint;
}

/** Compares predictions with the ledger, chunk by chunk, and then the ledger with the legacy table. */
class Comparer {
  readonly #canonical: Client;
  readonly #times: Times;
  readonly #differences = new IdLists<Difference>();
  readonly #changes = new Map<string, number>();
  readonly #predicted = new Map<Decision, number>();
  readonly #ledger = new Map<Decision, number>();

  private constructor(canonical: Client, times: Times) {
    this.#canonical = canonical;
    this.#times = times;
  }

  static async open(canonical: Client): Promise<Comparer> {
    const { rows } = await canonical.query<{ read_until_us: string | null; future_us: string }>(READ_UNTIL);
    const [{ read_until_us: readUntil, future_us: future }] = rows as [(typeof rows)[number]];
    return new Comparer(canonical, {
      readUntilUs: readUntil === null ? null : BigInt(readUntil),
      futureUs: BigInt(future),
    });
  }

  async compare(predictions: readonly Prediction[]): Promise<void> {
    if (predictions.length === 0) return;
    const { rows } = await this.#canonical.query<LedgerSide>(LEDGER_ENTRIES, [
      predictions.map(({ legacyId }) => legacyId),
      predictions.map(({ liveRunId }) => liveRunId),
    ]);
    const byId = new Map(rows.map((row) => [row.legacy_id, row]));
    for (const prediction of predictions) {
      const { legacyId, decision } = prediction;
      count(this.#predicted, decision);
      const ledger = byId.get(legacyId);
      if (ledger === undefined || ledger.decision === decision) continue;
      this.#differences.add(explain(prediction, ledger, this.#cameAfter(prediction)), legacyId);
      count(this.#changes, `${decision} -> ${ledger.decision ?? 'no decision'}`);
    }
  }

  /** Checks ledger rows whose legacy row is gone. */
  async compareBack(legacy: Client): Promise<void> {
    let after: string | null = null;
    for (;;) {
      const { rows }: { rows: LedgerId[] } = await this.#canonical.query<LedgerId>(LEDGER_IDS, [
        after,
        CHUNK_ROWS,
      ]);
      const present = await legacy.query<{ id: string }>(PRESENT_IDS, [
        rows.map(({ legacy_id }) => legacy_id),
      ]);
      const ids = new Set(present.rows.map(({ id }) => id));
      for (const { legacy_id, decision, deletion_seen } of rows) {
        count(this.#ledger, decision);
        if (ids.has(legacy_id)) continue;
        this.#differences.add(deletion_seen ? 'deleted_since' : 'deleted_not_projected_yet', legacy_id);
        count(this.#changes, `no legacy row -> ${decision}`);
      }
      const last = rows.at(-1);
      if (last === undefined) return;
      after = last.legacy_id;
    }
  }

  get comparison(): Comparison {
    const unexplained = Object.keys(UNEXPLAINED) as (keyof typeof UNEXPLAINED)[];
    return {
      decisions: Object.fromEntries(
        DECISIONS.map((decision) => [
          decision,
          { predicted: this.#predicted.get(decision) ?? 0, ledger: this.#ledger.get(decision) ?? 0 },
        ]),
      ) as Comparison['decisions'],
      differences: this.#differences.all(),
      changes: Object.fromEntries(this.#changes),
      unexplained: unexplained.reduce((sum, name) => sum + this.#differences.get(name).count, 0),
    };
  }

  /** True if the row may still be on its way. Both times are the source's: the canonical database may have another clock. */
  #cameAfter({ startedAtUs }: Prediction): boolean {
    const { readUntilUs, futureUs } = this.#times;
    if (startedAtUs === null || readUntilUs === null || startedAtUs > futureUs) return false;
    return startedAtUs > readUntilUs - ON_ITS_WAY_US;
  }
}

interface LedgerId {
  readonly legacy_id: string;
  readonly decision: Decision;
  readonly deletion_seen: boolean;
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
