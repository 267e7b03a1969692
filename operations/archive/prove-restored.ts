import { createHash } from 'node:crypto';
import { FatalError } from '../../lib/errors.ts';
import type { Client } from '../../lib/postgres.ts';
import { sql } from '../../lib/quoting.ts';
import type { Manifest } from './manifest.ts';
import { quotedPlace, textsOf, type Place } from './restored-table.ts';
import { rowHashSql } from './row-hash.ts';

const PORTION_ROWS = 10_000;

/**
 * Holds the restored table to the archive's hashes. Postgres makes the hash of each row from what the table has now, over all
 * columns of the source. Throws RESTORE_DIFFERS with the first month that is not as it was.
 */
export async function proveRestored(client: Client, manifest: Manifest, place: Place): Promise<void> {
  const { select, names } = textsOf(manifest.table.columns);
  // Sorted after the hash is made, so that not whole rows are sorted.
  await client.query(sql`DECLARE history_cdc_proof NO SCROLL CURSOR FOR
    SELECT hash FROM (
      SELECT started_at, id, ${rowHashSql(names)} AS hash
      FROM (SELECT started_at, id, ${select} FROM ${quotedPlace(place)} OFFSET 0) AS t OFFSET 0
    ) AS s ORDER BY started_at, id`);
  const rows = new Rows(client);
  for (const { month, rows: expected, contentSha256 } of manifest.objects) {
    const hash = createHash('sha256');
    let found = 0;
    for (; found < expected; found++) {
      const row = await rows.next();
      if (row === undefined) break;
      hash.update(row);
    }
    if (found !== expected || hash.digest('hex') !== contentSha256)
      throw differs(place, `the month ${month}`);
  }
  if ((await rows.next()) !== undefined) throw differs(place, 'the number of rows');
  await client.query('CLOSE history_cdc_proof');
}

class Rows {
  readonly #client: Client;
  #portion: readonly { readonly hash: Buffer }[] = [];
  #at = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  async next(): Promise<Buffer | undefined> {
    if (this.#at === this.#portion.length) {
      const answer = await this.#client.query<{ hash: Buffer }>(
        `FETCH ${String(PORTION_ROWS)} FROM history_cdc_proof`,
      );
      [this.#portion, this.#at] = [answer.rows, 0];
    }
    return this.#portion[this.#at++]?.hash;
  }
}

function differs({ schema, table }: Place, what: string): FatalError {
  return new FatalError({
    code: 'RESTORE_DIFFERS',
    message: `${what} of the restored table ${schema}.${table} is not as the archive has it; nothing was restored`,
    wayOut:
      '`history-cdc archive verify` compares the archive with the table; restore into a database of the same release and encoding as the source',
  });
}
