/**
 * The invariants that hold after every fault (`expectInvariants`), and how the check looks at each of them. An
 * invariant that the check can only see from one side says so.
 */
export const INVARIANTS = {
  I1: 'every legacy row that ever was has one decision, and no decision is of a row that never was; each decision is the one that plain SQL gives; every key in the topic is in the ledger or in the quarantine',
  I2: 'no canonical row stands for two legacy rows, and the rows of ours are exactly those that plain SQL over the application’s tables expects',
  I3: 'a replay of the whole topic changes no row of any table',
  I4: 'the ledger stands at the newest event of each key in the topic, or that event is parked; the canonical row says what the legacy row says now',
  I5: 'the canonical rows are those that plain SQL expects, in whatever order and however often the records came',
  I6: 'no decision and no parked record lies at or behind the stored offset of its partition, and none of an applied record is missing before it',
  I7: 'no consumer group of the projector has committed an offset beyond the one in Postgres',
  I8: 'the epoch of no partition ever goes back',
  I9: 'no canonical row of ours belongs to a user who is no owner, and none is without its proof in the ledger',
  I10: 'the rows that the application itself had in the canonical tables are as they were, every column',
  I11: 'no row that is gone counts as there, and no row that is there counts as gone',
  I12: 'no column of a row of ours holds the placeholder of a value that was left out',
  I13: 'no run has two visible canonical rows: ours and a live one',
  I14: 'the heartbeat’s counter arrived without a hole, up to the one that the source holds; the slot is not confirmed beyond what Kafka Connect has stored; no gap is open that the test did not make',
  I15: 'records read = applied + duplicate + stale + tombstones + parked, in every run and in a replay of the whole topic',
  I16: 'what a replay of the topic computes is what stands in the tables; a rebuild from nothing is compared where the test says so',
  I17: 'every partition is at its end within a minute, the slot holds back no more than 128 MB of WAL, and more than nothing was applied',
  I18: 'every decision names topic, partition, offset, operation and rule version, and that offset is in the topic',
} as const;

export type Invariant = keyof typeof INVARIANTS;

/** One thing that does not hold, and the invariant that it breaks. */
export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
}
