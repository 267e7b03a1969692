import type { LegacyRun, LiveRun } from './match-twin.ts';

/** An owner's legacy row as a query returns it. */
export interface LegacyRunRow {
  readonly legacy_id: string;
  readonly fingerprint: string;
  readonly profile_hash: string | null;
  readonly organization_id: string;
  /** Microseconds since 1970. */
  readonly started_at_us: string;
}

/** A live row as a query returns it. */
export interface LiveRunRow {
  readonly run_id: string;
  readonly fingerprint: string;
  readonly profile_hash: string | null;
  readonly organization_id: string | null;
  /** Microseconds since 1970. */
  readonly tested_at_us: string;
}

export function legacyRunOf(row: LegacyRunRow): LegacyRun {
  return {
    legacyId: row.legacy_id,
    startedAtUs: BigInt(row.started_at_us),
    fingerprint: row.fingerprint,
    profileHash: row.profile_hash,
    organizationId: row.organization_id,
  };
}

export function liveRunOf(row: LiveRunRow): LiveRun {
  return {
    runId: row.run_id,
    testedAtUs: BigInt(row.tested_at_us),
    fingerprint: row.fingerprint,
    profileHash: row.profile_hash,
    organizationId: row.organization_id,
  };
}
