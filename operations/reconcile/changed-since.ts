/**
 * Which rows of a table changed after a moment: those whose newest version was written by a transaction that a snapshot of
 * that moment does not see. This finds every change, whoever made it, and costs those who write nothing: no column, no
 * index, no trigger. A deleted row leaves nothing to find.
 */

const NEXT = '(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)';

/**
 * `xmin` has 32 bits. A row that we see was written by an earlier transaction than the next one, so that gives the upper
 * 32. A very old row may so look like a young one; then it is compared once too often.
 */
function writtenBy(table: string): string {
  const low = `(${NEXT} & -4294967296) + ${table}.xmin::text::bigint`;
  return `greatest(${low} - CASE WHEN ${low} > ${NEXT} THEN 4294967296 ELSE 0 END, 3)::text::xid8`;
}

/** SQL: the row of `table` was written by a transaction that the snapshot sees. */
export function isSeenBy(table: string, snapshot: string): string {
  return `pg_visible_in_snapshot(${writtenBy(table)}, ${snapshot}::pg_snapshot)`;
}

/** SQL: it was not. The age is compared first, because that is 20 times as fast, and mostly enough. */
export function changedSince(table: string, snapshot: string): string {
  const oldest = `(SELECT pg_snapshot_xmin(${snapshot}::pg_snapshot)::text::bigint)`;
  return `age(${table}.xmin) <= ${NEXT} - ${oldest} AND NOT ${isSeenBy(table, snapshot)}`;
}
