import { defined, inFile, type Fault } from './fault.ts';

const GROUP = 'faults/slow/group-offsets.stack.test.ts';
const PROJECTORS = 'faults/projectors.stack.test.ts';
const RESTARTS = 'faults/restarts.stack.test.ts';
const TOPIC = 'faults/topic.stack.test.ts';
const FENCING = 'batch/fencing.pg.test.ts';

/** The projector and the broker: kills, cuts, offsets, rebalances, repetitions. */
export const PROJECTOR_AND_BROKER: readonly Fault[] = [
  {
    id: 'F01',
    fault: 'kill -9 of the projector before BEGIN and in the middle of a transaction',
    injected: 'SIGKILL while its transaction waits for a lock on the ledger or on the canonical table',
    mustBeSeen: 'the transaction is rolled back whole, and a later projector does the rest once',
    invariants: ['I2', 'I3', 'I6'],
    tests: [
      ...defined(PROJECTORS, 'faults/crash.ts', 'killed again and again, in a commit and before one'),
      ...defined(PROJECTORS, 'faults/crash.ts', 'killed before its first commit, it has done nothing'),
    ],
  },
  {
    id: 'F02',
    fault: 'kill -9 after COMMIT and before the broker has the offset',
    injected: 'the projector sends itself SIGKILL in its nth commit: Postgres has it, and nobody else',
    mustBeSeen:
      'the group’s offset is below the stored one; the next projector goes on at the offset in Postgres',
    invariants: ['I3', 'I7'],
    tests: defined(PROJECTORS, 'faults/crash.ts', 'killed again and again, in a commit and before one'),
  },
  {
    id: 'F03',
    fault: 'the connection is cut exactly at COMMIT',
    injected: 'a TCP proxy cuts before the COMMIT reaches Postgres, or when Postgres answers it',
    mustBeSeen:
      'the offset in Postgres says what was committed; each record has one effect and is counted once',
    invariants: ['I2', 'I6'],
    tests: [
      ...inFile(FENCING, ': the batch is tried again, and has one effect'),
      ...inFile(
        'stream/shared-transaction.pg.test.ts',
        'whose COMMIT was answered by nobody are counted once',
      ),
    ],
  },
  {
    id: 'F04',
    fault: 'kill -9 at every k-th operation, again and again',
    injected: 'a projector kills itself in its nth commit, for several n in a row',
    mustBeSeen: 'it converges, and the content is that of a run without a fault',
    invariants: ['I1', 'I5', 'I16'],
    tests: defined(PROJECTORS, 'faults/crash.ts', 'killed again and again, in a commit and before one'),
    lacks: 'it is killed in commits and at locks, not at every operation',
  },
  {
    id: 'F05',
    fault: 'SIGTERM in the middle of a batch',
    injected:
      'SIGTERM in a backlog, while a transaction waits for a lock, and while the group waits for a dead member',
    mustBeSeen: 'exit code 0 within 10 s; what was not committed is read again by the next one',
    invariants: ['I1', 'I6', 'I7'],
    tests: defined(
      PROJECTORS,
      'faults/crash.ts',
      'told to stop in the middle of a backlog',
      'told to stop while its transaction waits for a lock',
      'told to stop while the group waits for a dead member',
    ),
  },
  {
    id: 'F06',
    fault: 'kill -9 of the broker, and its restart',
    injected: 'SIGKILL of the broker’s process while a projector runs and rows come',
    mustBeSeen: 'the projector and Debezium come back by themselves; no offset is reset',
    invariants: ['I1', 'I17'],
    tests: inFile(RESTARTS, 'the broker crashes: the projector finds its way back, and nothing is lost'),
  },
  {
    id: 'F07',
    fault: 'the broker is out of reach for a long time',
    injected: 'SIGSTOP of the broker: its sockets stay open and nobody answers',
    mustBeSeen: '`/readyz` says that Kafka does not answer, and `status` answers no',
    invariants: ['I14', 'I17'],
    tests: inFile(RESTARTS, 'told to stop while the broker does not answer'),
    lacks: 'nothing is drained afterwards, and the slot’s WAL is not looked at',
  },
  {
    id: 'F08',
    fault: 'half-open TCP to Kafka or Postgres',
    injected: 'a TCP proxy keeps the sockets and passes nothing on',
    mustBeSeen:
      'the time limits fire, the silent side is named, and the projector goes on when it answers again',
    invariants: ['I17'],
    tests: [
      ...inFile(
        'faults/silent-postgres.stack.test.ts',
        'an idle projector notices that the legacy database is silent',
        'a silent canonical database is named',
      ),
      ...inFile('lib/silent-connection.pg.test.ts', 'a statement on a connection that fell silent ends'),
    ],
    lacks: 'no half-open connection to Kafka',
  },
  {
    id: 'F09',
    fault: 'the stored offset is out of the topic’s range',
    injected:
      'records are deleted before they were read; the stored offset is moved beyond the end; the end is cut off the log',
    mustBeSeen:
      'the projector stops with OFFSET_OUT_OF_RANGE, TOPIC_TRUNCATED or TOPIC_CUT, and commits nothing',
    invariants: ['I1', 'I14'],
    tests: [
      ...inFile(
        TOPIC,
        'a stored offset beyond the end of the topic: it stops',
        'records deleted before they were read: a running projector stops',
        'the beginning of the topic is gone and nothing was projected yet',
      ),
      ...inFile('faults/cut.stack.test.ts', 'a partition loses its end and grows again while nobody looks'),
    ],
  },
  {
    id: 'F10',
    fault: 'the group’s offsets are deleted, rewound, or ahead of Postgres',
    injected:
      'the group is set back to 0, deleted, and set five offsets ahead; Postgres is set back by ten offsets a partition',
    mustBeSeen: 'the offset in Postgres wins; the lost commits are projected again',
    invariants: ['I1', 'I3', 'I7'],
    tests: [
      ...inFile(
        GROUP,
        'F10: the group’s offsets are rewound, or deleted',
        'F10: the group’s offsets are ahead of Postgres',
      ),
      ...inFile(RESTARTS, 'Postgres has lost its last commits, as after a failover'),
    ],
  },
  {
    id: 'F11',
    fault: 'the topic is deleted and made again',
    injected: 'topics, slot and stored offsets are removed, and the connector begins anew',
    mustBeSeen: 'TOPIC_RECREATED, until a person accepts the new topic',
    invariants: ['I14'],
    tests: [
      ...inFile(TOPIC, 'a topic that was made again: it stops, until a person says'),
      ...inFile('batch/topic-identity.pg.test.ts', 'that is no longer the current one changes nothing more'),
    ],
    lacks: 'not while a projector runs',
  },
  {
    id: 'F12',
    fault: 'the number of partitions changes',
    injected: 'a partition is added by the admin interface',
    mustBeSeen: 'PARTITIONS_CHANGED, and nothing is projected',
    invariants: ['I4', 'I5'],
    tests: inFile(TOPIC, 'partitions were added, and then the topic is gone'),
    lacks: 'not while a projector runs',
  },
  {
    id: 'F13',
    fault: 'rebalances in a long batch, a stalled event loop, a storm of rebalances',
    injected:
      'projectors come and go while rows come; an assignment waits for a lock while the group rebalances',
    mustBeSeen: 'each record has its effect once, and the partitions are shared again',
    invariants: ['I8', 'I17'],
    tests: defined(
      PROJECTORS,
      'faults/several-projectors.ts',
      'projectors share the partitions while they come and go',
      'a rebalance while an assignment waits for Postgres',
    ),
    lacks: 'no stalled event loop, and no storm',
  },
  {
    id: 'F14',
    fault: 'a zombie: stopped in a transaction, taken over, continued',
    injected: 'SIGSTOP with a transaction in hand and between two transactions, a successor, SIGCONT',
    mustBeSeen: 'the successor waits 20 s at most; the zombie commits nothing more and ends with FENCED',
    invariants: ['I2', 'I8', 'I17'],
    tests: [
      ...defined(
        PROJECTORS,
        'faults/fence.ts',
        'a projector that is stopped with a transaction in hand',
        'a projector that is stopped between two transactions',
        'a projector whose partitions are taken by one that is not in its group',
      ),
      ...inFile(FENCING, 'commits nothing: neither effects nor offset'),
    ],
  },
  {
    id: 'F15',
    fault: 'several projectors, on the same and on other partitions',
    injected: 'two and three projectors of one group; six replays beside a projector',
    mustBeSeen: 'one epoch per partition, and each row once',
    invariants: ['I8'],
    tests: [
      ...defined(PROJECTORS, 'faults/several-projectors.ts', 'more projectors than partitions are no error'),
      ...inFile(
        FENCING,
        'a projector and six replays: together they write each row once',
        'two sessions with the very same claim: one commits',
      ),
    ],
  },
  {
    id: 'F16',
    fault: 'the same record twice, ten times, and the whole topic again',
    injected: 'the bytes are produced again; `replay` reads the whole topic after every fault',
    mustBeSeen: 'no content changes, and the records count as duplicate or stale',
    invariants: ['I3'],
    tests: [
      ...inFile(
        'stream/running-service.stack.test.ts',
        'the same records a second time, as Debezium may write them after a crash',
        'a replay parks nothing twice',
      ),
      ...inFile('stream/snapshot-and-stream.stack.test.ts', 'a second run and a replay change nothing'),
    ],
  },
  {
    id: 'F17',
    fault: 'records of different keys in another order',
    injected:
      'each message of `World` is projected in shuffled orders and other batches; 2,100 histories from seeds',
    mustBeSeen: 'the same outcome',
    invariants: ['I5'],
    tests: [
      ...inFile('batch/random-histories.pg.test.ts', 'after any history, a complete image settles its row'),
      ...inFile('batch/order.pg.test.ts', 'many events of many keys in one batch'),
    ],
  },
  {
    id: 'F18',
    fault: 'an older event of a key behind a newer one',
    injected: 'a whole topic is read again; statements are given an event that lies before the last',
    mustBeSeen: 'it counts as stale, and neither position nor content moves',
    invariants: ['I4', 'I11'],
    tests: [
      ...inFile(
        'batch/order.pg.test.ts',
        'counts the newest event of a key as duplicate and those before it as stale',
      ),
      ...inFile(
        'batch/second-guard.pg.test.ts',
        'by an event before the last is refused',
        'that lies before the last moves neither position nor hash',
      ),
    ],
  },
];
