import { createHash } from 'node:crypto';

/** What both writers of one run record alike, and what a legacy row and its live twin must therefore share. */
export interface Fingerprinted {
  readonly headline: string | null;
  readonly totalDurationMs: number | null;
  readonly passing: boolean;
}

/**
 * A hash over headline, duration and verdict, as `history_cdc.run_fingerprint` computes it in Postgres: a difference
 * between the two would keep every twin from its live row. The legacy table stores a duration of 0 as NULL.
 */
export function fingerprintOf({ headline, totalDurationMs, passing }: Fingerprinted): string {
  const duration = totalDurationMs === null || totalDurationMs === 0 ? '' : String(totalDurationMs);
  return hash(`${passing ? 'passing ' : 'other '}${duration}${headline === null ? '' : ` =${headline}`}`);
}

const JSON_NULL = Buffer.from('null');

/** `profile` is Postgres's own jsonb text; null where there is no profile, which is what a JSON null means. */
export function profileHashOf(profile: Buffer | null): string | null {
  return profile === null || profile.equals(JSON_NULL) ? null : hash(profile);
}

const WEAK = new Set(
  [true, false].map((passing) => fingerprintOf({ headline: null, totalDurationMs: null, passing })),
);

/** True without headline and duration: too little to tell two runs apart by. */
export function isWeak(fingerprint: string): boolean {
  return WEAK.has(fingerprint);
}

/** MD5 as a UUID: no secret depends on it, and Postgres has it without an extension. */
function hash(text: string | Buffer): string {
  const hex = createHash('md5').update(text).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
