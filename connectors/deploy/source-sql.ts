import { readdirSync, readFileSync } from 'node:fs';
import pg from 'pg';
import type { Config } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { fillTemplate } from './template.ts';

export const SQL_PARTS = ['role', 'tables', 'publication', 'grants'] as const;
export type SqlPart = (typeof SQL_PARTS)[number];

type SourceSettings = Pick<Config, 'PUBLICATION_NAME' | 'CONNECTOR_DATABASE_URL'>;

const DEFAULT_ROLE = 'history_cdc_connector';
const SQL_FOLDER = new URL('../sql/', import.meta.url);

/** The role that Debezium logs in with: the user of CONNECTOR_DATABASE_URL. */
export function connectorRole(config: SourceSettings): string {
  if (config.CONNECTOR_DATABASE_URL === undefined) return DEFAULT_ROLE;
  const user = decodeURIComponent(new URL(config.CONNECTOR_DATABASE_URL).username);
  return user === '' ? DEFAULT_ROLE : user;
}

/**
 * The DBA's script with the names filled in, as one text of several statements; or one part of it. Idempotent, and
 * without commands of psql. Run it in one transaction.
 */
export function sourceSql(config: SourceSettings, part?: SqlPart): string {
  const role = safeName(connectorRole(config));
  const publication = safeName(config.PUBLICATION_NAME);
  const values = {
    role: pg.escapeIdentifier(role),
    role_text: pg.escapeLiteral(role),
    publication: pg.escapeIdentifier(publication),
    publication_text: pg.escapeLiteral(publication),
  };
  return sqlFiles(part)
    .map((file) => fillTemplate(readFileSync(new URL(file, SQL_FOLDER), 'utf8'), values))
    .join('\n');
}

export type Worker = 'projector' | 'operator';

const WORKER_FILE = new URL('./roles/worker.sql', SQL_FOLDER);
const WORKERS: Readonly<Record<Worker, { readonly purpose: string; readonly signalRights: string }>> = {
  projector: { purpose: 'project, to compare and to take back', signalRights: '{}' },
  // A role that may write signals controls the connector.
  operator: { purpose: 'do all of that and to take snapshots', signalRights: '{SELECT, INSERT}' },
};

/** The grants on the application's tables for the role that our commands log in with. Idempotent. */
export function workerSql(worker: Worker, name: string): string {
  const role = safeName(name);
  const values = { ...WORKERS[worker], role: pg.escapeIdentifier(role), role_text: pg.escapeLiteral(role) };
  return fillTemplate(readFileSync(WORKER_FILE, 'utf8'), values);
}

function sqlFiles(part: SqlPart | undefined): string[] {
  return readdirSync(SQL_FOLDER)
    .filter((file) => file.endsWith('.sql') && (part === undefined || file.endsWith(`-${part}.sql`)))
    .sort();
}

/**
 * The script also contains the names in comments and inside dollar quotes, where quoting does not protect. So it
 * refuses a name that could end a comment or a dollar quote.
 */
function safeName(name: string): string {
  if (/^[\p{L}\p{N}_.@-]{1,63}$/u.test(name)) return name;
  throw new FatalError({
    code: 'CONFIG_INVALID',
    message: 'the name of a role or a publication has characters that the script does not accept',
    wayOut:
      'use letters, digits, `_`, `.`, `@` and `-`, 63 at most, in the user of CONNECTOR_DATABASE_URL and in PUBLICATION_NAME',
  });
}
