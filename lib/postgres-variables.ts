/**
 * Variables of libpq that would change how a connection is made, and that no setting shows. The driver would read them from the
 * process's environment, so `main.ts` removes them there.
 */
export function isPostgresVariable(name: string): boolean {
  return /^PG[A-Z]+$/.test(name) && name !== 'PGPASSWORD' && name !== 'PGPASSFILE';
}
