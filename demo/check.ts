import { createHash } from 'node:crypto';
import type { Pool } from '../lib/postgres.ts';
import { demoSql } from './generate.ts';

/**
 * One check and its result. `expected` and `found` are the compared values, as text. A check that looked at nothing has
 * failed.
 */
export interface Check {
  readonly id: string;
  readonly claim: string;
  readonly expected: string;
  readonly found: string;
  readonly lookedAt: number;
  readonly passed: boolean;
}

/** Passes if the found value is the expected one, and if there was something to look at. */
export function checkOf(facts: Omit<Check, 'passed'>): Check {
  return { ...facts, passed: facts.expected === facts.found && facts.lookedAt > 0 };
}

interface CheckRow {
  readonly id: string;
  readonly claim: string;
  readonly expected: string;
  readonly found: string;
  readonly looked_at: number;
}

/**
 * The independent check of the ledger and the canonical tables. It shares no code with the projector: it has the rules
 * in its own SQL, computes the ids itself, and gets from the generator what each row must become.
 */
export async function runChecks(pool: Pool, placeholder: string): Promise<Check[]> {
  await pool.query(demoSql('judge'));
  const { rows } = await pool.query<CheckRow>(demoSql('checks'), [placeholder]);
  const window = await pool.query<CheckRow>(demoSql('window-checks'));
  return [
    ...[...rows, ...window.rows].map(({ looked_at, id, claim, expected, found }) =>
      checkOf({ id, claim, expected, found, lookedAt: looked_at }),
    ),
    await checkIds(pool),
  ];
}

/** RFC 9562, version 5: the first 16 bytes of SHA-1 over namespace and name, with version and variant set. */
export function nameBasedUuid(namespace: string, name: string): string {
  const bytes = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The namespace must never change: with another namespace, a replay would give the runs second ids. */
const NAMESPACE = '5c0d4a5e-8f5b-4b0e-9c3a-7d1f6f2b9e44';
const IDS_AT_ONCE = 50_000;

async function checkIds(pool: Pool): Promise<Check> {
  let lookedAt = 0;
  let right = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await pool.query<{ legacy_id: string; canonical_run_id: string }>(
      `SELECT legacy_id, canonical_run_id FROM history_cdc.ledger
       WHERE decision = 'projected' AND legacy_id > $1 ORDER BY legacy_id LIMIT $2`,
      [after, IDS_AT_ONCE],
    );
    lookedAt += rows.length;
    right += rows.filter((row) => row.canonical_run_id === nameBasedUuid(NAMESPACE, row.legacy_id)).length;
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.legacy_id;
  }
  return checkOf({
    id: 'ids-derived',
    claim: 'each canonical id follows from its legacy id (UUIDv5), so no retry can mint a second one',
    expected: String(lookedAt),
    found: String(right),
    lookedAt,
  });
}

/** Everything that a run of the projector could change: one hash over the canonical table, and one over the ledger. */
export interface StateHash {
  readonly rows: number;
  readonly canonical: string;
  readonly ledger: string;
}

export async function hashState(pool: Pool): Promise<StateHash> {
  const { rows } = await pool.query<StateHash>(`
    SELECT count(*)::integer AS rows, md5(string_agg(md5(r::text), '' ORDER BY id)) AS canonical,
           (SELECT md5(string_agg(md5(l::text), '' ORDER BY legacy_id)) FROM history_cdc.ledger l) AS ledger
    FROM agent_compliance_runs r`);
  const [hash] = rows;
  if (hash === undefined) throw new Error('an aggregate gave no row');
  return hash;
}
