import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { largestMessageBytes } from '../../connectors/deploy/message-limit.ts';
import { topicChanges, type TopicChange } from '../../connectors/deploy/plan.ts';
import { checksOf, error, nothingThere, type Circumstances } from './check.ts';
import type { TopicFacts } from '../facts/kafka.ts';
import { alterTopic, APPLY_AND_RESTART, beginAnew, deleteTopic, newTopic } from './remedies.ts';
import { judgeTopicRisks } from './topic-risks.ts';
import { failed, notYet, ok, warning, type Judgement } from './verdict.ts';
import { bytesText } from '../../lib/figures.ts';
import { constant, lines, shell, type Paste } from '../../lib/quoting.ts';

/** As text in a record, JSON may be escaped and named; half of the limit is room enough. */
const NEAR_SHARE = 0.5;

const noTopics = (circumstances: Circumstances) =>
  nothingThere('there are no topics (see topics-exist)', 'apply', circumstances);

export const KAFKA_CHECKS = checksOf('kafka', {
  'kafka-reachable': error(
    'Kafka answers',
    ['brokers'],
    ({ brokers }) => ok(`${String(brokers.brokers)} broker(s), cluster ${brokers.clusterId}`),
    {
      unreached: (why) =>
        failed(why, 'check KAFKA_BROKERS and the TLS and SASL settings (`history-cdc config`)'),
    },
  ),
  'kafka-brokers': error(
    'there are as many brokers as the topics shall have copies',
    ['brokers'],
    ({ brokers: { brokers } }, { config }) => judgeBrokers(brokers, config.TOPIC_REPLICATION),
  ),
  'topics-exist': error(
    'every topic that the connector writes to is there',
    ['topics'],
    ({ topics }, circumstances) => judgeExistence(topics, circumstances),
  ),
  'topic-settings': error(
    'every topic has its partitions, keeps its records, and takes what the connector sends',
    ['topics'],
    ({ topics }, circumstances) => {
      if (topics.there.length === 0) return noTopics(circumstances);
      const found = differences(topics, circumstances.config);
      if (found.length === 0)
        return (
          judgeTopicRisks(topics, circumstances.config) ??
          ok(`${String(topics.there.length)} topics are as they must be`)
        );
      const evidence = found.map(
        ({ topic, what, actual, desired }) => `${topic}: ${what} is ${actual}, must be ${desired}`,
      );
      return failed(evidence.join('; '), lines(...found.map((one) => fixOf(one, circumstances.config))));
    },
  ),
  'topic-replicas': error(
    'every partition has a leader, and its copies are up to date',
    ['topics'],
    ({ topics: { replicas } }, circumstances) => {
      if (replicas.length === 0) return noTopics(circumstances);
      const dead = replicas.filter(({ leaderless }) => leaderless > 0);
      const behind = replicas.filter(({ copies, inSync }) => inSync < copies);
      const names = (some: typeof replicas) => some.map(({ name }) => name).join(', ');
      const fix = 'start the brokers that are missing; `kafka-topics.sh --describe` names them';
      if (dead.length > 0) return failed(`partitions without a leader: ${names(dead)}`, fix);
      if (behind.length > 0) return warning(`copies that lag: ${names(behind)}`, fix);
      return ok(`${String(Math.min(...replicas.map(({ copies }) => copies)))} cop(ies) of each`);
    },
  ),
  'largest-row': error(
    'the largest row fits into a message',
    ['largestRow'],
    ({ largestRow: { bytes, sample } }, { config }) => {
      const limit = largestMessageBytes();
      const of = sample === 100 ? '' : ` in a sample of ${sample.toPrecision(2)} % of the table`;
      const found = `${bytesText(bytes)}${of}; the connector may send ${bytesText(limit)}`;
      const fix = raiseMessageLimit(2 ** Math.ceil(Math.log2(bytes * 2)), config);
      if (bytes >= limit) return failed(`${found}: its task will fail at that row`, fix);
      return bytes >= limit * NEAR_SHARE ? warning(found, fix) : ok(found);
    },
    { on: 'legacyTable' },
  ),
});

function judgeBrokers(brokers: number, wanted: number): Judgement {
  const found = `${String(brokers)} broker(s), and TOPIC_REPLICATION is ${String(wanted)}`;
  if (brokers < wanted) return failed(found, shell`TOPIC_REPLICATION=${brokers}  # or more brokers`);
  if (wanted > 1 || brokers === 1) return ok(found);
  const copies = Math.min(3, brokers);
  return warning(
    `${found}: with one copy, a broker that is lost takes the events with it`,
    shell`TOPIC_REPLICATION=${copies}  # before connector apply; topics that exist take kafka-reassign-partitions.sh`,
  );
}

type Difference = Extract<TopicChange, { kind: 'different' }>;

function wantedTopics(config: Circumstances['config']): readonly TopicSpec[] {
  return desiredConnector(config as DesiredConfig).topics;
}

function differences({ there }: TopicFacts, config: Circumstances['config']): Difference[] {
  return wantedTopics(config).flatMap((spec) => {
    const actual = there.find(({ name }) => name === spec.name);
    return topicChanges(spec, actual).filter((change) => change.kind === 'different');
  });
}

function judgeExistence({ there }: TopicFacts, { config, deployed }: Circumstances): Judgement {
  const missing = wantedTopics(config).filter(({ name }) => !there.some((topic) => topic.name === name));
  if (missing.length === 0) return ok(there.map(({ name }) => name).join(', '));
  const found = `missing: ${missing.map(({ name }) => name).join(', ')}`;
  if (!deployed) return notYet(found, 'apply');
  return missing.some(({ name }) => name === topicNames(config).data)
    ? failed(`${found}: the history in it is gone`, newTopic(config))
    : failed(`${found}: the connector stands still for good, and says RUNNING`, APPLY_AND_RESTART);
}

/** More partitions move keys, and the order of a key is lost: no command takes them back from the data topic. */
function fixOf({ topic, what, actual, desired }: Difference, config: Circumstances['config']): Paste {
  if (what !== 'partitions') return alterTopic(topic, `${what}=${desired}`, config);
  const { data, notifications } = topicNames(config);
  if (topic === data) {
    return shell`TOPIC_PARTITIONS=${actual}  # or a new topic with ${desired}: docs/running.md, "A new topic with a whole snapshot"`;
  }
  const again = lines<Paste>(deleteTopic(topic, config), constant(APPLY_AND_RESTART));
  // With the notifications goes the evidence of the initial snapshot, which is taken again.
  return topic === notifications ? lines(deleteTopic(topic, config), beginAnew(config)) : again;
}

/** The limits of producer and topic together; the file is the checkout's. */
function raiseMessageLimit(bytes: number, config: Circumstances['config']): Paste {
  const setting = '"producer.override.max.request.size"';
  const edit = `s/${setting}: "[0-9]*"/${setting}: "${String(bytes)}"/`;
  return lines(
    shell`sed -i.bak ${edit} connectors/agent-test-history.json`,
    alterTopic(topicNames(config).data, `max.message.bytes=${String(bytes)}`, config),
    shell`history-cdc connector apply`,
  );
}
