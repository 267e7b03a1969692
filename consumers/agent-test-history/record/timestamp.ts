import { FatalError } from '../../../lib/errors.ts';

const ZONED_TIMESTAMP = /^([+-]?\d{4,6})(-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(Z|[+-]\d{2}:\d{2})$/;

/** A time as Debezium writes it, or as Postgres does under `DateStyle` ISO: sign, year, rest of the date, time, fraction, zone, era. */
const TIMESTAMP =
  /^([+-]?)(\d{4,6})(-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}(?::?\d{2}){0,2})( BC)?$/;

/** No live row was written before this year, and `Date` reads no text of a year with five digits. */
const FIRST_YEAR = 1000;
const LAST_YEAR = 9999;

/**
 * Microseconds since 1970 of a timestamp as Debezium or Postgres writes it; undefined for the legal times that no live row can
 * have: infinity, BC, years before 1000 and after 9999. Throws for a text that is no such time: if it counted as "no live row
 * can have it", its run would be written a second time beside its live row.
 */
export function epochMicros(text: string): bigint | undefined {
  if (text === 'infinity' || text === '-infinity') return undefined;
  const parts = TIMESTAMP.exec(text);
  if (parts === null) throw unreadable(text);
  const [, sign = '', year = '', day = '', time = '', fraction = '', zone = 'Z', era] = parts;
  if (sign === '-' || era !== undefined || Number(year) < FIRST_YEAR || Number(year) > LAST_YEAR)
    return undefined;
  const ms = Date.parse(`${year.slice(-4)}${day}T${time}Z`);
  if (Number.isNaN(ms)) throw unreadable(text);
  return BigInt(ms) * 1000n + BigInt(fraction.slice(0, 6).padEnd(6, '0')) - zoneMicros(zone);
}

/** How far a zone is ahead of UTC. */
function zoneMicros(zone: string): bigint {
  if (zone === 'Z') return 0n;
  const [hours = '', minutes = '0', seconds = '0'] = zone.slice(1).match(/\d{2}/g) ?? [];
  const ahead = BigInt(hours) * 3_600n + BigInt(minutes) * 60n + BigInt(seconds);
  return (zone.startsWith('-') ? -ahead : ahead) * 1_000_000n;
}

/** Shows the form, and no digit: the value of a row reaches no log. */
function unreadable(text: string): FatalError {
  return new FatalError({
    code: 'TIME_UNREADABLE',
    message: `a time has the form ${JSON.stringify(text.replaceAll(/\d/g, '9').slice(0, 60))}, which we do not understand: nothing can be decided by it`,
    wayOut:
      'if it comes from Postgres, something between here and the server changes the session (a pooler): connect directly; else report it as a fault of this program',
  });
}

/**
 * Debezium's ISO text of a timestamptz as text that Postgres reads back to the same microsecond; undefined where it
 * is none, such as a 45th day. ISO counts a year 0 and signs long years, Postgres counts BC and does not: -0043 is 44 BC, and
 * +294276 is 294276. `infinity` and `-infinity` stand for themselves. A JavaScript Date would lose microseconds.
 */
export function postgresTimestamp(text: string): string | undefined {
  if (text === 'infinity' || text === '-infinity') return text;
  const parts = ZONED_TIMESTAMP.exec(text);
  if (parts === null) return undefined;
  const [, yearText = '', rest = '', zone = ''] = parts;
  const year = Number(yearText);
  const era = year > 0 ? '' : ' BC';
  if (year >= FIRST_YEAR && year <= LAST_YEAR && !isDate(String(year) + rest)) return undefined;
  const digits = String(year > 0 ? year : 1 - year).padStart(4, '0');
  return `${digits}${rest}${zone}${era}`;
}

function isDate(text: string): boolean {
  return !Number.isNaN(Date.parse(`${text.slice(0, 19)}Z`));
}
