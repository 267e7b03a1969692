import type { Client } from '../../lib/postgres.ts';

/** What only a person knows. */
export const ATTESTABLE = ['reading-canonical', 'third-party-plan'] as const;
export type Attestable = (typeof ATTESTABLE)[number];

/** The newest row of a condition in `history_cdc.attestation`, where it was not revoked. */
export interface Attestation {
  readonly id: string;
  readonly condition: Attestable;
  readonly at: Date;
  readonly performedBy: string;
  /** Since when it is so, as the person says. */
  readonly since: Date;
  readonly note: string;
}

const STANDING = `
  SELECT id::text, condition, at, performed_by AS "performedBy", since, note
  FROM (SELECT DISTINCT ON (condition) * FROM history_cdc.attestation ORDER BY condition, id DESC) AS newest
  WHERE NOT revoked`;

export async function readAttestations(client: Client): Promise<readonly Attestation[]> {
  return (await client.query<Attestation>(STANDING)).rows;
}
