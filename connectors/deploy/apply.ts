import { setTimeout as delay } from 'node:timers/promises';
import { FatalError } from '../../consumers/lib/errors.ts';
import { topicNames } from '../../consumers/lib/names.ts';
import type { ConnectorState } from './connect-client.ts';
import { desiredConnector, type DesiredConnector } from './desired.ts';
import type { Heartbeat } from './heartbeat.ts';
import type { HeartbeatWatch } from './heartbeat-watch.ts';
import { judgeSource } from './judge-source.ts';
import {
  failureOf,
  judgeLiveness,
  summarizeTrace,
  type Baseline,
  type Liveness,
  type Observation,
} from './liveness.ts';
import { planConnector, printable, type Plan, type TopicChange } from './plan.ts';
import { readSourceClock } from './source-facts.ts';
import {
  askSource,
  readActual,
  sourceNames,
  watchHeartbeat,
  withTarget,
  type ConnectorSettings,
  type Target,
} from './target.ts';

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
 * Brings the connector about and does not return before it is proved to work: the source fits, every topic exists,
 * Connect has the configuration, the task runs, and a heartbeat row written after the start has come through its
 * topic. Run again, it changes nothing and proves the same.
 */
export async function applyConnector(config: ConnectorSettings, options: ApplyOptions): Promise<ApplyResult> {
  const desired = desiredConnector(config);
  return await withTarget(config, async (target) => {
    const sourceClock = await checkSource(target, config, options);
    const plan = planConnector(desired, await readActual(target, desired));
    await createMissingTopics(target, plan, options);
    const watch = await watchHeartbeat(target, config, 'new');
    try {
      const baseline = { sourceClock, oldTrace: await putConfig(target, desired, plan) };
      return await untilAlive({ target, config, options, watch, baseline, plan });
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
  if ('unreachable' in answer || target.source === undefined) {
    const why = 'unreachable' in answer ? answer.unreachable : '';
    note(`the legacy database was not checked beforehand: ${why}`);
    return undefined;
  }
  const problems = judgeSource(answer.facts, sourceNames(config));
  if (problems.length > 0) {
    throw new FatalError({
      code: 'DATABASE_UNFIT',
      message: `the legacy database is not ready for the connector:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
      wayOut:
        '`history-cdc connector sql` prints the script that makes the role, the tables, the publication and the grants: let whoever may run it',
    });
  }
  return await readSourceClock(target.source);
}

async function createMissingTopics(target: Target, { topics }: Plan, { note }: ApplyOptions): Promise<void> {
  const different = topics.filter((change) => change.kind === 'different');
  if (different.length > 0) throw unfitTopics(different);
  const missing = topics.filter((change) => change.kind === 'missing');
  if (missing.length === 0) return;
  await target.cluster.createTopics(missing.map(({ spec }) => spec));
  note(`created ${missing.map(({ topic }) => topic).join(', ')}`);
}

/** A topic is created, never changed: what it holds may depend on how it is, the place of every key first of all. */
function unfitTopics(changes: readonly Extract<TopicChange, { kind: 'different' }>[]): FatalError {
  const fixes = changes.map(({ topic, what, actual, desired }) =>
    what === 'partitions'
      ? `set TOPIC_PARTITIONS=${actual} if ${topic} is to stay, for keys would move; delete the topic if it is empty and nobody reads it`
      : `kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${what}=${desired}`,
  );
  return new FatalError({
    code: 'TOPIC_UNFIT',
    message: `topics exist and are not as they have to be:\n${changes
      .map(({ topic, what, actual, desired }) => `  - ${topic}: ${what} is ${actual}, must be ${desired}`)
      .join('\n')}`,
    wayOut: fixes.join('\n           '),
  });
}

/** Gives the trace of a failure that was there before, when Connect was told something new. */
async function putConfig(
  { connect }: Target,
  desired: DesiredConnector,
  plan: Plan,
): Promise<string | undefined> {
  if (plan.connector === 'unchanged') return undefined;
  const problems = await connect.validate(desired.config);
  if (problems.length > 0) {
    throw new FatalError({
      code: 'CONNECTOR_REJECTED',
      message: `Kafka Connect does not accept the configuration:\n${problems
        .map(({ key, errors }) => `  - ${key}: ${errors.map((text) => printable(key, text)).join('; ')}`)
        .join('\n')}`,
      wayOut:
        'mend what each line names, in the settings (`history-cdc config`) or in connectors/agent-test-history.json; the password is the one in the environment of the Connect process',
    });
  }
  const before = await connect.status(desired.name);
  await connect.putConfig(desired.name, desired.config);
  return before === undefined ? undefined : failureOf(before)?.trace;
}

interface Waiting {
  readonly target: Target;
  readonly config: ConnectorSettings;
  readonly options: ApplyOptions;
  readonly watch: HeartbeatWatch;
  readonly baseline: Baseline;
  readonly plan: Plan;
}

/** During the snapshot no heartbeat comes: as long as rows arrive, it goes on waiting. */
async function untilAlive(waiting: Waiting): Promise<ApplyResult> {
  const { options, baseline, plan } = waiting;
  const silentAfterMs = options.silentAfterMs ?? SILENT_AFTER_MS;
  let rows = -1n;
  let movedAt = Date.now();
  let notedAt = Date.now();
  for (;;) {
    const seen = await observe(waiting);
    const liveness = judgeLiveness(seen, baseline);
    if (liveness.kind === 'alive')
      return { kind: 'alive', plan, heartbeat: liveness.heartbeat, rows: seen.rows };
    if (liveness.kind === 'suspended') return { kind: 'suspended', plan, state: liveness.state };
    if (liveness.kind === 'failed') throw failed(waiting, liveness);
    if (seen.rows !== rows) movedAt = Date.now();
    rows = seen.rows;
    if (Date.now() - movedAt > silentAfterMs) throw silent(waiting, seen, silentAfterMs);
    if (Date.now() - notedAt > NOTE_EVERY_MS) {
      notedAt = Date.now();
      options.note(
        `waiting for the first heartbeat; ${rows.toLocaleString('en')} records in the data topic so far`,
      );
    }
    await delay(POLL_MS);
  }
}

async function observe({ target, config, watch }: Waiting): Promise<Observation> {
  const [status, watermarks] = await Promise.all([
    target.connect.status(config.CONNECTOR_NAME),
    target.cluster.watermarks(topicNames(config).data),
  ]);
  const rows = [...watermarks.values()].reduce((sum, { low, high }) => sum + high - low, 0n);
  return { status, heartbeat: watch.latest(), rows };
}

function failed({ target }: Waiting, { what, trace }: Extract<Liveness, { kind: 'failed' }>): FatalError {
  return new FatalError({
    code: 'CONNECTOR_FAILED',
    message: `${what} failed: ${target.connect.redact(summarizeTrace(trace))}`,
    wayOut:
      'mend what it names, then `history-cdc connector restart`; the whole trace is in `connector status --json`',
  });
}

function silent(waiting: Waiting, { status, heartbeat }: Observation, silentAfterMs: number): FatalError {
  // Connect shows an old failure until the new task has begun; one that is still there now is the new one.
  const failure = status === undefined ? undefined : failureOf(status);
  if (failure !== undefined) return failed(waiting, { kind: 'failed', ...failure });
  const states =
    status === undefined
      ? 'unknown'
      : `${status.connector.state}, tasks ${status.tasks.map(({ state }) => state).join(' ') || 'none'}`;
  const stale =
    heartbeat === undefined
      ? ''
      : `; the last heartbeat is of ${heartbeat.beatAt.toISOString()}, before the start`;
  return new FatalError({
    code: 'CONNECTOR_SILENT',
    message: `nothing came through the connector's topics for ${String(silentAfterMs / 1000)} s; connector ${states}${stale}`,
    wayOut: [
      'likely causes, the likeliest first:',
      '- a transaction older than the connector is still open in the legacy database: the slot waits for its end (pg_stat_activity, xact_start)',
      '- the worker cannot reach the registry or Kafka under the address that it was given: look at its log',
      '- the table history_cdc_source.heartbeat is not in the publication, or LEGACY_DATABASE_URL is another database than CONNECTOR_DATABASE_URL',
      '- a topic was deleted: run `history-cdc connector apply` again, then `connector restart`',
    ].join('\n           '),
  });
}
