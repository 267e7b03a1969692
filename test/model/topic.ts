import type { SourceEvent } from '../../consumers/agent-test-history/record/event.ts';
import {
  COMMITTED_AT_MS,
  deleted,
  inserted,
  snapshotOf,
  tombstone,
  updated,
  type Message,
} from '../support/records.ts';
import { asRecords, jsonDecoder, TOPIC_ID } from '../support/run-records.ts';
import { LEAVABLE, type Image } from './history.ts';
import { EPOCH_US, legacyIdOf, legacyRowOf, PARTITIONS } from './names.ts';

/** A change as the source committed it, or a row as a snapshot read it. */
export interface Change {
  readonly row: number;
  readonly partition: number;
  readonly op: 'c' | 'u' | 'd' | 'r';
  /** Null for a delete. */
  readonly image: Image | null;
  readonly leftOut: readonly (typeof LEAVABLE)[number][];
  readonly committedAtUs: number;
}

/** A change, or the tombstone behind a delete, at its place in the topic. */
export interface Placed {
  readonly message: Message;
  readonly change: Change | null;
  event?: SourceEvent;
}

const START_US = EPOCH_US + 300_000_000;
const HOUR_US = 3_600_000_000;

/** The source's log, the connector that reads it, and the topic. */
export class Topic {
  readonly partitions: readonly Placed[][] = Array.from({ length: PARTITIONS }, () => []);
  #nowUs = START_US;
  /** Committed changes in order, and how many of them the connector has sent. */
  readonly #log: Change[] = [];
  #sent = 0;

  get isBehind(): boolean {
    return this.#sent < this.#log.length;
  }

  anHourLater(): void {
    this.#nowUs += HOUR_US;
  }

  committed(change: Omit<Change, 'committedAtUs'>): void {
    this.#log.push({ ...change, committedAtUs: this.#nowUs });
  }

  sendNext(): Change | undefined {
    const change = this.#log[this.#sent];
    if (change === undefined) return undefined;
    this.#sent++;
    this.#send(change);
    return change;
  }

  /** The connector was restarted: it sends again what it had not confirmed. */
  sendAgain(events: number): void {
    for (const change of this.#log.slice(Math.max(0, this.#sent - events), this.#sent)) this.#send(change);
  }

  /** A snapshot reads the row as it is now; the changes behind which the connector is come afterwards. */
  read(row: number, { partition, image }: { partition: number; image: Image }): void {
    this.#send({ row, partition, image, op: 'r', leftOut: [], committedAtUs: this.#nowUs });
  }

  async events(partition: number, from: number, to: number): Promise<SourceEvent[]> {
    const all = this.partitions[partition] ?? [];
    return await Promise.all(
      all
        .slice(from, to)
        .map(
          async (placed, index) =>
            (placed.event ??= await decoded(placed, { partition, offset: from + index })),
        ),
    );
  }

  #send(change: Change): void {
    const placed = this.partitions[change.partition];
    placed?.push({ message: messageOf(change), change });
    if (change.op === 'd') placed?.push({ message: tombstone(legacyIdOf(change.row)), change: null });
  }
}

function messageOf({ row, op, image, leftOut, committedAtUs }: Change): Message {
  if (image === null) return committedAt(deleted(legacyIdOf(row)), committedAtUs);
  const values = legacyRowOf(row, image);
  const message =
    op === 'r' ? snapshotOf(values) : op === 'c' ? inserted(values) : updated(values, ...leftOut);
  return committedAt(message, committedAtUs);
}

/** The support's records have one time; here it matters. */
function committedAt(message: Message, us: number): Message {
  const text = String(message.value).replace(
    `"ts_ms":${String(COMMITTED_AT_MS)}`,
    `"ts_ms":${String(us / 1000)}`,
  );
  return { ...message, value: Buffer.from(text) };
}

async function decoded({ message }: Placed, at: { partition: number; offset: number }): Promise<SourceEvent> {
  const records = asRecords([message], BigInt(at.offset));
  const [event] = await jsonDecoder(records, { topicId: TOPIC_ID, partition: at.partition });
  if (event === undefined) throw new Error('a record gave no event');
  return event;
}
