import { setTimeout as delay } from 'node:timers/promises';
import { connectorFacts } from './connector-facts.ts';
import { diagnose, type Diagnosis } from './diagnose.ts';
import { isPassed } from './judge.ts';
import type { SnapshotHistory, SnapshotRun } from './runs.ts';
import type { Session } from './session.ts';
import { sendSignal, switchData, type Remark, type SentSignal, type SignalType } from './signal.ts';

/** What came of a signal: Debezium's answer, or why there is none. */
export type Answer =
  | { readonly kind: 'answered'; readonly run: SnapshotRun }
  | { readonly kind: 'silent'; readonly signal: SentSignal; readonly diagnosis: Diagnosis };

interface Waiting {
  readonly timeoutMs: number;
  /** The command to give again, for the way out. */
  readonly again: string;
  readonly answer: (history: SnapshotHistory) => SnapshotRun | undefined;
}

const POLL_MS = 100;

/** Waits for Debezium's own word: that a row was inserted proves nothing. */
export async function untilAnswered(session: Session, signal: SentSignal, waiting: Waiting): Promise<Answer> {
  const deadline = Date.now() + waiting.timeoutMs;
  for (;;) {
    const run = waiting.answer(session.observer.current().history);
    if (run !== undefined) return { kind: 'answered', run };
    if (Date.now() > deadline) break;
    await delay(POLL_MS);
  }
  return { kind: 'silent', signal, diagnosis: await diagnosisOf(session, signal, waiting) };
}

async function diagnosisOf(
  { target, config, observer }: Session,
  signal: SentSignal,
  { timeoutMs, again }: Waiting,
): Promise<Diagnosis> {
  const observed = observer.current();
  const { report, problems } = await connectorFacts(target, config, observed);
  const { heartbeat } = observed;
  const silence = {
    seconds: timeoutMs / 1000,
    problems,
    state: report?.state ?? 'UNREACHABLE',
    tasks: report?.tasks.map(({ state }) => state) ?? [],
    passed: isPassed(signal.sentAt, heartbeat?.streamed === true ? heartbeat.beatAt : undefined),
    lagBytes: report?.slot?.lagBytes ?? null,
  };
  return diagnose(silence, again);
}

interface Switch {
  readonly timeoutMs: number;
  readonly remark: Remark;
}

/** Pauses the run that is open; returns when Debezium says that it is. */
export async function pauseRun(session: Session, run: SnapshotRun, options: Switch): Promise<Answer> {
  return await switchRun(
    session,
    { type: 'pause-snapshot', run, wanted: ({ state }) => state !== 'running' },
    options,
  );
}

/** Resumes it; returns when Debezium says that it has. */
export async function resumeRun(session: Session, run: SnapshotRun, options: Switch): Promise<Answer> {
  return await switchRun(
    session,
    { type: 'resume-snapshot', run, wanted: ({ state }) => state !== 'paused' },
    options,
  );
}

/**
 * Ends it before its end. One that is paused takes no notice before it is resumed (seen with 3.7.0), so it is: it reads
 * nothing more, because the stop comes first.
 */
export async function stopRun(session: Session, run: SnapshotRun, options: Switch): Promise<Answer> {
  const wanted = ({ state }: SnapshotRun) => state !== 'running' && state !== 'paused';
  if (run.state === 'running')
    return await switchRun(session, { type: 'stop-snapshot', run, wanted }, options);
  await sendSignal(session.legacy, 'stop-snapshot', switchData(options.remark));
  return await switchRun(session, { type: 'resume-snapshot', run, wanted }, options);
}

interface SwitchRequest {
  readonly type: Exclude<SignalType, 'execute-snapshot'>;
  readonly run: SnapshotRun;
  readonly wanted: (run: SnapshotRun) => boolean;
}

async function switchRun(
  session: Session,
  { type, run, wanted }: SwitchRequest,
  { timeoutMs, remark }: Switch,
): Promise<Answer> {
  const signal = await sendSignal(session.legacy, type, switchData(remark));
  return await untilAnswered(session, signal, {
    timeoutMs,
    again: `history-cdc snapshot ${type.replace('-snapshot', '')}`,
    answer: ({ runs }) => runs.find((known) => known.id === run.id && wanted(known)),
  });
}
