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
  /** Name of the person who asked for it; the user of the operating system if undefined. */
  readonly by?: string | undefined;
  /** The command to run again; the way out names it. */
  readonly again: string;
}

const LOCK = "SELECT pg_try_advisory_lock(hashtextextended('history_cdc.snapshot_start', 0)) AS taken";
const UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('history_cdc.snapshot_start', 0))";

/**
 * Signals one snapshot. Returns when Debezium says that it began, or with the reason why it did not. Refuses if a
 * snapshot is running, because Debezium would queue the second one, and the two could not be told apart.
 */
export async function startSnapshot(session: Session, options: StartOptions): Promise<SignalOutcome> {
  const { legacy } = session;
  if (options.scope.kind === 'where') await assertCondition(legacy, options.scope.condition);
  const client = await ownSession(legacy);
  try {
    const { rows } = await client.query<{ taken: boolean }>(LOCK);
    if (rows[0]?.taken !== true) throw running('another process is starting one at this moment');
    await assertReady(session);
    await recordActionAlone(session.canonical, {
      command: 'snapshot start',
      options: options.scope.kind === 'table' ? [] : [`--${options.scope.kind}`],
      ...(options.by !== undefined && { by: options.by }),
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
 * Throws if the topic of TOPIC_PREFIX is not the topic of the ledger. The snapshot would write its rows into a topic
 * that no projector reads, so the gap that it is meant to close would stay open.
 */
export async function assertOurTopic(
  canonical: Client,
  cluster: Pick<KafkaCluster, 'describeTopic'>,
  name: string,
): Promise<void> {
  const identity = await cluster.describeTopic(name);
  if (identity !== undefined) await assertCurrentTopic(canonical, { ...identity, name });
}

/** Throws if the connector does not run, because nobody would answer the signal. */
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
      wayOut: `\`history-cdc connector status\` tells more. Do this, then start the snapshot again:\n${goOn(circumstances)}`,
    });
  }
  const { history } = observer.current();
  if (history.initial === 'running') throw running('the initial snapshot of the connector has not ended');
  const last = history.runs.at(-1);
  const stored = valueOf(answers.storedOffset)?.snapshot;
  if (last !== undefined && isOpen(last) && !isLost(stored, last, new Date()))
    throw running(`${last.id} is ${last.state}`);
  if (stored != null && !history.runs.some(({ id }) => id === stored.id))
    throw running(`Kafka Connect has stored ${stored.id}, but there is no notification about it`);
}

function running(message: string): FatalError {
  return new FatalError({
    code: 'SNAPSHOT_RUNNING',
    message: `a snapshot is under way: ${message}`,
    wayOut: '`history-cdc snapshot status` shows its progress; `history-cdc snapshot stop` ends it',
  });
}
