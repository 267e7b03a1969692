import { lines, shell, type Paste } from '../../lib/quoting.ts';
import { valueOf } from '../facts/answer.ts';
import type { Answers } from '../facts/facts.ts';
import type { Observed } from '../facts/observer.ts';
import { spanText } from '../../lib/figures.ts';
import { checksOf, error, nothingThere, type Circumstances } from './check.ts';
import { behindBreak, beginAnew, isBroken, newTopic } from './remedies.ts';
import { OLD_HEARTBEAT_SECONDS } from './source.ts';
import { failed, notYet, ok, warning } from './verdict.ts';

const noTopics = (circumstances: Circumstances) =>
  nothingThere('the topics of heartbeat and notifications are not there', 'apply', circumstances);

const CUT = ' (TOPIC_CUT: another record lies before it than the one that was projected)';

export const STREAM_CHECKS = checksOf('stream', {
  'heartbeat-arrives': error(
    'the heartbeat comes through WAL, slot, Connect, converter and Kafka',
    ['observed'],
    ({ observed }, circumstances, answers) => {
      if (observed === undefined) return noTopics(circumstances);
      if (circumstances.snapshotRunning) return ok('none comes during the initial snapshot');
      const { found, isOld } = beatText(observed, circumstances.now);
      if (!isOld) return ok(found);
      const told = saysRunning(answers) ? `connector and task say RUNNING, and ${found}` : found;
      return failed(told, beatFix(observed, circumstances));
    },
    { also: ['connector'] },
  ),
  'initial-snapshot': error(
    'the initial snapshot was completed',
    ['observed'],
    ({ observed }, circumstances) => {
      if (observed === undefined) return noTopics(circumstances);
      switch (observed.history.initial) {
        case 'completed':
          return ok('by the notification of Debezium');
        case 'running':
          return warning(
            'it is under way',
            'history-cdc connector status  # wait: it exits 0 when the snapshot is done',
          );
        case 'skipped':
        case 'unknown':
          return failed(
            'nothing says that it ever was: the history may be missing',
            isBroken(circumstances) ? behindBreak(circumstances) : beginAnew(circumstances.config),
          );
      }
    },
  ),
  'topic-identity': error(
    'the data topic is the one that the ledger knows',
    ['dataTopic', 'projection'],
    ({ dataTopic, projection: { topics } }, circumstances) => {
      if (dataTopic === undefined) return noTopics(circumstances);
      const { topicId, partitions } = dataTopic;
      const fix = newTopic(circumstances.config);
      const known = topics.find((topic) => topic.topicId === topicId);
      const current = topics.at(-1);
      if (current === undefined) return notYet('the ledger knows no topic yet', 'project');
      if (known !== current) {
        const why =
          known === undefined ? 'it was deleted and made again' : 'this one was the current one earlier';
        return failed(
          `topic id ${topicId}, and the ledger belongs to ${current.name} ${current.topicId}: ${why}, or TOPIC_PREFIX is wrong`,
          fix,
        );
      }
      return known.partitions === partitions
        ? ok(`${topicId}, ${String(partitions)} partitions`)
        : failed(
            `it had ${String(known.partitions)} partitions and has ${String(partitions)}: keys moved`,
            fix,
          );
    },
  ),
  'offsets-in-range': error(
    'the topic still holds what the projector reads next',
    ['dataTopic', 'projection'],
    ({ dataTopic, projection: { offsets } }, circumstances) => {
      if (dataTopic === undefined) return noTopics(circumstances);
      const ours = offsets.filter(({ topicId }) => topicId === dataTopic.topicId);
      if (ours.length === 0) return notYet('nothing was projected yet', 'project');
      const outside = ours.filter(({ partition, nextOffset }) => {
        const marks = dataTopic.marks.get(partition);
        const next = BigInt(nextOffset);
        return marks === undefined || next < marks.low || next > marks.high || marks.isCut === true;
      });
      if (outside.length === 0) return ok(`${String(ours.length)} partitions`);
      const where = outside.map(({ partition, nextOffset }) => {
        const cut = dataTopic.marks.get(partition)?.isCut === true ? CUT : '';
        return `partition ${String(partition)}: ${nextOffset}${cut}`;
      });
      return failed(where.join(', '), newTopic(circumstances.config));
    },
  ),
});

function beatText({ heartbeat }: Observed, now: Date): { readonly found: string; readonly isOld: boolean } {
  if (heartbeat === undefined) return { found: 'no heartbeat ever came through', isOld: true };
  const seconds = Math.max(0, (now.getTime() - heartbeat.arrivedAt.getTime()) / 1000);
  const found = `the last heartbeat, of ${heartbeat.beatAt.toISOString()}, came through ${spanText(seconds)} ago`;
  return { found, isOld: seconds > OLD_HEARTBEAT_SECONDS };
}

/** RUNNING proves nothing: with a topic missing, the producer stands still for good while connector and task both say it. */
function saysRunning({ connector }: Pick<Answers, 'connector'>): boolean {
  const tasks = valueOf(connector)?.status?.tasks ?? [];
  return tasks.length > 0 && tasks.every(({ state }) => state === 'RUNNING');
}

function beatFix({ heartbeat }: Observed, circumstances: Circumstances): Paste {
  if (isBroken(circumstances)) return behindBreak(circumstances);
  return lines(
    shell`history-cdc doctor --only connector-tasks,publication,signal-table,heartbeat-table,slot-active,topics-exist,long-transactions  # mend what is red`,
    shell`history-cdc connector restart`,
    ...(heartbeat === undefined
      ? [shell`history-cdc connector apply  # waits for a heartbeat, and says what is in the way`]
      : []),
  );
}
