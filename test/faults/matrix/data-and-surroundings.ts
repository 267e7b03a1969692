import { inFile, type Fault } from './fault.ts';

const CANONICAL = 'faults/slow/canonical-postgres.stack.test.ts';
const QUARANTINE = 'batch/quarantine.pg.test.ts';
const CHANGED_KEY = 'batch/changed-key.pg.test.ts';
const LEFT_OUT = 'batch/left-out.pg.test.ts';
const MAPPING = 'batch/mapping.pg.test.ts';
const CHANGED_SOURCE = 'stream/changed-source.stack.test.ts';

/** Rows, records and values; Postgres and the machine around us. */
export const DATA_AND_SURROUNDINGS: readonly Fault[] = [
  {
    id: 'F38',
    fault: 'the primary key changed by UPDATE; a delete and a re-insert of the same key',
    injected: 'SQL under a real connector, in both converters; the records in one batch and in many',
    mustBeSeen: 'the canonical row goes to the new key once; a row that comes back counts as there',
    invariants: ['I1', 'I2', 'I11'],
    tests: [
      ...inFile(CHANGED_SOURCE, 'a changed primary key is one run: its canonical row goes to the new key'),
      ...inFile(CHANGED_KEY, 'twice, from key to key to key', 'an old key that is used again'),
      ...inFile('batch/order.pg.test.ts', 'before the row was seen, then a re-insert'),
    ],
  },
  {
    id: 'F39',
    fault: 'TOAST values that an update leaves out',
    injected: 'updates of other columns of rows with 12 kB profiles, under a real connector',
    mustBeSeen: 'the value stays; where nobody has it, the record is parked',
    invariants: ['I12'],
    tests: [
      ...inFile(
        'stream/snapshot-and-stream.stack.test.ts',
        'updates, merges and deletes are projected, with the values',
      ),
      ...inFile(LEFT_OUT, 'and of which nobody has them any more is parked', 'is never stored or hashed'),
    ],
  },
  {
    id: 'F40',
    fault: 'a column that decides ownership is left out, null, missing or unknown',
    injected: 'events of which the user is left out or null; schemas without the column',
    mustBeSeen: 'never an owner: a stranger, nobody, or parked',
    invariants: ['I9', 'I12'],
    tests: [
      ...inFile(LEFT_OUT, 'of which only the user is missing is decided with the user of the table'),
      ...inFile('rule/ownership.pg.test.ts', 'is anonymous, even if such a member exists'),
      ...inFile('record/decode-avro.test.ts', 'by another key stops the projector'),
    ],
  },
  {
    id: 'F41',
    fault: 'the user’s text equals the placeholder',
    injected: 'text that looks like the placeholder in every text column',
    mustBeSeen: 'it keeps its text',
    invariants: ['I12'],
    tests: inFile('record/decode.test.ts', 'whose text only looks like the placeholder keeps its text'),
  },
  {
    id: 'F42',
    fault: 'columns added, dropped, renamed or retyped while the stream runs',
    injected: 'ALTER TABLE under a real connector, in both converters',
    mustBeSeen:
      'an added column changes nothing; a renamed one stops the projector before its first wrong write',
    invariants: ['I1', 'I16'],
    tests: inFile(
      CHANGED_SOURCE,
      'a new column, and one that is dropped and that nobody reads, change nothing',
      'a renamed column stops the projector; the printed way out brings everything back',
    ),
    lacks: 'no column is retyped, and none is changed inside a snapshot',
  },
  {
    id: 'F43',
    fault: 'adjacent integers above 2^53',
    injected: 'LSNs and nanoseconds beyond 2^53 in Avro; 20-digit numbers inside JSON under a real connector',
    mustBeSeen: 'each stays itself. The ids of these tables are UUIDs, so no two rows can fall together',
    invariants: ['I1', 'I2'],
    tests: [
      ...inFile('record/decode-avro.test.ts', '64-bit numbers come out whole: an LSN beyond 2^53'),
      ...inFile('stream/snapshot-and-stream.stack.test.ts', 'the snapshot is projected as plain SQL says'),
    ],
  },
  {
    id: 'F44',
    fault: 'microseconds, infinity, BC, the ends of the range',
    injected: 'timestamps as Debezium writes them, and values at the ends of their types',
    mustBeSeen: 'an exact round trip, or parked',
    invariants: ['I12', 'I16'],
    tests: [
      ...inFile(MAPPING, 'a year before Christ', 'integers reach to the ends of 32 bits'),
      ...inFile(QUARANTINE, 'a delete at a time that no calendar has'),
    ],
  },
  {
    id: 'F45',
    fault: 'malformed records: cut JSON, bad UTF-8, NUL, half a surrogate pair, null key, deep nesting',
    injected: 'bytes that a producer of the test writes beside Debezium’s',
    mustBeSeen: 'parked with position and bytes; the neighbours flow; no crash loop',
    invariants: ['I15'],
    tests: [
      ...inFile(
        QUARANTINE,
        'half of an emoji',
        'a value that is ',
        'a key that is ',
        'behind a record that cannot be decoded',
      ),
      ...inFile(
        'stream/running-service.stack.test.ts',
        'records that cannot be read are parked with their bytes',
      ),
      ...inFile('faults/markers.stack.test.ts', 'a record of 9 MB behind a marker is read'),
    ],
    lacks: 'no record of 20 MB',
  },
  {
    id: 'F46',
    fault: 'a poison row: the canonical table refuses it',
    injected: 'CHECK, unique keys, exclusion, triggers that raise or return NULL, also at the COMMIT',
    mustBeSeen: 'that row is parked alone with the SQLSTATE; later events of its key keep their order',
    invariants: ['I4', 'I15'],
    tests: [
      ...inFile('stream/one-rows-fault.pg.test.ts', 'a trigger that raises'),
      ...inFile(QUARANTINE, 'several of them, among events of the same keys'),
    ],
  },
  {
    id: 'F47',
    fault: 'deadlock, serialisation failure, a race on a unique key, lock timeout',
    injected: 'a second session claims the same canonical id; triggers raise 40001',
    mustBeSeen: 'the whole transaction is tried again, within a bound',
    invariants: ['I2', 'I6'],
    tests: inFile(
      'stream/refused.pg.test.ts',
      'a canonical id that somebody else is just claiming is no fault of the row',
    ),
    lacks: '40P01 and 40001 are not provoked',
  },
  {
    id: 'F48',
    fault: 'the canonical Postgres is full, read-only, or has no connection left',
    injected: '`default_transaction_read_only`; no connection left for the role',
    mustBeSeen: '`/readyz` names 25006 or 53300; the offset does not move; mended, it goes on by itself',
    invariants: ['I6', 'I17'],
    tests: [
      ...inFile(
        CANONICAL,
        'F48: the canonical Postgres is read-only',
        'F48: the canonical Postgres lets nobody in',
      ),
    ],
    lacks: 'no disk is full',
  },
  {
    id: 'F49',
    fault: 'the canonical Postgres loses its last commits in a failover',
    injected:
      'ledger, canonical rows and offsets of the last ten records of each partition are deleted together',
    mustBeSeen: 'the projector seeks back, and they are projected again',
    invariants: ['I1', 'I6'],
    tests: inFile('faults/restarts.stack.test.ts', 'Postgres has lost its last commits, as after a failover'),
    lacks: 'no copy is promoted',
  },
  {
    id: 'F50',
    fault: 'errors of system calls: EIO, ENOSPC, ECONNRESET',
    injected: 'not yet',
    mustBeSeen: 'it stops or goes on, and nothing is damaged',
    invariants: ['I6'],
    tests: [],
    lacks: 'no test',
  },
  {
    id: 'F51',
    fault: 'clocks an hour off, jumping back, equal times',
    injected: 'records with commit times ahead and behind',
    mustBeSeen: 'no decision uses the wall clock',
    invariants: ['I4', 'I13'],
    tests: inFile('batch/random-histories.pg.test.ts', 'after any history, a complete image settles its row'),
    lacks: 'no clock of a process is set off',
  },
  {
    id: 'F52',
    fault: 'the quarantine table is blocked; one huge transaction under little memory',
    injected: 'the quarantine table is locked while a record comes that nobody can read',
    mustBeSeen: 'its partition waits, and it is parked once',
    invariants: ['I6', 'I15'],
    tests: [...inFile(CANONICAL, 'F52: the quarantine is blocked')],
    lacks: 'no huge transaction under little memory',
  },
  {
    id: 'F53',
    fault: 'settings drift: another topic, another converter, another group',
    injected: 'settings of the projector, the connector and the services are changed',
    mustBeSeen: 'the start is refused, by name; `doctor` names what differs',
    invariants: ['I6', 'I14'],
    tests: [
      ...inFile(
        'doctor/real.stack.test.ts',
        'connector-drift: a setting that somebody changed in Kafka Connect',
      ),
      ...inFile('lib/session-settings.pg.test.ts', 'and what we may not set is refused by name'),
    ],
  },
  {
    id: 'F54',
    fault: 'a long run of all of it from a seed',
    injected: '`npm run test:nemesis`; the cutover window with kills, from a seed',
    mustBeSeen: 'no invariant breaks, and progress is made',
    invariants: ['I1', 'I2', 'I13', 'I17'],
    tests: inFile(
      'stream/cutover-window.stack.test.ts',
      'while it goes on, the projector is killed again and again',
    ),
    lacks: 'the nemesis is a command of its own and no test of this run',
  },
];
