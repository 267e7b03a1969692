import { createHash } from 'node:crypto';

/** The values that both writers of a run record alike, so that a legacy row and its live twin must share them. */
export interface Fingerprinted {
  readonly headline: string | null;
  readonly totalDurationMs: number | null;
  readonly passing: boolean;
}

/**
 * A hash over headline, duration and verdict, equal to `history_cdc.run_fingerprint` in Postgres. A difference between
 * the two would separate every twin from its live row. The legacy table stores a duration of 0 as NULL.
 */
export function fingerprintOf({ headline, totalDurationMs, passing }: Fingerprinted): string {
  const duration = totalDurationMs === null || totalDurationMs === 0 ? '' : String(totalDurationMs);
  return hash(`${passing ? 'passing ' : 'other '}${duration}${headline === null ? '' : ` =${headline}`}`);
}

const JSON_NULL = Buffer.from('null');

/** `profile` is Postgres's own jsonb text. It is null if there is no profile, which a JSON null also means. */
export function profileHashOf(profile: Buffer | null): string | null {
  return profile === null || profile.equals(JSON_NULL) ? null : hash(profile);
}

const WEAK = new Set(
  [true, false].map((passing) => fingerprintOf({ headline: null, totalDurationMs: null, passing })),
);

/** True if the run has neither headline nor duration. The rest is too little to tell two runs apart. */
export function isWeak(fingerprint: string): boolean {
  return WEAK.has(fingerprint);
}

/** MD5 as a UUID: nothing secret depends on it, and Postgres has it without an extension. */
function hash(text: string | Buffer): string {
  const hex = createHash('md5').update(text).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
