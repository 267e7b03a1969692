import type { Pool } from '../../lib/postgres.ts';

/** What a projection wrote for some keys: their decisions, canonical rows and parked records. */
export interface Outcome {
  readonly ledger: readonly string[];
  readonly runs: readonly string[];
  readonly quarantine: readonly string[];
  readonly unsettled: readonly string[];
}

export interface OwnRows {
  readonly legacyIds: readonly string[];
  readonly runIds: readonly string[];
}

/** Run once in a test database: a place to keep the state before a projection. */
export const CREATE_SAVED = `
  CREATE SCHEMA saved;
  CREATE TABLE saved.ledger (LIKE history_cdc.ledger);
  CREATE TABLE saved.runs (LIKE public.agent_compliance_runs);
  CREATE TABLE saved.quarantine (LIKE history_cdc.quarantine);
  CREATE TABLE saved.unsettled_twin (LIKE history_cdc.unsettled_twin);
  CREATE TABLE saved.undone (LIKE history_cdc.undone);
  CREATE TABLE saved.key_change (LIKE history_cdc.key_change);
  CREATE TABLE saved.consumer_offset (LIKE history_cdc.consumer_offset)`;

const lists = ({ legacyIds, runIds }: OwnRows) => {
  const list = (ids: readonly string[]) =>
    `ARRAY[${ids.map((id) => `'${id.replaceAll("'", '')}'`).join(',')}]::uuid[]`;
  return { legacy: list(legacyIds), runs: list(runIds) };
};

export async function save(pool: Pool, own: OwnRows): Promise<void> {
  const { legacy, runs } = lists(own);
  await pool.query(`
    DELETE FROM saved.ledger; DELETE FROM saved.runs; DELETE FROM saved.quarantine; DELETE FROM saved.consumer_offset;
    DELETE FROM saved.unsettled_twin; DELETE FROM saved.undone; DELETE FROM saved.key_change;
    INSERT INTO saved.key_change SELECT * FROM history_cdc.key_change;
    INSERT INTO saved.ledger SELECT * FROM history_cdc.ledger WHERE legacy_id = ANY (${legacy});
    INSERT INTO saved.runs SELECT * FROM public.agent_compliance_runs WHERE id = ANY (${runs});
    INSERT INTO saved.quarantine SELECT * FROM history_cdc.quarantine;
    INSERT INTO saved.unsettled_twin SELECT * FROM history_cdc.unsettled_twin;
    INSERT INTO saved.undone SELECT * FROM history_cdc.undone;
    INSERT INTO saved.consumer_offset SELECT * FROM history_cdc.consumer_offset`);
}

/** Back to the state of `save`, as if what was projected since had never been. */
export async function restore(pool: Pool, own: OwnRows): Promise<void> {
  const { legacy, runs } = lists(own);
  await pool.query(`
    DELETE FROM history_cdc.ledger WHERE legacy_id = ANY (${legacy});
    DELETE FROM public.agent_compliance_runs WHERE id = ANY (${runs});
    DELETE FROM history_cdc.quarantine;
    DELETE FROM history_cdc.unsettled_twin; DELETE FROM history_cdc.undone;
    INSERT INTO history_cdc.undone SELECT * FROM saved.undone;
    DELETE FROM history_cdc.key_change; INSERT INTO history_cdc.key_change SELECT * FROM saved.key_change;
    INSERT INTO history_cdc.unsettled_twin SELECT * FROM saved.unsettled_twin;
    INSERT INTO history_cdc.ledger SELECT * FROM saved.ledger;
    INSERT INTO public.agent_compliance_runs SELECT * FROM saved.runs;
    INSERT INTO history_cdc.quarantine OVERRIDING SYSTEM VALUE SELECT * FROM saved.quarantine;
    UPDATE history_cdc.consumer_offset o SET next_offset = s.next_offset
    FROM saved.consumer_offset s WHERE (o.topic_id, o.partition) = (s.topic_id, s.partition)`);
}

const LEDGER = `
  SELECT "offset", (to_jsonb(l) - 'decided_at' - 'offset')::text AS text FROM history_cdc.ledger l
  WHERE legacy_id = ANY ($1::uuid[]) ORDER BY legacy_id`;
const RUNS =
  'SELECT r::text AS text FROM public.agent_compliance_runs r WHERE id = ANY ($1::uuid[]) ORDER BY id';
const UNSETTLED = 'SELECT u::text AS text FROM history_cdc.unsettled_twin u ORDER BY legacy_id';
const QUARANTINE = `
  SELECT "offset", delete_before_offset,
         (to_jsonb(q) - 'id' - 'quarantined_at' - 'offset' - 'delete_before_offset' - 'healed_at'
                    || jsonb_build_object('healed', healed_at IS NOT NULL))::text AS text
  FROM history_cdc.quarantine q`;

interface Outgoing {
  readonly text: string;
  readonly offset?: string;
  readonly delete_before_offset?: string | null;
}

/**
 * The outcome with each offset under a name of the caller's, so that outcomes of differently ordered partitions can
 * be compared.
 */
export async function outcome(
  pool: Pool,
  own: OwnRows,
  nameOffset: (offset: bigint) => string,
): Promise<Outcome> {
  const query = async (sql: string, values: readonly unknown[]) => {
    const { rows } = await pool.query<Outgoing>(sql, [...values]);
    return rows.map(({ text, offset, delete_before_offset: deletedAt }) =>
      [offset, deletedAt].reduceRight<string>(
        (named, at) => (at == null ? named : `${nameOffset(BigInt(at))} ${named}`),
        text,
      ),
    );
  };
  return {
    ledger: await query(LEDGER, [own.legacyIds]),
    runs: await query(RUNS, [own.runIds]),
    quarantine: (await query(QUARANTINE, [])).sort(),
    unsettled: await query(UNSETTLED, []),
  };
}
