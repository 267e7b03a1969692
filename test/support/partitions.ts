import { afterAll, beforeAll, beforeEach } from 'vitest';
import { registerTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import {
  storedOffsets,
  takeOver,
  type Claim,
  type StoredOffset,
} from '../../consumers/agent-test-history/batch/offsets.ts';
import type { PipelineContext } from '../../consumers/agent-test-history/pipeline.ts';
import type { Pool } from '../../lib/postgres.ts';
import { openMigratedDatabase, type OpenDatabase } from './migrated-database.ts';
import { aRow, type Message, type RowValues } from './records.ts';
import { MATCHING, asRecords, TOPIC_ID, type SessionRun } from './run-records.ts';
import { Tables, type Owner } from './tables.ts';

interface Held {
  readonly claim: Claim;
  readonly nextOffset: bigint;
}

/** Tables with one owner, and partitions of the topic that nobody holds yet: for tests of who may commit what. */
export class Partitions extends Tables {
  readonly url: string;
  #owner: Owner | undefined;

  constructor({ pool, database }: OpenDatabase) {
    super(pool);
    this.url = database.url;
  }

  override async reset(): Promise<void> {
    await super.reset();
    await registerTopic(this.pool, { topicId: TOPIC_ID, name: 'topic', partitions: 4 }, false);
    this.#owner = await this.owner();
  }

  /** Another row of the owner. */
  ownersRow(): RowValues {
    return aRow({ agent_context_id: this.#theOwner.context, user_id: this.#theOwner.user });
  }

  async claim(projector: string, partition = 0, topicId = TOPIC_ID): Promise<Held> {
    return await takeOver(this.pool, { topicId, partition, offset: 0n }, projector);
  }

  contextOn(canonical: Pool): PipelineContext {
    return { canonical, legacy: this.pool, optOutPolicy: 'respect', matching: MATCHING };
  }

  /** What a session does that holds a claim, over `canonical` where that is not the ordinary pool. */
  commit(messages: readonly Message[], { claim, nextOffset }: Held, canonical: Pool = this.pool) {
    return {
      context: this.contextOn(canonical),
      records: asRecords(messages, nextOffset),
      mode: { kind: 'commit', claim },
      rows: 10_000,
      topicId: claim.topicId,
      partition: claim.partition,
    } as const satisfies SessionRun;
  }

  async stored(partition = 0): Promise<Omit<StoredOffset, 'lastBatch'> | undefined> {
    const stored = (await storedOffsets(this.pool, TOPIC_ID)).get(partition);
    return stored && { nextOffset: stored.nextOffset, epoch: stored.epoch };
  }

  /** How many decisions and canonical rows the owner has. */
  async effects(): Promise<unknown> {
    const { rows } = await this.pool.query(
      `SELECT (SELECT count(*)::int FROM history_cdc.ledger WHERE user_id = $1) AS decisions,
              (SELECT count(*)::int FROM public.agent_compliance_runs
               WHERE observations_json ->> 'backfill_user_id' = $1) AS runs`,
      [this.#theOwner.user],
    );
    return rows[0];
  }

  get #theOwner(): Owner {
    if (this.#owner === undefined) throw new Error('the owner comes with the reset');
    return this.#owner;
  }
}

/** Partitions for the tests of a file, untouched at the start of each. */
export function usePartitions(): () => Partitions {
  let open: OpenDatabase | undefined;
  let partitions: Partitions | undefined;
  beforeAll(async () => {
    open = await openMigratedDatabase(12);
    partitions = new Partitions(open);
  });
  beforeEach(async () => {
    await partitions?.reset();
  });
  afterAll(async () => {
    await open?.close();
  });
  return () => {
    if (partitions === undefined) throw new Error('the partitions are there once beforeAll has run');
    return partitions;
  };
}
