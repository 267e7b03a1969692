import { FatalError } from '../../../lib/errors.ts';

const ZONED_TIMESTAMP = /^([+-]?\d{4,6})(-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(Z|[+-]\d{2}:\d{2})$/;

/** A time as Debezium writes it, or as Postgres does under `DateStyle` ISO: sign, year, rest of the date, time, fraction, zone, era. */
const TIMESTAMP =
  /^([+-]?)(\d{4,6})(-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}(?::?\d{2}){0,2})( BC)?$/;

/** No live row was written before this year, and `Date` reads no text of a year with five digits. */
const FIRST_YEAR = 1000;
const LAST_YEAR = 9999;

/**
 * Microseconds since 1970 of a timestamp as Debezium or Postgres writes it. Undefined for valid times that no live row
 * can have: infinity, BC, years before 1000 and after 9999. Throws for any other text. If such a text counted as "no
 * live row can have this time", its run would be written a second time beside its live row.
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

/** The message shows the form of the text without its digits, so that no value of a row reaches a log. */
function unreadable(text: string): FatalError {
  return new FatalError({
    code: 'TIME_UNREADABLE',
    message: `a time has the form ${JSON.stringify(text.replaceAll(/\d/g, '9').slice(0, 60))}, which this program does not understand, so nothing was decided`,
    wayOut:
      'if the time comes from Postgres, connect to the server directly, because a pooler in between changes the session; otherwise report it as a fault of this program',
  });
}

/**
 * Turns Debezium's ISO text of a timestamptz into text that Postgres reads back to the same microsecond; undefined if
 * it is not a time (a 45th day). ISO has a year 0 and signs long years; Postgres writes BC and no sign: -0043 is 44 BC,
 * and +294276 is 294276. `infinity` and `-infinity` stay as they are. A JavaScript Date would lose the microseconds.
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
