import { recordActionAlone } from '../../consumers/agent-test-history/batch/actions.ts';
import { assertCurrentTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { FatalError } from '../../lib/errors.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { ownSession, type Client } from '../../lib/postgres.ts';
import { judgeSource } from '../checks/judge-source.ts';
import { unfitSource } from '../connector/apply-errors.ts';
import { askSource, sourceNames } from '../../connectors/deploy/target.ts';
import { untilAnswered, type Answer } from './ask.ts';
import { connectorFacts } from './connector-facts.ts';
import { isLost } from './judge.ts';
import { isOpen } from './runs.ts';
import { assertCondition, type Scope } from './scope.ts';
import type { Session } from './session.ts';
import { executeData, mayNotSignal, sendSignal } from './signal.ts';

export interface StartOptions {
  readonly scope: Scope;
  readonly timeoutMs: number;
  /** The command to give again, for the way out. */
  readonly again: string;
}

const LOCK = "SELECT pg_try_advisory_lock(hashtextextended('history_cdc.snapshot_start', 0)) AS taken";
const UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('history_cdc.snapshot_start', 0))";

/**
 * Signals one snapshot, and returns with Debezium's own word that it began, or with the reason why it did not. Refuses
 * where one runs: Debezium would queue it behind, and neither would be told apart by whoever looks.
 */
export async function startSnapshot(session: Session, options: StartOptions): Promise<Answer> {
  const { legacy } = session;
  if (options.scope.kind === 'where') await assertCondition(legacy, options.scope.condition);
  const client = await ownSession(legacy);
  try {
    const { rows } = await client.query<{ taken: boolean }>(LOCK);
    if (rows[0]?.taken !== true) throw running('somebody else is starting one at this moment');
    await assertReady(session);
    await recordActionAlone(session.canonical, {
      command: 'snapshot start',
      options: options.scope.kind === 'table' ? [] : [`--${options.scope.kind}`],
    });
    const signal = await sendSignal(legacy, 'execute-snapshot', executeData(options.scope));
    return await untilAnswered(session, signal, {
      timeoutMs: options.timeoutMs,
      again: options.again,
      answer: ({ runs }) => runs.find(({ id }) => id === signal.id),
    });
  } finally {
    await client.query(UNLOCK).catch(() => undefined);
    client.release();
  }
}

/**
 * The rows would go into the topic that TOPIC_PREFIX names. A projector reads another one, or refuses this one, so the gap
 * that the snapshot is to close would stay open.
 */
export async function assertOurTopic(
  canonical: Client,
  cluster: Pick<KafkaCluster, 'describeTopic'>,
  name: string,
): Promise<void> {
  const identity = await cluster.describeTopic(name);
  if (identity !== undefined) await assertCurrentTopic(canonical, { ...identity, name });
}

/** A signal that nobody can answer is not sent. */
async function assertReady(session: Session): Promise<void> {
  const { target, config, observer } = session;
  await assertOurTopic(session.canonical, target.cluster, topicNames(config).data);
  const source = await askSource(target, config);
  if ('unreachable' in source) throw mayNotSignal(source.unreachable);
  const unfit = judgeSource(source.facts, sourceNames(config));
  if (unfit.length > 0) throw unfitSource(unfit);
  const observed = observer.current();
  const { history } = observed;
  const connector = await connectorFacts(target, config, observed);
  const states = [connector.report?.state, ...(connector.report?.tasks ?? []).map(({ state }) => state)];
  if (states.length < 2 || states.some((state) => state !== 'RUNNING')) {
    throw new FatalError({
      code: 'CONNECTOR_FAILED',
      message: `the connector does not run, so nobody would read the signal: ${connector.problems.join('; ')}`,
      wayOut:
        '`history-cdc connector status` tells more; `connector resume` or `connector restart`, then start again',
    });
  }
  if (history.initial === 'running')
    throw running('the initial snapshot, by which the connector begins, has not ended');
  const last = history.runs.at(-1);
  const { stored } = connector;
  if (last !== undefined && isOpen(last) && !isLost(stored, last, new Date())) {
    throw running(`${last.id} is ${last.state}`);
  }
  if (stored != null && !history.runs.some(({ id }) => id === stored.id)) {
    throw running(`Kafka Connect has ${stored.id} stored, of which no notification tells`);
  }
}

function running(message: string): FatalError {
  return new FatalError({
    code: 'SNAPSHOT_RUNNING',
    message: `a snapshot is under way: ${message}`,
    wayOut: '`history-cdc snapshot status` shows how far it is; `history-cdc snapshot stop` ends it',
  });
}
