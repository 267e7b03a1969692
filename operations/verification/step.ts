/**
 * One step of the verification: start reading here. A step is one short transaction, and does one of these, in turn:
 *
 *   again     looks again at what was found                              findings.ts
 *   changed   rows of the ledger that changed some minutes ago           changed-rows.ts
 *   whole     the next rows of the pass over everything, by the          ../reconcile/checks.ts
 *             statements of `reconcile`
 *   count     how many changed rows wait
 *
 * Then nobody makes a step for as long as the rows are worth, or until the steps have taken no more than `maxShare` of the
 * time: with the default of 0.1, nine times as long as the step took. So the verification keeps less than a tenth of a core
 * of Postgres busy, however large a row is.
 */
import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import type { Barrier } from '../reconcile/barrier.ts';
import type { CheckContext } from '../reconcile/checks.ts';
import { legacySnapshot, recordMark } from '../reconcile/marks.ts';
import { ALL_OF_A_TABLE, IN_MEMORY } from '../reconcile/reconcile.ts';
import { COUNT_WAITING, nextChanged } from './changed-rows.ts';
import { batchOf, compareOnly, dueFindings, lookAgain, type Again, type Found } from './findings.ts';
import { recordIncidents } from './incidents.ts';
import { moved, Overtaken, readState, type Move, type PassPhase, type State } from './state.ts';

export interface StepContext extends CheckContext {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly barrier: Pick<Barrier, 'passedUntil'>;
  /** Compared rows per second, of all projectors together. */
  readonly rowsPerSecond: number;
  /** How old a change is before it is compared. */
  readonly afterSeconds: number;
  readonly again: Again;
  /** From the begin of a pass to that of the next one, at least. */
  readonly passSeconds: number;
  /** The largest share of the time in which there may be a step (0 to 1). */
  readonly maxShare: number;
  /** The most rows that one step compares. */
  readonly mostRows: number;
}

export const DEFAULTS = { passSeconds: 10, mostRows: 1_000 } as const;

export interface Done {
  readonly part: 'again' | 'changed' | 'whole' | 'count' | 'idle';
  readonly rows: number;
  readonly wrong: readonly Found[];
  readonly healed: readonly Found[];
  readonly restMs: number;
}

/** `wait`: it is not time yet, or another projector is at it. */
export type Step =
  { readonly kind: 'done'; readonly done: Done } | { readonly kind: 'wait'; readonly ms: number };

/** The work of a step, all of which is read and fetched that can be before the transaction begins. */
interface Work {
  readonly part: Done['part'];
  readonly run: (client: Client) => Promise<Partial<Omit<Done, 'part'>> & { readonly move: Move }>;
}

const LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('history_cdc.verification', 0)) AS mine";
const OTHER_MS = 1_000;
const IDLE_MS = 2_000;

export async function step(context: StepContext): Promise<Step> {
  const { canonical } = context;
  const state = await readState(canonical);
  if (state === undefined) return { kind: 'wait', ms: OTHER_MS };
  if (state.restMs > 0) return { kind: 'wait', ms: state.restMs };
  const began = performance.now();
  const work = await nextWork(context, state);
  const done = await inTransaction(canonical, async (client) => {
    const { rows: lock } = await client.query<{ mine: boolean }>(LOCK);
    if (lock[0]?.mine !== true) return undefined;
    await client.query(IN_MEMORY);
    const { move, rows = 0, wrong = [], healed = [] } = await work.run(client);
    const spent = { rows, tookMs: performance.now() - began };
    const restMs = work.part === 'idle' ? IDLE_MS : restAfter(spent, context);
    await moved(client, state, { ...move, restMs });
    return { part: work.part, rows, wrong, healed, restMs };
  }).catch((error: unknown) => {
    if (error instanceof Overtaken) return undefined;
    throw error;
  });
  return done === undefined ? { kind: 'wait', ms: OTHER_MS } : { kind: 'done', done };
}

/** How long nobody makes a step after one of so many rows. */
export function restAfter(
  { rows, tookMs }: { readonly rows: number; readonly tookMs: number },
  { rowsPerSecond, maxShare }: Pick<StepContext, 'rowsPerSecond' | 'maxShare'>,
): number {
  return Math.max((rows * 1000) / rowsPerSecond, (1 / maxShare - 1) * tookMs);
}

/** A step compares as many rows as a second may have. */
function rowsOf({ rowsPerSecond, mostRows }: StepContext): number {
  return Math.min(rowsPerSecond, mostRows);
}

const PARTS = [again, changed, whole, count] as const;

/** The parts take turns, so that none of them starves, and one that has nothing to do gives its turn away. */
async function nextWork(context: StepContext, state: State): Promise<Work> {
  const turn = Number(BigInt(state.step) % BigInt(PARTS.length));
  for (const part of [...PARTS.slice(turn), ...PARTS.slice(0, turn)]) {
    const work = await part(context, state);
    if (work !== undefined) return work;
  }
  return { part: 'idle', run: () => Promise.resolve({ move: {} }) };
}

async function again(context: StepContext, { runId }: State): Promise<Work | undefined> {
  const { canonical, barrier } = context;
  const choice = { runId, again: context.again, limit: rowsOf(context) };
  const rows = await dueFindings(canonical, { ...choice, pairs: false });
  const due = rows.length > 0 ? rows : await dueFindings(canonical, { ...choice, pairs: true });
  if (due.length === 0) return undefined;
  // Asked before the rows are read: what is committed after this answer may still be on its way.
  const passed = await barrier.passedUntil();
  const batches = await Promise.all(due.map(({ phase, ids }) => batchOf(context, phase, { ids })));
  return {
    part: 'again',
    run: async (client) => {
      if (rows.length === 0) await client.query(ALL_OF_A_TABLE);
      const looked = await lookAgain(context, client, { runId, batches, passed });
      await recordIncidents(client, looked);
      return { ...looked, move: {} };
    },
  };
}

async function changed(context: StepContext, state: State): Promise<Work | undefined> {
  if (state.changedAt === null && state.changedToSeconds < context.afterSeconds) return undefined;
  // Each row is compared in three tables.
  const { legacyIds, runIds, next } = await nextChanged(
    context.canonical,
    state,
    Math.ceil(rowsOf(context) / 3),
  );
  const idsOf = { legacy: legacyIds, ledger: legacyIds, canonical: runIds };
  const batches = await Promise.all(
    (['legacy', 'ledger', 'canonical'] as const)
      .filter((phase) => idsOf[phase].length > 0)
      .map((phase) => batchOf(context, phase, { ids: idsOf[phase] })),
  );
  const snapshot = next === null ? await legacySnapshot(context.legacy) : undefined;
  return {
    part: 'changed',
    run: async (client) => {
      let rows = 0;
      for (const batch of batches)
        rows += (await compareOnly(context, client, { runId: state.runId, ...batch })).rows;
      if (snapshot !== undefined) await recordMark(client, snapshot);
      const move = { changedAt: next, changedRows: legacyIds.length, endsWalk: next === null };
      return { rows, move };
    },
  };
}

const NEXT: Readonly<Record<Exclude<PassPhase, 'rest'>, PassPhase>> = {
  legacy: 'ledger',
  ledger: 'canonical',
  canonical: 'pairs',
  pairs: 'rest',
};

async function whole(context: StepContext, state: State): Promise<Work | undefined> {
  const beginsPass = state.phase === 'rest';
  if (beginsPass && state.passSeconds < context.passSeconds) return undefined;
  const phase = state.phase === 'rest' ? 'legacy' : state.phase;
  if (phase === 'pairs') return await pairs(context, state);
  const limit = rowsOf(context);
  const batch = await batchOf(context, phase, { after: state.lastId, upTo: undefined, limit });
  return {
    part: 'whole',
    run: async (client) => {
      const { rows, last_id: lastId } = await compareOnly(context, client, { runId: state.runId, ...batch });
      const place = rows < limit ? { phase: NEXT[phase], lastId: null } : { phase, lastId };
      return { rows, move: { ...place, beginsPass, compared: { [phase]: rows } } };
    },
  };
}

/** One statement over whole tables: the same that looks again at the pairs that were found before. */
async function pairs(context: StepContext, { runId }: State): Promise<Work> {
  const batches = [await batchOf(context, 'pairs', { ids: [] })];
  return {
    part: 'whole',
    run: async (client) => {
      await client.query(ALL_OF_A_TABLE);
      const looked = await lookAgain(context, client, { runId, batches, passed: null });
      await recordIncidents(client, looked);
      // They are not read by their keys, so they are no part of the share; the rest follows from the time.
      return { ...looked, rows: 0, move: { phase: NEXT.pairs, lastId: null } };
    },
  };
}

const WAITING_SECONDS = 30;

function count(_: StepContext, state: State): Promise<Work | undefined> {
  if (state.waitingSeconds !== null && state.waitingSeconds < WAITING_SECONDS)
    return Promise.resolve(undefined);
  return Promise.resolve({
    part: 'count',
    run: async (client) => {
      await client.query(ALL_OF_A_TABLE);
      await client.query(COUNT_WAITING, [state.step, state.changedFrom]);
      return { move: {} };
    },
  });
}
