/**
 * Asks for Kafka's topic id. kafkajs never asks for it: it uses Metadata up to version 6, and ids came with version 10.
 * One request of that version goes through the connection of kafkajs, so that TLS and SASL stay in one place. Without
 * the id, a topic that was deleted and made again under the same name looks like the old one. Source: the Metadata API
 * in the protocol guide of Apache Kafka.
 */
export interface TopicIdentity {
  /** A lower-case UUID. */
  readonly topicId: string;
  readonly partitions: number;
}

/** The part of kafkajs's connection pool that we use: it sends a request object and returns the parsed answer. */
export interface RequestSender {
  send(exchange: { readonly request: object; readonly response: object }): Promise<unknown>;
}

const METADATA_API_KEY = 3;
const METADATA_VERSION = 10;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
export const NO_TAGS = Buffer.from([0]);

/** Undefined if there is no topic of that name. */
export async function requestTopicIdentity(
  sender: RequestSender,
  topic: string,
): Promise<TopicIdentity | undefined> {
  const body = encodeRequest(topic);
  const answer = await sender.send({
    request: {
      apiKey: METADATA_API_KEY,
      apiVersion: METADATA_VERSION,
      apiName: 'Metadata',
      // The form in which kafkajs expects the result of an encoder.
      encode: () => Promise.resolve({ buf: body, buffer: body }),
    },
    response: {
      decode: (payload: Buffer) => Promise.resolve(decodeAnswer(payload)),
      parse: (decoded: unknown) => Promise.resolve(decoded),
    },
  });
  const { errorCode, identity } = answer as ReturnType<typeof decodeAnswer>;
  if (errorCode === UNKNOWN_TOPIC_OR_PARTITION) return undefined;
  if (errorCode !== 0) throw new Error(`Kafka answered error code ${String(errorCode)} for topic ${topic}`);
  return identity;
}

function encodeRequest(topic: string): Buffer {
  const name = Buffer.from(topic);
  const noTopicId = Buffer.alloc(16);
  const noFlags = Buffer.from([0, 0, 0]); // no auto-creation, no authorized operations of cluster or topic
  return Buffer.concat([
    NO_TAGS, // ends the request header
    unsignedVarint(1 + 1),
    noTopicId,
    unsignedVarint(name.length + 1),
    name,
    NO_TAGS,
    noFlags,
    NO_TAGS,
  ]);
}

function decodeAnswer(payload: Buffer) {
  const reader = new FlexibleReader(payload);
  reader.skipTags(); // ends the response header
  reader.int32(); // throttle time
  for (let brokers = reader.length(); brokers > 0; brokers--) {
    reader.int32();
    reader.string();
    reader.int32();
    reader.string();
    reader.skipTags();
  }
  reader.string(); // cluster id
  reader.int32(); // controller
  if (reader.length() !== 1) throw new Error('Kafka did not answer for exactly one topic');
  const errorCode = reader.int16();
  reader.string(); // name
  const topicId = reader.uuid();
  reader.int8(); // is internal
  return { errorCode, identity: { topicId, partitions: reader.length() } };
}

export function unsignedVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}

/** Reads the flexible ("compact") encoding. Its lengths are unsigned varints, each too large by one. */
export class FlexibleReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#advance(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4));
  }

  length(): number {
    return this.#varint() - 1;
  }

  /** '' if there is none. */
  string(): string {
    const length = Math.max(0, this.length());
    return this.#bytes.toString('utf8', this.#advance(length), this.#at);
  }

  uuid(): string {
    const hex = this.#bytes.toString('hex', this.#advance(16), this.#at);
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  skipTags(): void {
    for (let tags = this.#varint(); tags > 0; tags--) {
      this.#varint();
      this.#advance(this.#varint());
    }
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#advance(1));
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  #advance(bytes: number): number {
    const from = this.#at;
    this.#at += bytes;
    return from;
  }
}
