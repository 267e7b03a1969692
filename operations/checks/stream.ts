import { OLD_HEARTBEAT_SECONDS } from '../connector/connector-report.ts';
import { backlogOf } from '../facts/backlog.ts';
import type { StoredOffset } from '../facts/canonical.ts';
import { check, nothingThere, type Circumstances } from './check.ts';
import { newSnapshot } from './paste.ts';
import { standingPartitions, standingText } from '../facts/standing.ts';
import { failed, notYet, ok, unknown, warning } from './verdict.ts';
import { spanText } from '../facts/wal.ts';

const noTopics = (circumstances: Circumstances) =>
  nothingThere('the topics of heartbeat and notifications are not there', 'apply', circumstances);

const NONE_IN_SNAPSHOT = 'none comes during the initial snapshot';
const PROJECT = 'history-cdc project  # is one running? its log and /readyz say why it stands';

export const STREAM_CHECKS = [
  check({
    id: 'heartbeat-arrives',
    group: 'stream',
    severity: 'error',
    title: 'the heartbeat comes through WAL, slot, Connect, converter and Kafka',
    needs: ['proof'],
    judge: ({ proof }, circumstances) => {
      if (proof === undefined) return noTopics(circumstances);
      if (circumstances.snapshotRunning) return ok(NONE_IN_SNAPSHOT);
      const { heartbeat } = proof;
      if (heartbeat === undefined) {
        return failed(
          'none ever came',
          'history-cdc connector apply  # waits for one, and says what is in the way',
        );
      }
      const seconds = (Date.now() - heartbeat.arrivedAt.getTime()) / 1000;
      const found = `the last one, of ${heartbeat.beatAt.toISOString()}, came ${spanText(Math.max(0, seconds))} ago`;
      return seconds <= OLD_HEARTBEAT_SECONDS
        ? ok(found)
        : failed(
            found,
            'history-cdc doctor --only publication,slot-active,topics-exist,connector-tasks  # mend what is red\nhistory-cdc connector restart',
          );
    },
  }),
  check({
    id: 'task-moves',
    group: 'stream',
    severity: 'error',
    title: 'a task that says RUNNING moves',
    needs: ['connector', 'proof'],
    judge: ({ connector: { status }, proof }, circumstances) => {
      if (status === undefined || proof === undefined) return noTopics(circumstances);
      const running = status.tasks.length > 0 && status.tasks.every(({ state }) => state === 'RUNNING');
      if (!running) return unknown('no task is RUNNING (see connector-tasks)');
      const arrived = proof.heartbeat?.arrivedAt.getTime() ?? 0;
      if (Date.now() - arrived <= OLD_HEARTBEAT_SECONDS * 1000) return ok('RUNNING, and its heartbeat moves');
      if (circumstances.snapshotRunning) return ok('RUNNING, in its initial snapshot');
      return failed(
        'RUNNING, and nothing comes through',
        'history-cdc doctor --only publication,signal-table,heartbeat-table,slot-active,topics-exist,long-transactions  # mend what is red\nhistory-cdc connector restart',
      );
    },
  }),
  check({
    id: 'initial-snapshot',
    group: 'stream',
    severity: 'error',
    title: 'the initial snapshot was completed',
    needs: ['proof'],
    judge: ({ proof }, circumstances) => {
      if (proof === undefined) return noTopics(circumstances);
      switch (proof.snapshot) {
        case 'completed':
          return ok('by the notification of Debezium');
        case 'running':
          return warning(
            'it is under way',
            'history-cdc connector status  # wait: it exits 0 when it is done',
          );
        case 'skipped':
        case 'unknown':
          return failed(
            'nothing says that it ever was: the history may be missing',
            newSnapshot(circumstances.config),
          );
      }
    },
  }),
  check({
    id: 'topic-identity',
    group: 'stream',
    severity: 'error',
    title: 'the data topic is the one that the ledger knows',
    needs: ['dataTopic', 'projection'],
    judge: ({ dataTopic, projection: { topics } }, circumstances) => {
      if (dataTopic === undefined) return noTopics(circumstances);
      const known = topics.find(({ topicId }) => topicId === dataTopic.topicId);
      const current = topics.at(-1);
      if (current === undefined) return notYet('the ledger knows no topic yet', 'project');
      if (known === undefined || known !== current) {
        const why =
          known === undefined ? 'it was deleted and made again' : 'this one was the current one earlier';
        return failed(
          `topic id ${dataTopic.topicId}, and the ledger belongs to ${current.name} ${current.topicId}: ${why}, or TOPIC_PREFIX is wrong`,
          newSnapshot(circumstances.config),
        );
      }
      return known.partitions === dataTopic.partitions
        ? ok(`${dataTopic.topicId}, ${String(dataTopic.partitions)} partitions`)
        : failed(
            `it had ${String(known.partitions)} partitions and has ${String(dataTopic.partitions)}: keys moved`,
            newSnapshot(circumstances.config),
          );
    },
  }),
  check({
    id: 'offsets-in-range',
    group: 'stream',
    severity: 'error',
    title: 'the topic still holds what the projector reads next',
    needs: ['dataTopic', 'projection'],
    judge: ({ dataTopic, projection: { offsets } }, circumstances) => {
      if (dataTopic === undefined) return noTopics(circumstances);
      const ours = offsets.filter(({ topicId }) => topicId === dataTopic.topicId);
      if (ours.length === 0) return notYet('nothing was projected yet', 'project');
      const outside = ours.filter(({ partition, nextOffset }) => {
        const marks = dataTopic.marks.get(partition);
        const next = BigInt(nextOffset);
        return marks === undefined || next < marks.low || next > marks.high || marks.isCut === true;
      });
      const where = ({ partition, nextOffset }: StoredOffset) => {
        const cut = dataTopic.marks.get(partition)?.isCut === true;
        return `partition ${String(partition)}: ${nextOffset}${cut ? ' (TOPIC_CUT: another record lies before it than the one that was projected)' : ''}`;
      };
      return outside.length === 0
        ? ok(`${String(ours.length)} partitions`)
        : failed(outside.map(where).join(', '), newSnapshot(circumstances.config));
    },
  }),
  check({
    id: 'gaps',
    group: 'stream',
    severity: 'error',
    title: 'the stream has no gap that is not closed',
    needs: ['gaps'],
    judge: ({ gaps }) => {
      if (gaps.length === 0) return ok('none is open');
      const fresh = gaps.some(({ acceptedAt }) => acceptedAt === null);
      return failed(
        gaps
          .map(({ id, kind, openedAt }) => `gap ${id} (${kind}) since ${openedAt.toISOString()}`)
          .join(', '),
        fresh
          ? 'history-cdc project  # refuses, and says what to do, in its order'
          : 'history-cdc snapshot start --follow\nhistory-cdc reconcile --fresh  # proven, it closes them',
      );
    },
  }),
  check({
    id: 'projector-moves',
    group: 'stream',
    severity: 'error',
    title: 'where the source moves, the ledger moves, in each partition',
    needs: ['dataTopic', 'projection', 'laterOffsets'],
    judge: ({ dataTopic, projection, laterOffsets }, circumstances) => {
      if (dataTopic === undefined) return noTopics(circumstances);
      const backlog = backlogOf(dataTopic, projection);
      if (backlog === undefined) return notYet('nothing was projected yet', 'project');
      const found = `${backlog.records.toLocaleString('en')} records behind, last commit ${spanText(backlog.secondsSinceCommit)} ago`;
      const standing = standingPartitions(dataTopic, projection.offsets, laterOffsets);
      return standing.length === 0
        ? ok(found)
        : failed(`${found}: ${standing.map(standingText).join('; ')}`, PROJECT);
    },
  }),
];
