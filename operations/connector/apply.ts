import { setTimeout as delay } from 'node:timers/promises';
import { FatalError } from '../../lib/errors.ts';
import { topicNames } from '../../lib/names.ts';
import {
  failedConnector,
  incompleteConnector,
  lostDataTopic,
  rejectedConfig,
  silentConnector,
  unfitSource,
  unfitTopics,
} from './apply-errors.ts';
import type { ConnectorState, ConnectorStatus } from '../../connectors/deploy/connect-client.ts';
import { desiredConnector, type DesiredConnector } from '../../connectors/deploy/desired.ts';
import type { Heartbeat } from '../facts/heartbeat.ts';
import { judgeSource } from '../checks/judge-source.ts';
import { failureOf, judgeLiveness, summarizeTrace, type Baseline } from '../checks/liveness.ts';
import { logAction } from './log-action.ts';
import { isClean, planConnector, type Plan } from '../../connectors/deploy/plan.ts';
import { ProofWatch, type Proof } from '../facts/proof.ts';
import { assertContinuous } from './guard.ts';
import { readSourceClock } from '../facts/source.ts';
import {
  askSource,
  readActual,
  sourceNames,
  withTarget,
  type ConnectorSettings,
  type Target,
} from '../../connectors/deploy/target.ts';

export interface ApplyOptions {
  /** Writes a line about the work. */
  readonly note: (line: string) => void;
  /** Gives up when nothing has moved for so long: no row, no heartbeat. */
  readonly silentAfterMs?: number;
}

/** `suspended`: Connect keeps the configuration, but the connector is paused or stopped, so nothing was proved. */
export type ApplyResult =
  | { readonly kind: 'alive'; readonly plan: Plan; readonly heartbeat: Heartbeat; readonly rows: bigint }
  | { readonly kind: 'suspended'; readonly plan: Plan; readonly state: ConnectorState };

export const SILENT_AFTER_MS = 90_000;
const POLL_MS = 250;
const NOTE_EVERY_MS = 3_000;

/**
 * Brings the connector about and does not return before it is proved to work: the source fits, every topic exists, the
 * stream is not broken,
 * Connect has the configuration, the task runs, the initial snapshot has been completed, and a heartbeat row written
 * after the start has come through its topic. Run again, it changes nothing and proves the same.
 */
export async function applyConnector(config: ConnectorSettings, options: ApplyOptions): Promise<ApplyResult> {
  const desired = desiredConnector(config);
  return await withTarget(config, async (target) => {
    const sourceClock = await checkSource(target, config, options);
    const plan = planConnector(desired, await readActual(target, desired));
    if (!isClean(plan)) {
      const counts = { settings: plan.config.length, topics: plan.topics.length };
      await logAction(config, { command: 'connector apply', counts }, options);
    }
    await createMissingTopics({ target, config, options, plan });
    const { source: legacy, connect, cluster: kafka } = target;
    await assertContinuous(config, options.note, { legacy, connect, kafka });
    const watch = await ProofWatch.start(target.cluster, config, 'new');
    try {
      const baseline = { sourceClock, oldTrace: await putConfig(target, desired, plan) };
      return await untilAlive({ target, config, options, plan, watch, baseline });
    } finally {
      await watch.stop();
    }
  });
}

/** Gives the clock of the database, where it can be asked. */
async function checkSource(
  target: Target,
  config: ConnectorSettings,
  { note }: ApplyOptions,
): Promise<Date | undefined> {
  const answer = await askSource(target, config);
  if ('unreachable' in answer) {
    note(`the legacy database was not checked beforehand: ${answer.unreachable}`);
    return undefined;
  }
  const problems = judgeSource(answer.facts, sourceNames(config));
  if (problems.length > 0) throw unfitSource(problems);
  return await readSourceClock(answer.pool);
}

interface Applying {
  readonly target: Target;
  readonly config: ConnectorSettings;
  readonly options: ApplyOptions;
  readonly plan: Plan;
}

async function createMissingTopics({ target, config, options, plan }: Applying): Promise<void> {
  const different = plan.topics.filter((change) => change.kind === 'different');
  if (different.length > 0) throw unfitTopics(different);
  const missing = plan.topics.filter((change) => change.kind === 'missing');
  if (missing.length === 0) return;
  const { data, notifications } = topicNames(config);
  const lacks = (name: string) => missing.some(({ topic }) => topic === name);
  if (lacks(data) && !lacks(notifications)) throw lostDataTopic(data);
  await target.cluster.createTopics(missing.map(({ spec }) => spec));
  options.note(`created ${missing.map(({ topic }) => topic).join(', ')}`);
}

/** Gives the trace of a failure that was there before, when Connect was told something new. */
async function putConfig(
  { connect }: Target,
  desired: DesiredConnector,
  plan: Plan,
): Promise<string | undefined> {
  if (plan.connector === 'unchanged') return undefined;
  const problems = await connect.validate(desired.config);
  if (problems.length > 0) throw rejectedConfig(problems);
  const before = await connect.status(desired.name);
  await connect.putConfig(desired.name, desired.config);
  return before === undefined ? undefined : failureOf(before)?.trace;
}

interface Waiting extends Applying {
  readonly watch: ProofWatch;
  readonly baseline: Baseline;
}

/** During the snapshot no heartbeat comes: as long as rows arrive, it goes on waiting. */
async function untilAlive(waiting: Waiting): Promise<ApplyResult> {
  const { target, config, options, plan, watch, baseline } = waiting;
  const { data } = topicNames(config);
  const silentAfterMs = options.silentAfterMs ?? SILENT_AFTER_MS;
  let rows = -1n;
  let movedAt = Date.now();
  let notedAt = Date.now();
  for (;;) {
    const status = await target.connect.status(config.CONNECTOR_NAME);
    const proof = watch.current();
    const found = await rowsIn(target, data);
    const liveness = judgeLiveness(status, proof, baseline);
    if (liveness.kind === 'alive') return { kind: 'alive', plan, heartbeat: liveness.heartbeat, rows: found };
    if (liveness.kind === 'suspended') return { kind: 'suspended', plan, state: liveness.state };
    if (liveness.kind === 'incomplete') throw incompleteConnector();
    if (liveness.kind === 'failed') throw failed(target, liveness);
    if (found !== rows) movedAt = Date.now();
    rows = found;
    if (Date.now() - movedAt > silentAfterMs) throw silent(target, { status, proof, silentAfterMs });
    if (Date.now() - notedAt > NOTE_EVERY_MS) {
      notedAt = Date.now();
      options.note(
        `waiting for the first heartbeat; ${rows.toLocaleString('en')} records in the data topic so far`,
      );
    }
    await delay(POLL_MS);
  }
}

async function rowsIn({ cluster }: Target, topic: string): Promise<bigint> {
  const marks = [...(await cluster.watermarks(topic)).values()];
  return marks.reduce((sum, { low, high }) => sum + high - low, 0n);
}

function failed({ connect }: Target, { what, trace }: { what: string; trace: string }): FatalError {
  return failedConnector(what, connect.redact(summarizeTrace(trace)));
}

interface Silence {
  readonly status: ConnectorStatus | undefined;
  readonly proof: Proof | undefined;
  readonly silentAfterMs: number;
}

function silent(target: Target, { status, proof, silentAfterMs }: Silence): FatalError {
  // Connect shows an old failure until the new task has begun; one that is still there now is the new one.
  const failure = status === undefined ? undefined : failureOf(status);
  if (failure !== undefined) return failed(target, failure);
  const tasks = status?.tasks.map(({ state }) => state).join(' ') ?? '';
  const beat = proof?.heartbeat;
  const seen = [
    `connector ${status?.connector.state ?? 'unknown'}`,
    `tasks ${tasks === '' ? 'none' : tasks}`,
    `initial snapshot ${proof?.snapshot ?? 'unknown'}`,
    ...(beat === undefined
      ? []
      : [`the last heartbeat is of ${beat.beatAt.toISOString()}, before the start`]),
  ];
  return silentConnector(silentAfterMs / 1000, seen.join(', '));
}
