import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { OptOutPolicy } from '../../consumers/agent-test-history/rule/classify.ts';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import type { Decoder } from '../../consumers/agent-test-history/record/decode.ts';
import { takeOver, type Claim } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { SessionMode } from '../../consumers/agent-test-history/stream/commit.ts';
import type { BatchResult } from '../../consumers/agent-test-history/batch/result.ts';
import { NO_CHANGES } from '../../consumers/agent-test-history/rule/changes.ts';
import { bystandersOf, everything, type RowTexts } from './fingerprint.ts';
import { openMigratedDatabase, type OpenDatabase } from './migrated-database.ts';
import { CREATE_SAVED, outcome, restore, save, type Outcome, type OwnRows } from './own-rows.ts';
import type { Message } from './records.ts';
import { MATCHING, asRecords, runRecords, TOPIC_ID } from './run-records.ts';
import { shuffleAcrossKeys } from './shuffle.ts';
import { UNACCOUNTED } from './table-rows.ts';
import { Tables, type Row } from './tables.ts';

/** Rows of a batch and an order of keys: what the outcome must not depend on. */
interface Variant {
  readonly rows: number;
  readonly seed?: number;
}
const ONE_BATCH: Variant = { rows: 10_000 };
const OTHER_VARIANTS: readonly Variant[] = [{ rows: 1 }, { rows: 3, seed: 1 }, { rows: 10_000, seed: 2 }];

/**
 * A small world around the projector: the application's tables as a test arranges them, and one partition of the topic.
 * `project` takes messages through the projector in one batch, and holds it to what must hold for any messages:
 * other batches and other orders of the keys come to the same, a dry run reports the same and changes nothing, two
 * replays of all that was ever projected change nothing, no row of anybody else is touched, and every key has its
 * decision. A test that brought a row and never looked at what became of it fails.
 */
export class World extends Tables {
  /** Where its database is, for connections of one's own. */
  readonly url: string;
  readonly superuserUrl: string;
  policy: OptOutPolicy = 'respect';
  /** As the live rows were measured: rows that started before it skip matching. */
  floorUs = MATCHING.floorUs;
  /** When the live path wrote its first row; not set: projected rows stay unnamed. */
  firstLiveUs: (() => bigint | null) | undefined;
  /** The decoder of another run than the usual one. */
  decode: Decoder | undefined;
  #topic: Message[] = [];
  #unseen = new Set<string>();

  constructor({ pool, database }: OpenDatabase) {
    super(pool);
    this.url = database.url;
    this.superuserUrl = database.superuserUrl;
  }

  override async reset(): Promise<void> {
    this.policy = 'respect';
    this.floorUs = MATCHING.floorUs;
    this.decode = undefined;
    this.firstLiveUs = undefined;
    this.#topic = [];
    this.#unseen.clear();
    await super.reset();
    await registerTopic(this.pool, { topicId: TOPIC_ID, name: 'topic', partitions: 4 }, false);
    await this.#claim(1n);
  }

  async project(given: readonly Message[]): Promise<BatchResult> {
    // Copies, so that a message that a test sends twice is two messages.
    const messages = given.map((message) => ({ ...message }));
    const base = BigInt(this.#topic.length) + 1n;
    this.#topic.push(...messages);
    for (const { id, value } of messages) if (value !== null) this.#unseen.add(id ?? 'keyless');
    const own = this.#own();
    const before = await everything(this.pool);
    const dry = await this.#run(messages, base, { mode: { kind: 'dry_run' }, rows: 10_000 });
    expect(await everything(this.pool), 'a dry run changes nothing').toEqual(before);
    const others = await this.#attemptOthers(messages, base, own);
    const { outcome: kept, result } = await this.#attempt(messages, base, ONE_BATCH);
    // What Postgres refuses splits a batch, and the parts of a dry run do not see each other.
    const comparable =
      result.records.quarantined === 0 ? result : { read: result.read, records: result.records };
    expect(dry, 'a dry run reports what the run then does').toMatchObject(comparable);
    for (const other of others) {
      expect(other.outcome, 'batches and the order of keys do not matter').toEqual(kept);
      // Where rows of one cluster come in several batches, the way there is longer.
      if (!this.#hasTwins(result)) expect(other.result, 'nor for what is reported').toEqual(result);
    }
    const after = await everything(this.pool);
    expect(bystandersOf(after, own), 'rows of others stay as they are').toEqual(bystandersOf(before, own));
    await this.#replayTwice(after);
    await this.#account();
    return result;
  }

  /** Reads everything again that was ever projected, without moving the offset. */
  async replay(rows = 10_000): Promise<BatchResult> {
    return await this.#run(this.#topic, 1n, { mode: { kind: 'replay' }, rows });
  }

  /** The same, rolled back. */
  async dryReplay(): Promise<BatchResult> {
    return await this.#run(this.#topic, 1n, { mode: { kind: 'dry_run' }, rows: 10_000 });
  }

  override async ledger(legacyId: string): Promise<Row | undefined> {
    this.#unseen.delete(legacyId);
    return await super.ledger(legacyId);
  }

  override async run(legacyId: string): Promise<Row | undefined> {
    this.#unseen.delete(legacyId);
    return await super.run(legacyId);
  }

  override async quarantined(): Promise<Row[]> {
    this.#unseen.delete('keyless');
    return await super.quarantined();
  }

  assertVerified(): void {
    if (this.#topic.length === 0) throw new Error('the test projected nothing');
    if (this.#unseen.size > 0)
      throw new Error(`the test never looked at what became of ${[...this.#unseen].join(', ')}`);
  }

  #hasTwins({ decisions }: BatchResult): boolean {
    return decisions.twin !== undefined;
  }

  #own(): OwnRows {
    const legacyIds = [...new Set(this.#topic.flatMap(({ id }) => id ?? []))];
    return { legacyIds, runIds: legacyIds.map(canonicalRunId) };
  }

  /** The outcomes of the other variants, each from the state before, which is there again at the end. */
  async #attemptOthers(messages: readonly Message[], base: bigint, own: OwnRows) {
    const others: { outcome: Outcome; result: BatchResult }[] = [];
    // Of a single message there is but one order, and one way to cut it.
    if (messages.length === 1) return others;
    await save(this.pool, own);
    for (const variant of OTHER_VARIANTS) {
      others.push(await this.#attempt(messages, base, variant));
      await restore(this.pool, own);
    }
    return others;
  }

  async #attempt(messages: readonly Message[], base: bigint, { rows, seed }: Variant) {
    const ordered = seed === undefined ? messages : shuffleAcrossKeys(messages, seed);
    const claim = await this.#claim(base);
    const result = await this.#run(ordered, base, { mode: { kind: 'commit', claim }, rows });
    const named = (offset: bigint) => {
      const message = ordered[Number(offset - base)];
      return message === undefined ? `before ${String(offset)}` : `#${String(messages.indexOf(message))}`;
    };
    return { result, outcome: await outcome(this.pool, this.#own(), named) };
  }

  async #claim(base: bigint): Promise<Claim> {
    const start = { topicId: TOPIC_ID, partition: 0, offset: base };
    const { claim, nextOffset } = await takeOver(this.pool, start, 'test');
    expect(nextOffset).toBe(base);
    return claim;
  }

  async #replayTwice(before: RowTexts): Promise<void> {
    for (const rows of [10_000, 1]) {
      expect(await this.replay(rows), 'a replay applies nothing').toMatchObject({
        changes: NO_CHANGES,
        records: { applied: 0 },
        decisions: {},
      });
    }
    expect(await everything(this.pool), 'a replay changes nothing').toEqual(before);
  }

  async #run(messages: readonly Message[], base: bigint, how: { mode: SessionMode; rows: number }) {
    const context = {
      canonical: this.pool,
      legacy: this.pool,
      optOutPolicy: this.policy,
      graceSeconds: 86_400,
      matching: {
        ...MATCHING,
        floorUs: this.floorUs,
        ...(this.firstLiveUs === undefined ? {} : { firstLiveUs: this.firstLiveUs }),
      },
    };
    const decode = this.decode === undefined ? {} : { decode: this.decode };
    return await runRecords({ context, records: asRecords(messages, base), ...decode, ...how });
  }

  async #account(): Promise<void> {
    const seen = this.#topic.flatMap(({ id, value }) => (value === null ? [] : (id ?? [])));
    const { rows } = await this.pool.query<{ what: string }>(UNACCOUNTED, [seen]);
    expect(
      rows.map(({ what }) => what),
      'every key has its decision, every row of ours its key',
    ).toEqual([]);
  }
}

/** A world for the tests of a file, empty at the start of each. */
export function useWorld(): () => World {
  let open: OpenDatabase | undefined;
  let world: World | undefined;
  beforeAll(async () => {
    open = await openMigratedDatabase();
    await open.pool.query(CREATE_SAVED);
    world = new World(open);
  });
  beforeEach(async () => {
    await world?.reset();
  });
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') world?.assertVerified();
  });
  afterAll(async () => {
    await open?.close();
  });
  return () => {
    if (world === undefined) throw new Error('the world is there once beforeAll has run');
    return world;
  };
}
