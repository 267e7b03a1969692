import type { Client } from '../../lib/postgres.ts';
import { literal, sql, type Sql } from '../../lib/quoting.ts';
import { sqlFile } from '../../lib/sql-file.ts';

const MONTHS = sqlFile(import.meta.url, './sql/months.sql');

/** The rows of one month, as a snapshot has them. */
export interface Month {
  /** As it is called in the archive. */
  readonly name: string;
  readonly rows: number;
  /** The condition that these rows, and no others, meet in the same snapshot. */
  readonly where: Sql;
}

interface Found {
  readonly kind: 'finite' | 'infinity' | 'minus-infinity' | 'none';
  readonly year: number | null;
  readonly month: number | null;
  readonly first: string | null;
  readonly last: string | null;
  readonly rows: string;
}

/** The months in the order of time. */
export async function readMonths(client: Client): Promise<Month[]> {
  const { rows } = await client.query<Found>(MONTHS);
  return rows.map((found) => ({ name: nameOf(found), rows: Number(found.rows), where: whereOf(found) }));
}

function nameOf({ kind, year, month }: Found): string {
  if (kind !== 'finite' || year === null || month === null) return kind;
  const digits = (number: number, length: number) => String(number).padStart(length, '0');
  // Postgres has no year 0: extract() gives -44 for 44 BC.
  return `${digits(Math.abs(year), 4)}-${digits(month, 2)}${year < 0 ? '-BC' : ''}`;
}

function whereOf({ first, last }: Found): Sql {
  if (first === null || last === null) return sql`started_at IS NULL`;
  return sql`started_at BETWEEN ${literal(first)}::timestamptz AND ${literal(last)}::timestamptz`;
}
