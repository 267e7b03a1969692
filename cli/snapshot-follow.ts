import { untilProjected } from '../operations/snapshot/projected.ts';
import type { SnapshotRun } from '../operations/facts/snapshot-runs.ts';
import type { Session } from '../operations/snapshot/session.ts';
import { statusOf } from '../operations/snapshot/status.ts';
import { watchRun } from '../operations/snapshot/watch.ts';
import { countText } from '../lib/figures.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { createProgress } from './progress.ts';
import { paceSettings, type PaceOptions } from './snapshot-options.ts';
import { answerStatus } from './snapshot-view.ts';

export interface FollowOptions extends PaceOptions {
  readonly json?: true;
}

/** Follows a run to its end; throws `AnswerNo` where it ends in any other way than well. */
export async function followRun(
  { context, session, signal }: { context: CommandContext; session: Session; signal: AbortSignal },
  run: SnapshotRun,
  options: FollowOptions,
): Promise<void> {
  const progress = createProgress('rows read', context.surroundings);
  const end = await watchRun(session, run.id, {
    pace: paceSettings(options),
    intervalMs: options.interval * 1000,
    stalledAfterMs: options.stalledAfter * 1000,
    signal,
    note: context.note,
    onTick: ({ progress: { rowsDone, rowsTotal } }) => {
      progress.update(rowsDone ?? 0, rowsTotal ?? 0);
    },
  });
  progress.end();
  if (end.kind === 'ended' && end.run.state === 'succeeded') return;
  if (end.kind === 'interrupted') {
    const goesOn = end.held
      ? 'it stays paused: `history-cdc snapshot watch` takes it over, `history-cdc snapshot resume` lets it go'
      : 'it goes on without a watch: `history-cdc snapshot watch` takes it over';
    context.note(`stopped watching; ${goesOn}`);
    throw new AnswerNo();
  }
  if (end.kind === 'stalled') context.note(`given up: ${end.why}`);
  answerStatus(context, await statusOf(session, { coverage: false }), options.json);
  throw new AnswerNo();
}

/** Read is not done: waits for the projectors, compares table and ledger, and answers. */
export async function finish(
  { context, session, signal }: { context: CommandContext; session: Session; signal: AbortSignal },
  options: FollowOptions,
): Promise<void> {
  const progress = createProgress('records projected', context.surroundings);
  let most = 0;
  const left = await untilProjected(session, {
    silentAfterMs: 30_000,
    signal,
    onProgress: (toDo) => {
      most = Math.max(most, toDo);
      progress.update(most - toDo, most);
    },
  });
  progress.end();
  if (left > 0) {
    context.note(
      `${countText(left)} records are not projected, and no projector has moved for 30 s: does \`history-cdc project\` run?`,
    );
  }
  const status = await statusOf(session, { coverage: true });
  answerStatus(context, status, options.json);
  if (left > 0 || status.verdict !== 'done') throw new AnswerNo();
}
