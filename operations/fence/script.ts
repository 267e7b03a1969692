import { sqlFile } from '../../lib/sql-file.ts';

/** The body of the function that refuses; `state.ts` compares it with the one that is there. */
export const REFUSE = sqlFile(import.meta.url, './sql/refuse.sql');
/** Removes what the fence keeps beside the table. */
export const REMOVE_SCHEMA = sqlFile(import.meta.url, './sql/remove-fence-schema.sql');

/** The statements of `retire fence`, without the transaction around them. */
export const FENCE_SQL = sqlFile(import.meta.url, './sql/fence.sql').replace('{{refuse}}', () => REFUSE);
/** The statements of `retire unfence`. */
export const UNFENCE_SQL = sqlFile(import.meta.url, './sql/unfence.sql').replace(
  '{{remove}}',
  () => REMOVE_SCHEMA,
);

/** A script as a DBA runs it. `lockMs` bounds the time for which writers may queue behind it. */
export function asScript(statements: string, lockMs: number): string {
  return `BEGIN;\nSET LOCAL lock_timeout = '${String(lockMs)}ms';\n${statements}COMMIT;\n`;
}
