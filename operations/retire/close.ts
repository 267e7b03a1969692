/**
 * The closing run behind the fence: everything that was written before the fence is streamed, projected, proven and archived. Until
 * then the stage stays `fenced`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { inTransaction } from '../../lib/postgres.ts';
import { withTurn } from '../../lib/retirement-turn.ts';
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import { recordRefusedWrites } from '../fence/refused-writes.ts';
import { isFenced, readFence, type RecordedFence } from '../fence/state.ts';
import { Barrier } from '../reconcile/barrier.ts';
import { enterStage, newestStage, type EnteredStage } from '../soak/stages.ts';
import { archiveRefusals, verifiedArchive, type VerifiedArchive } from './archive.ts';
import type { RetireContext } from './context.ts';
import { assertStage, fenceBroken, gateNotMet, type Refusals } from './fence.ts';

/** What the end of the table rests on, behind the fence. */
export interface ClosingProof {
  readonly refusals: Refusals;
  /** Null where there is none. */
  readonly fence: RecordedFence | null;
  readonly archive: VerifiedArchive | null;
  /** The run of `reconcile`. */
  readonly runId: string | null;
}

/** Looks whether the closing run is complete. It waits for the projector for at most `settleSeconds`. */
export async function closingProof(
  context: RetireContext,
  entered: EnteredStage | undefined,
): Promise<ClosingProof> {
  const { canonical, legacy } = context;
  const state = await readFence(legacy);
  const { fence } = state;
  if (fence === null || !isFenced(state))
    return { refusals: [fenceBroken(state).message], fence, archive: null, runId: null };
  const fenced = await fencedStage(context, entered);
  const archive = await verifiedArchive(canonical, fence.xid);
  const { whole, refusals: standing } = await context.standing();
  return {
    fence,
    archive: archive ?? null,
    runId: whole?.runId ?? null,
    refusals: [
      ...(fenced?.evidence['fence'] === fence.id
        ? []
        : ['the fence that stands is not the one that was recorded']),
      ...(await streamRefusals(context, fenced?.evidence['lsn'])),
      ...standing,
      ...(whole !== null && fenced !== undefined && whole.startedAt > fenced.at
        ? []
        : ['no whole `reconcile` has begun since the fence: `history-cdc reconcile --fresh`']),
      ...(await archiveRefusals(legacy, { archive, fenceXid: fence.xid })),
    ],
  };
}

const FENCED = `
  SELECT id::text, stage, at, performed_by AS "performedBy", evidence
  FROM history_cdc.stage WHERE stage = 'fenced' ORDER BY id DESC LIMIT 1`;

/** The row of the fence, also when the stage is further by now. */
export async function fencedStage(
  { canonical }: RetireContext,
  entered: EnteredStage | undefined,
): Promise<EnteredStage | undefined> {
  if (entered?.stage === 'fenced') return entered;
  return (await canonical.query<EnteredStage>(FENCED)).rows[0];
}

const LOOK_AGAIN_MS = 500;

/** The slot has passed the fence, and the projector everything that the topic had by then. */
async function streamRefusals(
  { canonical, stream, settleSeconds, signal }: RetireContext,
  lsn: unknown,
): Promise<string[]> {
  if (typeof lsn !== 'string') return ['the position of the fence was not recorded'];
  return await behind(new Barrier(canonical, { ...stream, lsn }), settleSeconds, signal);
}

/** Empty once the barrier is passed; else what it waits for when the time is over. */
export async function behind(
  barrier: Barrier,
  settleSeconds: number,
  signal: AbortSignal,
): Promise<string[]> {
  const until = performance.now() + settleSeconds * 1_000;
  for (;;) {
    if ((await barrier.passedUntil()) !== null) return [];
    if (performance.now() >= until || signal.aborted) return [barrier.waitsFor];
    await delay(LOOK_AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Enters the stage `archived`. */
export async function close(context: RetireContext): Promise<EnteredStage> {
  const { canonical, legacy, by } = context;
  return await withTurn(canonical, 'alone', async () => {
    const entered = await newestStage(canonical);
    assertStage(entered?.stage ?? 'soaking', ['fenced'], 'retire close');
    await recordRefusedWrites(canonical, legacy);
    const { refusals, fence, archive, runId } = await closingProof(context, entered);
    if (refusals.length > 0 || archive === null) throw gateNotMet(refusals);
    const { id, manifestSha256, rows, snapshot, snapshotLsn } = archive;
    const evidence = {
      fence: fence?.id,
      reconcileRun: runId,
      archive: id,
      manifestSha256,
      rows,
      snapshot,
      snapshotLsn,
    };
    return await inTransaction(canonical, async (client) => {
      await recordAction(client, { command: 'retire close --apply', by });
      return await enterStage(client, { stage: 'archived', by, evidence });
    });
  });
}
