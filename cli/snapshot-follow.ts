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

/** What a command needs to follow a snapshot, and how it answers at the end. */
export interface Following {
  readonly context: CommandContext;
  readonly session: Session;
  readonly signal: AbortSignal;
  readonly reply: { readonly command: 'snapshot start' | 'snapshot watch'; readonly json: true | undefined };
}

/** Follows a run to its end. Throws `AnswerNo` if the run did not succeed. */
export async function followRun(
  { context, session, signal, reply }: Following,
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
      ? 'the snapshot stays paused. `history-cdc snapshot watch` watches it again; `history-cdc snapshot resume` resumes it without a watch'
      : 'the snapshot goes on without a watch. `history-cdc snapshot watch` watches it again';
    context.note(`the watch was stopped; ${goesOn}`);
    throw new AnswerNo();
  }
  if (end.kind === 'stalled') context.note(`the watch has given up: ${end.why}`);
  answerStatus(context, await statusOf(session, { coverage: false }), reply);
  throw new AnswerNo();
}

/**
 * Waits until the projectors have projected what the snapshot has read, compares the table with the ledger, and answers.
 * Throws `AnswerNo` if a legacy row has no decision.
 */
export async function finish({ context, session, signal, reply }: Following): Promise<void> {
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
      `${countText(left)} records are not projected, and no projector has made progress for 30 s. Check that \`history-cdc project\` is running`,
    );
  }
  const status = await statusOf(session, { coverage: true });
  answerStatus(context, status, reply);
  if (left > 0 || status.verdict !== 'done') throw new AnswerNo();
}
