import { z } from 'zod';

/** A point in time in UTC: `2026-01-31T23:59:00.123456Z`. */
export const time = z
  .string()
  .regex(/^\d{4,6}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
  .meta({ format: 'date-time' });

/** A time from a row of the application. ISO 8601 has no form for some of them (infinity, years BC). */
export const rowTime = z.union([
  time,
  z
    .string()
    .regex(/^-?infinity$| BC$/)
    .describe('as Postgres writes it'),
]);

/** Ids of every kind, offsets, and positions in the WAL. They are text, because they may be larger than 2^53. */
export const id = z.string();
export const text = z.string();
export const count = z.number();
export const seconds = z.number();

/** Numbers by name. The names are data: decisions, reasons, columns. */
export const countByName = z.record(z.string(), count);

export const quarantine = z.strictObject({ open: count, waived: count });

export const changes = z.strictObject({
  runsInserted: count,
  runsUpdated: count,
  runsDeleted: count,
  ledgerWritten: count,
});
