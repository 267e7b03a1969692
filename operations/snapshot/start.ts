import { recordActionAlone } from '../../consumers/agent-test-history/batch/actions.ts';
import { assertCurrentTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { FatalError } from '../../lib/errors.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { ownSession, type Client } from '../../lib/postgres.ts';
import { SOURCE_FITS } from '../checks/choice.ts';
import { judge } from '../checks/judge.ts';
import { goOn } from '../checks/slot.ts';
import { isLost, whyStill } from '../checks/snapshot.ts';
import { unfit } from '../connector/apply-errors.ts';
import { keepsFromWorking } from '../connector/apply.ts';
import { valueOf } from '../facts/answer.ts';
import { isOpen } from '../facts/snapshot-runs.ts';
import { untilAnswered, type SignalOutcome } from './ask.ts';
import { assertCondition, type Scope } from './scope.ts';
import { lookAt, type Session } from './session.ts';
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
export async function startSnapshot(session: Session, options: StartOptions): Promise<SignalOutcome> {
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
  const { services, config, observer } = session;
  await assertOurTopic(session.canonical, await services.kafka(), topicNames(config).data);
  const { answers, circumstances } = await lookAt(session);
  const { server, connector } = answers;
  if (!server.known) throw mayNotSignal(server.why);
  const wrong = judge(SOURCE_FITS, answers, circumstances).filter(keepsFromWorking);
  if (wrong.length > 0) throw unfit('DATABASE_UNFIT', wrong);
  const status = valueOf(connector)?.status;
  const states = [status?.connector.state, ...(status?.tasks ?? []).map(({ state }) => state)];
  if (states.length < 2 || states.some((state) => state !== 'RUNNING')) {
    throw new FatalError({
      code: 'CONNECTOR_FAILED',
      message: `the connector does not run, so nobody would read the signal: ${whyStill(answers, circumstances).join('; ')}`,
      wayOut: `\`history-cdc connector status\` tells more; then start again after:\n${goOn(circumstances)}`,
    });
  }
  const { history } = observer.current();
  if (history.initial === 'running')
    throw running('the initial snapshot, by which the connector begins, has not ended');
  const last = history.runs.at(-1);
  const stored = valueOf(answers.storedOffset)?.snapshot;
  if (last !== undefined && isOpen(last) && !isLost(stored, last, new Date()))
    throw running(`${last.id} is ${last.state}`);
  if (stored != null && !history.runs.some(({ id }) => id === stored.id))
    throw running(`Kafka Connect has ${stored.id} stored, of which no notification tells`);
}

function running(message: string): FatalError {
  return new FatalError({
    code: 'SNAPSHOT_RUNNING',
    message: `a snapshot is under way: ${message}`,
    wayOut: '`history-cdc snapshot status` shows how far it is; `history-cdc snapshot stop` ends it',
  });
}
