/**
 * Predicts what the projector will decide for every legacy row, before anything is moved. It reads the table in chunks
 * by id; the projector's own code looks each row up and decides it against an empty ledger (temporary-schema.ts).
 * Owners' runs near live rows are put aside, and matched per agent at the end. It writes only temporary tables, and
 * every statement is a transaction of its own, so it holds nothing up. Rows written in the meantime may or may not be
 * counted.
 */
import type { Client, Pool } from '../../lib/postgres.ts';
import type { OptOutPolicy } from '../../consumers/agent-test-history/rule/classify.ts';
import { OWNER } from '../../consumers/agent-test-history/rule/outcome.ts';
import { projectedKind } from '../../consumers/agent-test-history/twins/matching.ts';
import { countLegacyRows, legacyChunks } from './legacy-rows.ts';
import { createRunTables, readLiveSide, type LiveSide } from './live-side.ts';
import { predict, type Prediction } from './prediction.ts';
import { withReadOnlySession } from './read-only-session.ts';
import { Tally, type Counts } from './tally.ts';
import { createTemporarySchema, onTemporarySchema } from './temporary-schema.ts';
import { Trial, type TrialFigures } from './trial.ts';
import { holdWindowRuns, matchWindowRuns } from './window-runs.ts';

export interface CensusContext {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly optOutPolicy: OptOutPolicy;
  readonly windowUs: bigint;
  /** After how many days the application prunes canonical rows. */
  readonly retentionDays: number | undefined;
  /** The size of the largest message that the connector may send. */
  readonly messageBytes: number;
  readonly chunkRows?: number;
  readonly progress?: (done: number, total: number) => void;
  /** Called once for every prediction, in chunks. */
  readonly predicted?: (predictions: readonly Prediction[]) => Promise<void>;
}

const CHUNK_ROWS = 5_000;
/** Steps are large, and a chunk is in memory. */
const CHUNK_ROWS_WITH_STEPS = 500;
/**
 * Postgres's compression makes a value at most about 250 times smaller. A row that stores less than the limit divided
 * by this cannot exceed the limit.
 */
const BEST_COMPRESSION = 256;
const NO_LIVE_ROW_US = 2n ** 62n;

/** The result of the census, without its duration. */
export interface Figures extends Counts {
  readonly trial: TrialFigures;
}

export async function takeCensus(context: CensusContext): Promise<Figures> {
  const prepare = async (session: Client) => {
    await createTemporarySchema(session);
    const canonical = onTemporarySchema(session);
    await createRunTables(canonical);
    return await Trial.open(canonical);
  };
  return await withReadOnlySession(context.legacy, undefined, async (legacy) =>
    withReadOnlySession(context.canonical, prepare, async (session, trial) => {
      const canonical = onTemporarySchema(session);
      const live = await readLiveSide(canonical);
      const tally = new Tally(live, { ...context, nowUs: BigInt(Date.now()) * 1000n });
      await readAll({ context, canonical, legacy, live, trial, tally });
      for await (const predictions of matchWindowRuns(canonical, context.windowUs))
        await take({ context, tally, live }, predictions);
      return { ...tally.figures, trial: trial.figures };
    }),
  );
}

interface Work {
  readonly context: CensusContext;
  /** A connection to the temporary schema. */
  readonly canonical: Client;
  readonly legacy: Client;
  readonly live: LiveSide;
  readonly trial: Trial;
  readonly tally: Tally;
}

async function readAll({ context, canonical, legacy, live, trial, tally }: Work): Promise<void> {
  const { windowUs, optOutPolicy, retentionDays, messageBytes, chunkRows = CHUNK_ROWS } = context;
  const total = await countLegacyRows(legacy);
  const floorUs = live.firstUs === null ? NO_LIVE_ROW_US : live.firstUs - windowUs;
  const ceilingUs = live.lastUs === null ? NO_LIVE_ROW_US : live.lastUs + windowUs;
  const chunks = legacyChunks(legacy, {
    chunkRows: trial.wanted.steps ? Math.min(chunkRows, CHUNK_ROWS_WITH_STEPS) : chunkRows,
    reach: live.firstUs === null ? null : { fromUs: floorUs, toUs: ceilingUs },
    measuredFromBytes: Math.floor(messageBytes / BEST_COMPRESSION),
    retentionDays,
    wanted: trial.wanted,
  });
  let done = 0;
  for await (const rows of chunks) {
    const { decided, undecided, copies } = await predict(canonical, rows, {
      optOutPolicy,
      floorUs,
      ceilingUs,
      trial,
    });
    for (const row of rows) tally.row(row, copies.get(row.id) ?? 0);
    await take({ context, tally, live }, decided);
    await holdWindowRuns(canonical, undecided);
    done += rows.length;
    context.progress?.(done, Math.max(done, total));
  }
}

async function take(
  { context: { predicted, windowUs }, tally, live: { firstUs } }: Pick<Work, 'context' | 'tally' | 'live'>,
  predictions: readonly Prediction[],
): Promise<void> {
  const named = predictions.map((prediction) =>
    prediction.decision === 'projected' && prediction.reason === OWNER
      ? { ...prediction, reason: projectedKind(prediction.startedAtUs ?? undefined, { firstUs, windowUs }) }
      : prediction,
  );
  for (const prediction of named) tally.prediction(prediction);
  await predicted?.(named);
}
