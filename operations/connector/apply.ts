import { setTimeout as delay } from 'node:timers/promises';
import type { FatalError } from '../../lib/errors.ts';
import { topicNames } from '../../lib/names.ts';
import type { ConnectorState, ConnectorStatus } from '../../connectors/deploy/connect-client.ts';
import { desiredConnector, type DesiredConnector } from '../../connectors/deploy/desired.ts';
import { isClean, planConnector, type Plan } from '../../connectors/deploy/plan.ts';
import type { ConnectorSettings } from '../../connectors/deploy/target.ts';
import { chosen, factsOf, SOURCE_FITS, unseenBy } from '../checks/choice.ts';
import { circumstancesOf, judge, wantedFor, type CheckResult } from '../checks/judge.ts';
import { KAFKA_CHECKS } from '../checks/kafka.ts';
import { failureOf, judgeLiveness, summarizeTrace, type Baseline } from '../checks/liveness.ts';
import { required } from '../facts/answer.ts';
import { postgresClock } from '../facts/clock.ts';
import type { Answers } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import type { Heartbeat } from '../facts/heartbeat.ts';
import { Observer, type Observed } from '../facts/observer.ts';
import { withServices, type Services } from '../facts/services.ts';
import {
  failedConnector,
  incompleteConnector,
  lostDataTopic,
  rejectedConfig,
  silentConnector,
  unfit,
  unseenSource,
} from './apply-errors.ts';
import { assertContinuous, type GuardOptions } from './guard.ts';
import { logAction } from './log-action.ts';

export interface ApplyOptions extends GuardOptions {
  /** Gives up after this time without a row or a heartbeat. */
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
 * Creates missing topics. An existing topic is never changed, because the partition of every key depends on its
 * settings.
 */
const TOPICS_FIT = chosen(KAFKA_CHECKS, ['topic-settings']);

/**
 * Creates or updates the connector, and returns only when it is proved to work: the source fits, every topic exists,
 * the stream is not broken, Connect has the configuration, the task runs, the initial snapshot has been completed, and
 * a heartbeat row that was written after the start has arrived in its topic. A second run changes nothing and proves
 * the same.
 */
export async function applyConnector(config: ConnectorSettings, options: ApplyOptions): Promise<ApplyResult> {
  return await withServices(config, { name: 'history-cdc connector' }, async (services) => {
    const { answers, plan } = await planWith(services, config);
    const sourceClock = await assertFits(services, { answers, config, options });
    if (!isClean(plan)) {
      const counts = { settings: plan.config.length, topics: plan.topics.length };
      const flags = options.unseen === true ? ['--unseen'] : [];
      await logAction(config, { command: 'connector apply', options: flags, counts }, options);
    }
    await createMissingTopics({ services, config, options, plan });
    await assertContinuous(config, options, services);
    const watch = await Observer.start(await services.kafka(), config, 'new');
    try {
      const baseline = { sourceClock, oldTrace: await putConfig(services, desiredConnector(config), plan) };
      return await untilAlive({ services, config, options, plan, watch, baseline });
    } finally {
      await watch.stop();
    }
  });
}

/** Works out what `apply` would change, and makes all checks that come before a change. */
export async function planWith(
  services: Services,
  config: ConnectorSettings,
): Promise<{ readonly answers: Answers; readonly plan: Plan }> {
  const wanted = wantedFor([...SOURCE_FITS, ...TOPICS_FIT], config);
  const answers = await gather({ services, config }, wanted);
  const { there: topics } = required(answers.topics);
  const { config: actual } = required(answers.connector);
  return { answers, plan: planConnector(desiredConnector(config), { config: actual, topics }) };
}

interface Fitting {
  readonly answers: Answers;
  readonly config: ConnectorSettings;
  readonly options: ApplyOptions;
}

/** Checks the legacy database. Returns its clock, or undefined if it cannot be asked. */
async function assertFits(
  services: Services,
  { answers, config, options: { note, unseen: accepted = false } }: Fitting,
): Promise<Date | undefined> {
  const circumstances = circumstancesOf(answers, config);
  const { server } = answers;
  assertNone('DATABASE_UNFIT', judge(SOURCE_FITS, answers, circumstances).filter(keepsFromWorking));
  assertNone(
    'TOPIC_UNFIT',
    judge(TOPICS_FIT, answers, circumstances).filter(({ verdict }) => verdict === 'failed'),
  );
  const unseen = unseenBy(factsOf([...SOURCE_FITS, ...TOPICS_FIT]), answers);
  if (unseen.length > 0 && !accepted) throw unseenSource(unseen);
  for (const line of unseen) note(`not checked beforehand: ${line}`);
  return server.known ? await postgresClock(services.legacy()) : undefined;
}

/** Includes the checks of things that the DBA's script should have created by now. */
export function keepsFromWorking({ verdict, step }: CheckResult): boolean {
  return verdict === 'failed' || step === 'script';
}

function assertNone(code: Parameters<typeof unfit>[0], results: readonly CheckResult[]): void {
  if (results.length > 0) throw unfit(code, results);
}

interface Applying {
  readonly services: Services;
  readonly config: ConnectorSettings;
  readonly options: ApplyOptions;
  readonly plan: Plan;
}

async function createMissingTopics({ services, config, options, plan }: Applying): Promise<void> {
  const missing = plan.topics.filter((change) => change.kind === 'missing');
  if (missing.length === 0) return;
  const { data, notifications } = topicNames(config);
  const lacks = (name: string) => missing.some(({ topic }) => topic === name);
  if (lacks(data) && !lacks(notifications)) throw lostDataTopic(config);
  await (await services.kafka()).createTopics(missing.map(({ spec }) => spec));
  options.note(`created ${missing.map(({ topic }) => topic).join(', ')}`);
}

/** Updates Connect if needed. Returns the trace of a failure from before the update. */
async function putConfig(
  services: Services,
  desired: DesiredConnector,
  plan: Plan,
): Promise<string | undefined> {
  if (plan.connector === 'unchanged') return undefined;
  const connect = services.connect();
  const problems = await connect.validate(desired.config);
  if (problems.length > 0) throw rejectedConfig(problems);
  const before = await connect.status(desired.name);
  await connect.putConfig(desired.name, desired.config);
  return before === undefined ? undefined : failureOf(before)?.trace;
}

interface Waiting extends Applying {
  readonly watch: Observer;
  readonly baseline: Baseline;
}

/** Waits for a heartbeat. During the snapshot no heartbeat comes, so the wait goes on as long as rows arrive. */
async function untilAlive(waiting: Waiting): Promise<ApplyResult> {
  const { services, config, options, plan, watch, baseline } = waiting;
  const { data } = topicNames(config);
  const silentAfterMs = options.silentAfterMs ?? SILENT_AFTER_MS;
  let rows = -1n;
  let movedAt = Date.now();
  let notedAt = Date.now();
  for (;;) {
    const status = await services.connect().status(config.CONNECTOR_NAME);
    const observed = watch.current();
    const found = await rowsIn(services, data);
    const liveness = judgeLiveness(status, observed, baseline);
    if (liveness.kind === 'alive') return { kind: 'alive', plan, heartbeat: liveness.heartbeat, rows: found };
    if (liveness.kind === 'suspended') return { kind: 'suspended', plan, state: liveness.state };
    if (liveness.kind === 'incomplete') throw incompleteConnector(config);
    if (liveness.kind === 'failed') throw failed(services, liveness);
    if (found !== rows) movedAt = Date.now();
    rows = found;
    if (Date.now() - movedAt > silentAfterMs) throw silent(services, { status, observed, silentAfterMs });
    if (Date.now() - notedAt > NOTE_EVERY_MS) {
      notedAt = Date.now();
      options.note(
        `waiting for the first heartbeat; ${rows.toLocaleString('en')} records in the data topic so far`,
      );
    }
    await delay(POLL_MS);
  }
}

async function rowsIn(services: Services, topic: string): Promise<bigint> {
  const marks = [...(await (await services.kafka()).watermarks(topic)).values()];
  return marks.reduce((sum, { low, high }) => sum + high - low, 0n);
}

function failed(services: Services, { what, trace }: { what: string; trace: string }): FatalError {
  return failedConnector(what, services.connect().redact(summarizeTrace(trace)));
}

interface Silence {
  readonly status: ConnectorStatus | undefined;
  readonly observed: Observed;
  readonly silentAfterMs: number;
}

function silent(services: Services, { status, observed, silentAfterMs }: Silence): FatalError {
  // Connect shows an old failure until the new task has begun. A failure that is still shown now is a new one.
  const failure = status === undefined ? undefined : failureOf(status);
  if (failure !== undefined) return failed(services, failure);
  const tasks = status?.tasks.map(({ state }) => state).join(' ') ?? '';
  const beat = observed.heartbeat;
  const seen = [
    `connector ${status?.connector.state ?? 'unknown'}`,
    `tasks ${tasks === '' ? 'none' : tasks}`,
    `initial snapshot ${observed.history.initial}`,
    ...(beat === undefined
      ? []
      : [`the last heartbeat is of ${beat.beatAt.toISOString()}, before the start`]),
  ];
  return silentConnector(silentAfterMs / 1000, seen.join(', '));
}
