import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import { topicNames } from '../../lib/names.ts';
import { desiredConnector, type DesiredConfig } from '../../connectors/deploy/desired.ts';
import { largestMessageBytes } from '../../connectors/deploy/message-limit.ts';
import { topicChanges, type TopicChange } from '../../connectors/deploy/plan.ts';
import { check, nothingThere, type Circumstances } from './check.ts';
import type { TopicFacts } from '../facts/kafka.ts';
import { alterTopic, deleteTopic, newSnapshot } from './paste.ts';
import { failed, notYet, ok, warning, type Judgement } from './verdict.ts';
import { bytesText } from '../facts/wal.ts';
import { constant, lines, shell, type Paste } from '../../lib/quoting.ts';

/** As text in a record, JSON may be escaped and named; half of the limit is room enough. */
const NEAR_SHARE = 0.5;
const MAKE_MISSING_TOPICS = 'history-cdc connector apply && history-cdc connector restart';

const noTopics = (circumstances: Circumstances) =>
  nothingThere('there are no topics (see topics-exist)', 'apply', circumstances);

export const KAFKA_CHECKS = [
  check({
    id: 'kafka-reachable',
    group: 'kafka',
    severity: 'error',
    title: 'Kafka answers',
    needs: ['brokers'],
    judge: ({ brokers }) => ok(`${String(brokers.brokers)} broker(s), cluster ${brokers.clusterId}`),
    unreached: (why) =>
      failed(why, 'check KAFKA_BROKERS and the TLS and SASL settings (`history-cdc config`)'),
  }),
  check({
    id: 'kafka-brokers',
    group: 'kafka',
    severity: 'error',
    title: 'there are as many brokers as the topics shall have copies',
    needs: ['brokers'],
    judge: ({ brokers }, { config: { TOPIC_REPLICATION: wanted } }) =>
      brokers.brokers >= wanted
        ? ok(`${String(brokers.brokers)}, TOPIC_REPLICATION is ${String(wanted)}`)
        : failed(
            `${String(brokers.brokers)} broker(s), and TOPIC_REPLICATION is ${String(wanted)}`,
            shell`TOPIC_REPLICATION=${brokers.brokers}  # or more brokers`,
          ),
  }),
  check({
    id: 'topics-exist',
    group: 'kafka',
    severity: 'error',
    title: 'every topic that the connector writes to is there',
    needs: ['topics'],
    judge: ({ topics }, circumstances) => judgeExistence(topics, circumstances),
  }),
  check({
    id: 'topic-partitions',
    group: 'kafka',
    severity: 'error',
    title: 'every topic has its partitions',
    needs: ['topics'],
    judge: ({ topics }, circumstances) =>
      judgeTopics(
        differences(topics, circumstances.config).filter(({ what }) => what === 'partitions'),
        {
          topics,
          circumstances,
          fix: partitionsFix(circumstances.config),
        },
      ),
  }),
  check({
    id: 'topic-retention',
    group: 'kafka',
    severity: 'error',
    title: 'nothing is deleted from the topics too early',
    needs: ['topics'],
    judge: ({ topics }, circumstances) =>
      judgeTopics(
        differences(topics, circumstances.config).filter(({ what }) => /^(retention|segment)\./.test(what)),
        {
          topics,
          circumstances,
          fix: alterFix(circumstances.config),
        },
      ),
  }),
  check({
    id: 'topic-cleanup',
    group: 'kafka',
    severity: 'error',
    title: 'no topic is compacted',
    needs: ['topics'],
    judge: ({ topics }, circumstances) =>
      judgeTopics(
        differences(topics, circumstances.config).filter(({ what }) => what === 'cleanup.policy'),
        {
          topics,
          circumstances,
          fix: alterFix(circumstances.config),
        },
      ),
  }),
  check({
    id: 'topic-compression',
    group: 'kafka',
    severity: 'error',
    title: 'the brokers keep the records as the connector wrote them',
    needs: ['topics'],
    judge: ({ topics }, circumstances) =>
      judgeTopics(
        differences(topics, circumstances.config).filter(({ what }) => what === 'compression.type'),
        {
          topics,
          circumstances,
          fix: alterFix(circumstances.config),
        },
      ),
  }),
  check({
    id: 'topic-message-limit',
    group: 'kafka',
    severity: 'error',
    title: 'the data topic takes what the connector may send',
    needs: ['topics'],
    judge: ({ topics }, circumstances) =>
      judgeTopics(
        differences(topics, circumstances.config).filter(({ what }) => what === 'max.message.bytes'),
        {
          topics,
          circumstances,
          fix: alterFix(circumstances.config),
        },
      ),
  }),
  check({
    id: 'topic-replicas',
    group: 'kafka',
    severity: 'error',
    title: 'every partition has a leader, and its copies are up to date',
    needs: ['topics'],
    judge: ({ topics: { replicas } }, circumstances) => {
      if (replicas.length === 0) return noTopics(circumstances);
      const dead = replicas.filter(({ leaderless }) => leaderless > 0);
      const behind = replicas.filter(({ copies, inSync }) => inSync < copies);
      const names = (some: typeof replicas) => some.map(({ name }) => name).join(', ');
      const fix = 'start the brokers that are missing; `kafka-topics.sh --describe` names them';
      if (dead.length > 0) return failed(`partitions without a leader: ${names(dead)}`, fix);
      if (behind.length > 0) return warning(`copies that lag: ${names(behind)}`, fix);
      return ok(`${String(Math.min(...replicas.map(({ copies }) => copies)))} cop(ies) of each`);
    },
  }),
  check({
    id: 'largest-row',
    group: 'kafka',
    severity: 'error',
    title: 'the largest row fits into a message',
    needs: ['largestRow'],
    judge: ({ largestRow: { bytes, sample } }, { config }) => {
      const limit = largestMessageBytes();
      const of = sample === 100 ? '' : ` in a sample of ${sample.toPrecision(2)} % of the table`;
      const found = `${bytesText(bytes)}${of}; the connector may send ${bytesText(limit)}`;
      const fix = raiseMessageLimit(2 ** Math.ceil(Math.log2(bytes * 2)), config);
      if (bytes >= limit) return failed(`${found}: its task will fail at that row`, fix);
      return bytes >= limit * NEAR_SHARE ? warning(found, fix) : ok(found);
    },
  }),
];

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
    ? failed(`${found}: the history in it is gone`, newSnapshot(config))
    : failed(`${found}: the connector stands still for good, and says RUNNING`, MAKE_MISSING_TOPICS);
}

interface TopicQuestion {
  readonly topics: TopicFacts;
  readonly circumstances: Circumstances;
  readonly fix: (difference: Difference) => Paste;
}

function judgeTopics(found: readonly Difference[], { topics, circumstances, fix }: TopicQuestion): Judgement {
  if (topics.there.length === 0) return noTopics(circumstances);
  if (found.length === 0) return ok(`${String(topics.there.length)} topics are as they must be`);
  return failed(
    found
      .map(({ topic, what, actual, desired }) => `${topic}: ${what} is ${actual}, must be ${desired}`)
      .join('; '),
    lines(...found.map(fix)),
  );
}

function alterFix(config: Circumstances['config']) {
  return ({ topic, what, desired }: Difference) => alterTopic(topic, `${what}=${desired}`, config);
}

/** More partitions move keys, and the order of a key is lost: of the data topic no command takes them back. */
function partitionsFix(config: Circumstances['config']) {
  const { data, notifications } = topicNames(config);
  return ({ topic, actual, desired }: Difference): Paste => {
    if (topic === data) {
      return shell`TOPIC_PARTITIONS=${actual}  # or a new topic with ${desired}: docs/running.md, "A new topic with a whole snapshot"`;
    }
    // With them goes the only evidence of the initial snapshot.
    if (topic === notifications) return newSnapshot(config);
    return lines(deleteTopic(topic, config), constant(MAKE_MISSING_TOPICS));
  };
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
