import { v5 as uuidV5 } from 'uuid';

/**
 * The namespace of our canonical ids. It must never change: because of it, every retry and every replay produces the
 * same id.
 */
const CANONICAL_RUN_NAMESPACE = '5c0d4a5e-8f5b-4b0e-9c3a-7d1f6f2b9e44';

/** The id of the canonical row that we write for a legacy row. */
export function canonicalRunId(legacyId: string): string {
  return uuidV5(legacyId, CANONICAL_RUN_NAMESPACE);
}
