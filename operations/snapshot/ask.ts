import { setTimeout as delay } from 'node:timers/promises';
import { diagnose, type Diagnosis } from './diagnose.ts';
import { resume } from '../checks/remedies.ts';
import { isPassed, whyStill } from '../checks/snapshot.ts';
import { valueOf } from '../facts/answer.ts';
import type { Remark, SignalType } from '../facts/signals.ts';
import type { SnapshotHistory, SnapshotRun } from '../facts/snapshot-runs.ts';
import { lookAt, type Session } from './session.ts';
import { sendSignal, switchData, type SentSignal } from './signal.ts';

/** The outcome of a signal: Debezium's answer, or why there is none. */
export type SignalOutcome =
  | { readonly kind: 'answered'; readonly run: SnapshotRun }
  | { readonly kind: 'silent'; readonly signal: SentSignal; readonly diagnosis: Diagnosis };

interface Waiting {
  readonly timeoutMs: number;
  /** The command to run again; the way out names it. */
  readonly again: string;
  readonly answer: (history: SnapshotHistory) => SnapshotRun | undefined;
}

const POLL_MS = 100;

/** Sends a signal and waits for Debezium's answer, because an inserted signal row alone proves nothing. */
export async function untilAnswered(
  session: Session,
  signal: SentSignal,
  waiting: Waiting,
): Promise<SignalOutcome> {
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
  session: Session,
  signal: SentSignal,
  { timeoutMs, again }: Waiting,
): Promise<Diagnosis> {
  const { answers, circumstances } = await lookAt(session);
  const { heartbeat } = session.observer.current();
  const status = valueOf(answers.connector)?.status;
  const silence = {
    seconds: timeoutMs / 1000,
    problems: whyStill(answers, circumstances),
    state: answers.connector.known ? (status?.connector.state ?? 'ABSENT') : 'UNREACHABLE',
    tasks: status?.tasks.map(({ state }) => state) ?? [],
    passed: isPassed(signal.sentAt, heartbeat?.streamed === true ? heartbeat.beatAt : undefined),
    lagBytes: valueOf(answers.slot)?.lagBytes ?? null,
    goOn: resume(circumstances),
  };
  return diagnose(silence, again);
}

interface Switch {
  readonly timeoutMs: number;
  readonly remark: Remark;
}

/** Pauses the open run. Returns when Debezium says that it is paused. */
export async function pauseRun(session: Session, run: SnapshotRun, options: Switch): Promise<SignalOutcome> {
  return await switchRun(
    session,
    { type: 'pause-snapshot', run, wanted: ({ state }) => state !== 'running' },
    options,
  );
}

/** Resumes the run. Returns when Debezium says that it has resumed. */
export async function resumeRun(session: Session, run: SnapshotRun, options: Switch): Promise<SignalOutcome> {
  return await switchRun(
    session,
    { type: 'resume-snapshot', run, wanted: ({ state }) => state !== 'paused' },
    options,
  );
}

/**
 * Stops the run before its end. Debezium 3.7.0 ignores the stop of a paused run until the run is resumed. So a paused
 * run is resumed after the stop was sent; it reads nothing more, because the stop comes first.
 */
export async function stopRun(session: Session, run: SnapshotRun, options: Switch): Promise<SignalOutcome> {
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
): Promise<SignalOutcome> {
  const signal = await sendSignal(session.legacy, type, switchData(remark));
  return await untilAnswered(session, signal, {
    timeoutMs,
    again: `history-cdc snapshot ${type.replace('-snapshot', '')}`,
    answer: ({ runs }) => runs.find((known) => known.id === run.id && wanted(known)),
  });
}
