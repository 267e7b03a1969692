import { recordActionAlone } from '../../consumers/agent-test-history/batch/actions.ts';
import { FatalError } from '../../lib/errors.ts';
import { isOpen } from '../facts/snapshot-runs.ts';
import { pauseRun, resumeRun, stopRun, type SignalOutcome } from '../snapshot/ask.ts';
import { parseIds, portionsOf, type Scope } from '../snapshot/scope.ts';
import { SNAPSHOT_NEEDS, withSession, type Session, type SnapshotConfig } from '../snapshot/session.ts';
import { startSnapshot } from '../snapshot/start.ts';
import type { Outcome, Running } from './commands.ts';

/** As the commands without --timeout. */
const TIMEOUT_MS = 60_000;
const WORK = { pause: pauseRun, resume: resumeRun, stop: stopRun } as const;

/** Throws CONFIG_INVALID with the settings that a snapshot needs and that are not set. */
async function inSession<T>({ config }: Running, work: (session: Session) => Promise<T>): Promise<T> {
  const missing = SNAPSHOT_NEEDS.filter((name) => config[name] === undefined);
  if (missing.length > 0)
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: `the console was started without ${missing.join(', ')}, which a snapshot needs`,
      wayOut: 'set them, and start the console again',
    });
  return await withSession(config as SnapshotConfig, work);
}

export async function startOne(
  running: Running,
  { scope: kind, ids = '' }: { readonly scope: 'table' | 'ids'; readonly ids?: string | undefined },
): Promise<Outcome> {
  const scope: Scope = kind === 'table' ? { kind } : { kind, ids: parseIds(ids) };
  const [portion, ...more] = portionsOf(scope);
  if (portion === undefined || more.length > 0)
    throw new FatalError({
      code: 'REQUEST_REFUSED',
      message: 'these are no ids, or too many for one snapshot',
      wayOut: 'use `history-cdc snapshot start --ids FILE`, which reads them in portions',
    });
  const again = '`history-cdc snapshot start`';
  return await inSession(running, async (session) =>
    outcomeOf(await startSnapshot(session, { scope: portion, timeoutMs: TIMEOUT_MS, again, by: running.by })),
  );
}

export function switchOne(verb: keyof typeof WORK) {
  return async (running: Running, { why }: { readonly why: string }): Promise<Outcome> =>
    await inSession(running, async (session) => {
      const run = session.observer.current().history.runs.at(-1);
      if (run === undefined || !isOpen(run))
        throw new FatalError({
          code: 'REQUEST_REFUSED',
          message: 'no snapshot is under way',
          wayOut: 'the page of the snapshots shows the last one',
        });
      await recordActionAlone(session.canonical, { command: `snapshot ${verb}`, by: running.by });
      const remark = { by: 'person', why } as const;
      return outcomeOf(await WORK[verb](session, run, { timeoutMs: TIMEOUT_MS, remark }));
    });
}

/** Debezium's own answer: a signal that was only sent proves nothing. */
function outcomeOf(answer: SignalOutcome): Outcome {
  if (answer.kind === 'answered')
    return { event: 'done', result: { snapshot: answer.run.id, state: answer.run.state } };
  const { why, wayOut } = answer.diagnosis;
  return { event: 'no', result: { signal: answer.signal.id, why, wayOut } };
}
