/**
 * The stream has no hole in it only while what it stands on stays the same (correctness I14): the server, its timeline,
 * the publication, the slot, and the topic. Each part has an identity, a text that is compared as it is. An identity is
 * recorded only of a part that is fit: a publication that does not publish the table is a break in every look, whatever was
 * recorded, so that neither the base line nor the alarm depends on the moment of the first look.
 *
 * Postgres does not tell when a slot was made. It need not: a slot that was made again stands where the server's WAL was
 * at that moment, beyond the offset that Kafka Connect has stored, by all that was written in between; and one that
 * somebody advanced stands there too. Where it is not beyond that offset, nothing can be missing. So the position is
 * what tells; that a confirmed position moves back tells nothing, because Postgres forgets the newest in a crash.
 */
export const BREAKS = {
  topic: 'the topic was deleted and made again',
  system: 'another server, or one that was set up anew',
  timeline: 'the server was promoted, or restored to a time: what was committed before may be other rows',
  publication: 'what was written before it was made again, or narrowed, may have reached no topic',
  slot: 'without the slot, the server keeps nothing for the connector',
  position: "the slot is ahead of the connector's stored offset: what lies between reaches no topic",
} as const;
export type BreakKind = keyof typeof BREAKS;

/** The parts whose identity is recorded. The topic's is the key under which they are. */
export type Part = Exclude<BreakKind, 'topic'>;

/** The identity of each part that is recorded; of `position`, one that a person has accepted. */
export type Recorded = ReadonlyMap<Part, string>;

/** What is there now. A part that is left out is not known, which is never a break. */
export interface Present {
  /** Null where there is no such topic. */
  readonly topicId?: string | null;
  readonly system?: string;
  readonly timeline?: string;
  /** Null where there is none. */
  readonly publication?: string | null;
  /** Null where there is none, or where the server has removed WAL that it needed. */
  readonly slot?: string | null;
  readonly position?: Position;
  /** Why a part cannot carry the stream, whatever was recorded of it. */
  readonly unfit?: { readonly publication?: string; readonly slot?: string };
}

export interface Position {
  /** Up to which the slot is confirmed; null where there is no slot. */
  readonly confirmed: bigint | null;
  /** From which the connector goes on; null where Kafka Connect has stored none. */
  readonly stored: bigint | null;
}

export interface Break {
  readonly kind: BreakKind;
  readonly evidence: string;
  /** It must be mended before a person can accept it: what is there now carries no stream. */
  readonly mendFirst?: true;
}

const COMPARED = ['system', 'timeline', 'publication', 'slot'] as const;

/** Pure: what is not as it was recorded, and what cannot be sound whatever was recorded. `topicId` is the one projected. */
export function judgeContinuity(topicId: string | undefined, recorded: Recorded, present: Present): Break[] {
  const unpublished = publicationBreak(topicId, recorded, present);
  const breaks = [
    ...topicBreak(topicId, present),
    ...COMPARED.flatMap((part) =>
      part === 'publication' && unpublished !== undefined ? [unpublished] : changed(part, recorded, present),
    ),
  ];
  const lost = positionBreak(recorded, present);
  // A slot that is gone is one break, whether the record tells of it or the stored offset.
  return lost === undefined || breaks.some(({ kind }) => kind === lost.kind) ? breaks : [...breaks, lost];
}

function topicBreak(topicId: string | undefined, present: Present): Break[] {
  if (topicId === undefined || present.topicId === undefined || present.topicId === topicId) return [];
  const found = present.topicId === null ? 'there is none now' : `it is ${present.topicId} now`;
  return [{ kind: 'topic', evidence: `topic id ${topicId} was projected, ${found}` }];
}

/**
 * A publication that does not carry the stream is a break, whatever was recorded. Before the connector has streamed
 * anything, it is none: `connector apply` refuses then.
 */
function publicationBreak(
  topicId: string | undefined,
  recorded: Recorded,
  { unfit, position }: Present,
): Break | undefined {
  const reason = unfit?.publication;
  const inUse = topicId !== undefined || (position?.stored ?? null) !== null;
  if (reason === undefined || !inUse) return undefined;
  const was = recorded.get('publication');
  const before = was === undefined ? '' : `; recorded was "${was}"`;
  return { kind: 'publication', evidence: `${reason}${before}`, mendFirst: true };
}

function changed(part: (typeof COMPARED)[number], recorded: Recorded, present: Present): Break[] {
  const [was, is] = [recorded.get(part), present[part]];
  if (was === undefined || is === undefined || was === is) return [];
  if (isOlderText(part, was, is)) return [];
  const gone = part === 'slot' ? present.unfit?.slot : undefined;
  const found = is === null ? (gone ?? 'it is gone now, or lost') : `it is "${is}" now`;
  return [{ kind: part, evidence: `recorded was "${was}", ${found}` }];
}

/** Earlier records of a publication lack the number of the table's entry. The next sound look records the whole text. */
function isOlderText(part: Part, was: string, is: string | null): boolean {
  return part === 'publication' && was === is?.replace(/, entry \d+$/, '');
}

function positionBreak(recorded: Recorded, { position, publication, slot }: Present): Break | undefined {
  if (position === undefined || position.stored === null) return undefined;
  const text = positionText(position);
  if (recorded.get('position') === text) return undefined;
  if (position.confirmed === null) {
    // Where the publication is not there either, this is hardly the database that the connector reads.
    const isSource = publication != null && slot === null;
    return isSource
      ? { kind: 'slot', evidence: `${text}: the connector would begin anew behind a hole` }
      : undefined;
  }
  const ahead = position.confirmed - position.stored;
  if (ahead <= 0n) return undefined;
  return { kind: 'position', evidence: `${text}: ${ahead.toLocaleString('en')} bytes of WAL lie between` };
}

/** A position as it is recorded when a person accepts it. */
export function positionText({ confirmed, stored }: Position): string {
  const at = confirmed === null ? 'there is no slot' : `the slot is confirmed up to ${lsnText(confirmed)}`;
  return `${at}, Kafka Connect has stored ${stored === null ? 'nothing' : lsnText(stored)}`;
}

/** As Postgres writes it: `16/B374D848`. */
function lsnText(lsn: bigint): string {
  const hex = (part: bigint) => part.toString(16).toUpperCase();
  return `${hex(lsn >> 32n)}/${hex(lsn & 0xffffffffn)}`;
}

/** The parts that are there, and fit to be recorded; a position is recorded by acceptance only. */
export function identitiesOf(present: Present): Map<Part, string> {
  const { unfit } = present;
  const fit = COMPARED.filter(
    (part) => !((part === 'publication' || part === 'slot') && unfit?.[part] !== undefined),
  );
  const found = fit.map((part) => [part, present[part]] as const);
  return new Map(found.filter((entry): entry is [(typeof COMPARED)[number], string] => entry[1] != null));
}

/** What a person accepts with a gap of this kind: the identities that take the place of the recorded ones. */
export function acceptedParts(kind: BreakKind): readonly Part[] {
  if (kind === 'topic') return [];
  return kind === 'slot' ? ['slot', 'position'] : [kind];
}
