import type { Config } from '../../lib/config.ts';
import type { Paste } from '../../lib/quoting.ts';
import type { Services } from '../facts/services.ts';

/**
 * What a deployment leaves on the servers, in the order in which it is taken away. The connector goes before its slot, and
 * the slot goes right after it: the server keeps all WAL for a slot that nobody reads, until its disk is full.
 */
export const PART_IDS = [
  'stored-offset',
  'connector',
  'slot',
  'publication',
  'source-tables',
  'fence',
  'role',
  'topics',
  'subjects',
  'group',
  'ledger',
] as const;
export type PartId = (typeof PART_IDS)[number];

export interface Site {
  readonly services: Services;
  readonly config: Config;
  /** Writes a line about the work. */
  readonly note: (line: string) => void;
}

export interface Obstacle {
  readonly why: string;
  /** What a person with more rights can run instead. */
  readonly byHand?: Paste;
}

export interface Found {
  /** The names of what is there; empty if there is nothing. */
  readonly things: readonly string[];
  /** Known beforehand: the command cannot take it away. */
  readonly obstacle?: Obstacle | undefined;
  /** Why it is not for this command to take away. It does not count as left. */
  readonly kept?: string | undefined;
}

export interface Part {
  /** These must have been seen to be gone before this part is touched. */
  readonly after: readonly PartId[];
  /** These must have been seen, and nothing may keep the command from taking them away. */
  readonly togetherWith: readonly PartId[];
  readonly look: (site: Site) => Promise<Found>;
  /** Returns when it is gone. */
  readonly remove: (site: Site, found: Found) => Promise<void>;
}

/** Something that a removal met: it stays, and a person can do what `byHand` says. */
export class Blocked extends Error {
  override readonly name = 'Blocked';
  readonly byHand: Paste | undefined;

  constructor({ why, byHand }: Obstacle, cause?: unknown) {
    super(why, { cause });
    this.byHand = byHand;
  }
}

export const NOTHING: Found = { things: [] };
