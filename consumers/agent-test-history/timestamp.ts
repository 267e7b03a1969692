const ZONED_TIMESTAMP = /^([+-]?\d{4,6})(-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?)(Z|[+-]\d{2}:\d{2})$/;

const LATER_THAN_YEAR_999 =
  /^(\d{4,6}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?\d*(?:Z|\+00(?::?00)?)$/;

/**
 * Microseconds since 1970 of a timestamp as Debezium or Postgres writes it, in UTC; undefined for infinity and for
 * years that no live row can have, before 1000 and BC among them.
 */
export function epochMicros(text: string): bigint | undefined {
  const parts = LATER_THAN_YEAR_999.exec(text);
  if (parts === null) return undefined;
  const [, date = '', time = '', fraction = ''] = parts;
  const ms = Date.parse(`${date}T${time}Z`);
  return Number.isNaN(ms) || ms < FIRST_MS ? undefined : BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, '0'));
}

const FIRST_MS = Date.UTC(1000, 0, 1);

/**
 * Debezium's ISO text of a timestamptz as text that Postgres reads back to the same microsecond; undefined where it
 * is none. ISO counts a year 0 and signs long years, Postgres counts BC and does not: -0043 is 44 BC, and
 * +294276 is 294276. `infinity` and `-infinity` stand for themselves. A JavaScript Date would lose microseconds.
 */
export function postgresTimestamp(text: string): string | undefined {
  if (text === 'infinity' || text === '-infinity') return text;
  const parts = ZONED_TIMESTAMP.exec(text);
  if (parts === null) return undefined;
  const [, yearText = '', rest = '', zone = ''] = parts;
  const year = Number(yearText);
  const era = year > 0 ? '' : ' BC';
  const digits = String(year > 0 ? year : 1 - year).padStart(4, '0');
  return `${digits}${rest}${zone}${era}`;
}
