import { connectorFacts, type ConnectorFacts } from './connector-facts.ts';
import { coverage, type Coverage } from './coverage.ts';
import { judgeSnapshot, type Verdict } from './judge.ts';
import type { Observed } from './observer.ts';
import { countDone, progressOf, type SnapshotProgress } from './progress.ts';
import { endsNow, recordsToProject } from './projection.ts';
import type { RunState, SnapshotRun } from './runs.ts';
import { withSession, type Session, type SnapshotConfig } from './session.ts';
import { conditionIn, readSignals, remarkOf, type Remark, type Signal } from './signal.ts';

export interface SnapshotStatus {
  readonly verdict: Verdict;
  /** Why it does not move, or is not done; empty where all is well. */
  readonly reasons: readonly string[];
  /** The one thing to do next, mostly a command; null where there is nothing. */
  readonly next: string | null;
  /** The last incremental snapshot; null where there was none. */
  readonly run: RunReport | null;
  /** The one by which the connector began. */
  readonly initial: Observed['history']['initial'];
  readonly connector: { readonly state: string; readonly tasks: readonly string[] };
  /** Why it is paused; null where it is not, or nobody may know. */
  readonly pause: Remark | null;
  /** Records in the data topic that no projector has committed yet; null where there is no topic. */
  readonly recordsToProject: number | null;
  /** Legacy rows against the ledger; null where it was not looked at. */
  readonly coverage: Coverage | null;
}

export interface RunReport extends SnapshotProgress {
  /** Of the signal that asked for it. */
  readonly id: string;
  readonly state: RunState;
  /** ISO time. */
  readonly startedAt: string;
  readonly secondsSinceMoved: number;
  /** Which rows: null are all of them; undefined where that is not known. */
  readonly condition: string | null | undefined;
  readonly pauseForgotten: boolean;
}

export interface StatusOptions {
  /** Whether to compare the whole table with the ledger: about a second for 200,000 rows. */
  readonly coverage: boolean;
  readonly onProgress?: (rows: number) => void;
}

/** Asks Debezium's notifications, Connect, both databases and the topic; changes nothing. */
export async function snapshotStatus(
  config: SnapshotConfig,
  options: StatusOptions,
): Promise<SnapshotStatus> {
  return await withSession(config, (session) => statusOf(session, options));
}

export async function statusOf(session: Session, options: StatusOptions): Promise<SnapshotStatus> {
  const { target, config, legacy, canonical, observer } = session;
  const observed = observer.current();
  const connector = await connectorFacts(target, config, observed);
  const signals = await signalsOf(session);
  const run = observed.history.runs.at(-1);
  const condition = run === undefined ? undefined : conditionOfRun(run, connector, signals);
  const covered = options.coverage
    ? await coverage(
        { legacy, canonical },
        options.onProgress === undefined ? {} : { onProgress: options.onProgress },
      )
    : null;
  const ends = await endsNow({ cluster: target.cluster, config });
  const toProject = await recordsToProject({ cluster: target.cluster, canonical, config }, ends);
  const now = new Date();
  const judgement = judgeSnapshot({
    now,
    history: observed.history,
    stored: connector.stored,
    problems: connector.problems,
    asked: signals.asked[0],
    pause: signals.pause,
    coverage: covered,
    recordsToProject: toProject,
    beatAt: observed.heartbeat?.streamed === true ? observed.heartbeat.beatAt : undefined,
  });
  return {
    ...judgement,
    run: run === undefined ? null : await runReport(session, { run, condition, now }),
    initial: observed.history.initial,
    connector: {
      state: connector.report?.state ?? 'UNREACHABLE',
      tasks: connector.report?.tasks.map(({ state }) => state) ?? [],
    },
    pause: run?.state === 'paused' ? (signals.pause ?? null) : null,
    recordsToProject: toProject,
    coverage: covered,
  };
}

export interface KnownSignals {
  /** Newest first. */
  readonly asked: readonly Signal[];
  readonly pause: Remark | undefined;
}

/** Enough to find the signal of the last run among those that were never answered. */
const SIGNALS_READ = 50;

export async function signalsOf({ legacy }: Session): Promise<KnownSignals> {
  const asked = (await readSignals(legacy, ['execute-snapshot'], SIGNALS_READ)) ?? [];
  const [pause] = (await readSignals(legacy, ['pause-snapshot'], 1)) ?? [];
  return { asked, pause: pause === undefined ? undefined : remarkOf(pause) };
}

/** By Connect while it runs, by its signal afterwards; a signal that somebody else sent need not be readable. */
export function conditionOfRun(
  run: SnapshotRun,
  { stored }: Pick<ConnectorFacts, 'stored'>,
  { asked }: KnownSignals,
): string | null | undefined {
  if (stored?.id === run.id) return stored.condition;
  const signal = asked.find(({ id }) => id === run.id);
  return signal === undefined ? undefined : conditionIn(signal);
}

interface Reported {
  readonly run: SnapshotRun;
  readonly condition: string | null | undefined;
  readonly now: Date;
}

async function runReport({ legacy }: Session, { run, condition, now }: Reported): Promise<RunReport> {
  const counted = run.state === 'succeeded' ? undefined : await countDone(legacy, run, condition);
  return {
    id: run.id,
    state: run.state,
    startedAt: new Date(run.startedAtMs).toISOString(),
    secondsSinceMoved: Math.max(0, Math.round((now.getTime() - run.movedAtMs) / 1000)),
    condition,
    pauseForgotten: run.pauseForgotten,
    ...progressOf(run, counted, now.getTime()),
  };
}
