import { inFile, type Fault } from './fault.ts';

const KILLED = 'faults/slow/killed-connect.stack.test.ts';
const WATCHDOG = 'watchdog/watchdog.stack.test.ts';
const REAL = 'doctor/real.stack.test.ts';
const SNAPSHOT = 'snapshot/snapshot.stack.test.ts';
const WINDOW = 'faults/slow/snapshot-window.stack.test.ts';
const RESTARTS = 'faults/restarts.stack.test.ts';

/** The source and the connector: slot, publication, snapshots, signals. */
export const SOURCE_AND_CONNECTOR: readonly Fault[] = [
  {
    id: 'F19',
    fault: 'an LSN lower than the partition’s highest, new for its key',
    injected:
      'records whose LSNs do not rise with their offsets; rows of an incremental snapshot, which have none',
    mustBeSeen: 'they are applied',
    invariants: ['I1', 'I4'],
    tests: [
      ...inFile('batch/order.pg.test.ts', 'an incremental snapshot row, which carries no LSN'),
      ...inFile('batch/random-histories.pg.test.ts', 'after any history, a complete image settles its row'),
    ],
  },
  {
    id: 'F20',
    fault: 'an update in flight over a snapshot’s chunk',
    injected: 'an update and a delete in a transaction that is open over a whole incremental snapshot',
    mustBeSeen: 'the row comes as it was read, and then the update and the delete are applied over it',
    invariants: ['I1', 'I4'],
    tests: inFile(WINDOW, 'F20: a transaction is open over the whole snapshot'),
  },
  {
    id: 'F21',
    fault: 'COPY rows that share one LSN, and Kafka Connect killed inside the group',
    injected:
      'COPY of 2,000 rows whose rows share LSNs by the page; SIGKILL of Kafka Connect when 1, 700 and 1,600 of them are in the topic',
    mustBeSeen: 'no row is missing, or `reconcile` names each one',
    invariants: ['I1'],
    tests: [...inFile(KILLED, 'F21: COPY ')],
  },
  {
    id: 'F22',
    fault: 'the COMMIT’s LSN equals the next change’s, over a restart',
    injected:
      'a long transaction commits behind short ones while Kafka Connect is down, and short ones follow at once',
    mustBeSeen: 'all rows arrive',
    invariants: ['I1'],
    tests: [...inFile(KILLED, 'F22: a long transaction ends behind a short one')],
    lacks: 'that two LSNs were equal is not asserted',
  },
  {
    id: 'F23',
    fault: 'Kafka Connect killed between the broker’s acknowledgement and the flush of its offsets',
    injected: 'SIGKILL of Kafka Connect as soon as the broker has 200 rows',
    mustBeSeen: 'duplicates and nothing else',
    invariants: ['I3'],
    tests: [...inFile(KILLED, 'F23: Kafka Connect is killed before it has stored')],
    lacks: 'that the duplicates are there before the replay',
  },
  {
    id: 'F24',
    fault: 'the task FAILED while its connector says RUNNING',
    injected: 'a broken task in a running worker; a topic that refuses the records',
    mustBeSeen: 'the watchdog looks at the task, restarts it, and says when it gives up',
    invariants: ['I17'],
    tests: [
      ...inFile(WATCHDOG, 'a failed task is restarted, and the rows come; so often and no more'),
      ...inFile(
        REAL,
        'a data topic with another retention, clean-up and message limit, at which the task fails',
      ),
    ],
  },
  {
    id: 'F25',
    fault: 'two connectors on one slot',
    injected: 'not yet',
    mustBeSeen: 'refused or alarmed, never shared silently',
    invariants: ['I14'],
    tests: [],
    lacks: 'no test',
  },
  {
    id: 'F26',
    fault: 'the slot dropped and made again, or advanced by hand',
    injected: '`pg_drop_replication_slot`, `pg_replication_slot_advance` under a real connector',
    mustBeSeen: 'projector and connector stop; a gap is open until it is accepted, read again and proven',
    invariants: ['I14'],
    tests: [
      ...inFile(
        WATCHDOG,
        'a slot that somebody advanced: it stops, and neither it nor the connector goes on',
        'accepted, it goes on with the gap open; what is read again and then proven closes it',
      ),
      ...inFile('connectors/connector-faults.stack.test.ts', 'a slot that was dropped and made again'),
      ...inFile(REAL, 'continuity: somebody advanced the slot, and the rows in between are read again'),
    ],
  },
  {
    id: 'F27',
    fault: 'the slot is lost to the WAL limit',
    injected: 'not yet',
    mustBeSeen: 'alarm at `extended`, halt at `lost`',
    invariants: ['I14', 'I17'],
    tests: [],
    lacks: 'no test',
  },
  {
    id: 'F28',
    fault: 'an idle captured table beside a busy neighbour',
    injected: 'the heartbeat is not published',
    mustBeSeen: 'without heartbeat an alarm, with it bounded WAL',
    invariants: ['I17'],
    tests: inFile(
      REAL,
      'heartbeat-arrives: connector and task say RUNNING, and the heartbeat is not published',
    ),
    lacks: 'nobody writes beside it',
  },
  {
    id: 'F29',
    fault: 'the source stops at once and recovers from a crash',
    injected: 'SIGQUIT of Postgres, which holds source and ledger, while transactions are in hand',
    mustBeSeen: '`/readyz` says so until it is back; nothing is lost',
    invariants: ['I3', 'I14'],
    tests: inFile(RESTARTS, 'Postgres crashes while transactions are in hand'),
  },
  {
    id: 'F30',
    fault: 'the source replaced by a restored older copy',
    injected: 'recorded identities are compared with those of another server',
    mustBeSeen: 'a gap of the kind system or timeline, and the projector stops',
    invariants: ['I14'],
    tests: inFile(
      'watchdog/gaps.pg.test.ts',
      'each part is recorded when it is first seen, and compared from then on',
    ),
    lacks: 'no copy is restored',
  },
  {
    id: 'F31',
    fault: 'the publication is changed during an open transaction',
    injected: 'a transaction of the legacy database is open over the acceptance of a gap',
    mustBeSeen: 'no proof counts until that transaction has ended',
    invariants: ['I1'],
    tests: inFile(
      'watchdog/gaps.pg.test.ts',
      'while a transaction is open that is older than the acceptance, no proof counts',
    ),
    lacks: 'no publication is changed and no snapshot is read',
  },
  {
    id: 'F32',
    fault: 'the publication is dropped, or the table is taken out of it',
    injected: 'DROP PUBLICATION, ALTER PUBLICATION … DROP TABLE, a table that was swapped',
    mustBeSeen: 'the projector stops with a gap; the connector is not resumed',
    invariants: ['I14'],
    tests: [
      ...inFile(WATCHDOG, 'a publication that was dropped and made again: it stops'),
      ...inFile(
        'watchdog/base-line.pg.test.ts',
        'a table that was taken out and put back between two looks is a break',
      ),
    ],
  },
  {
    id: 'F33',
    fault: 'the query of a snapshot’s chunk fails',
    injected: '`pg_cancel_backend` on the connector’s session while it reads a chunk',
    mustBeSeen: 'the snapshot does not end as a success, and the next one reads everything',
    invariants: ['I1'],
    tests: inFile(WINDOW, 'F33: the query of a chunk is cancelled'),
  },
  {
    id: 'F34',
    fault: 'changes inside a snapshot’s window, and kills at each of its steps',
    injected:
      'an update, a delete and an insert while the chunk’s SELECT waits inside its window; SIGKILL of Kafka Connect inside the window and between two chunks',
    mustBeSeen:
      'what was read of a changed row is dropped; the row ends as the source has it; the snapshot comes to its end',
    invariants: ['I1', 'I4', 'I11'],
    tests: [
      ...inFile(
        WINDOW,
        'F34: rows change while the chunk',
        'F34: Kafka Connect is killed while the snapshot',
      ),
      ...inFile(SNAPSHOT, 'over a restart of Kafka Connect it goes on where it was'),
    ],
  },
  {
    id: 'F35',
    fault: 'TRUNCATE',
    injected: 'TRUNCATE of the legacy table under a real connector',
    mustBeSeen: 'SOURCE_TRUNCATED, until a person accepts that very truncate; nothing of ours is removed',
    invariants: ['I11'],
    tests: [
      ...inFile('faults/topic.stack.test.ts', 'the legacy table was truncated: it stops'),
      ...inFile(
        'stream/session.pg.test.ts',
        'that a person accepted is gone past, and nothing of ours is removed',
      ),
    ],
    lacks: 'not inside a snapshot’s window',
  },
  {
    id: 'F36',
    fault: 'a snapshot signalled twice, or overlapping',
    injected: 'a second `snapshot start` while one runs',
    mustBeSeen: 'refused; or both end, and the counts are equal',
    invariants: ['I3'],
    tests: inFile(SNAPSHOT, 'has begun when Debezium says so; a second one is refused'),
    lacks: 'two signals that were written by hand',
  },
  {
    id: 'F37',
    fault: 'a forged signal row or a forged record',
    injected: 'INSERT and produce as a role and a user without the right, on servers with TLS and logins',
    mustBeSeen: 'permission denied; unexpected writers are named by `doctor`',
    invariants: ['I9', 'I15'],
    tests: [
      ...inFile(
        'security/least-roles.pg.test.ts',
        'the operator may command the connector, the projector may not',
      ),
      ...inFile('doctor/signal-writers.pg.test.ts', 'whoever else may command the connector'),
      ...inFile('security/secure-stack.stack.test.ts', 'writes the data topic: not the '),
    ],
  },
];
