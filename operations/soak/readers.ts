/**
 * Who reads the legacy table, by the counters of its server. Each look stores a sample, so that what came before a reset of
 * the statistics stays known. Scans alone do not tell our own reads from somebody else's; pg_stat_statements does, by role.
 */
import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import type { Config } from '../../lib/config.ts';
import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { certain } from '../facts/postgres.ts';
import type { Services } from '../facts/services.ts';

export interface Reading {
  readonly source: 'scans' | 'statement' | 'session';
  readonly role: string;
  /** The id of the statement, or the name of the program. */
  readonly subject: string;
  readonly counter: string;
  readonly firstAt: Date;
  /** When a sample last differed from the one before. */
  readonly changedAt: Date;
}

export interface ReadingFacts {
  /** The roles whose reads are ours: the one that asks, and the connector's. */
  readonly ours: readonly string[];
  /** Why statements cannot be told apart; null where pg_stat_statements tells them. */
  readonly statementsUnknown: string | null;
  /** Everything that was ever sampled. */
  readonly readings: readonly Reading[];
}

type Sample = Pick<Reading, 'source' | 'role' | 'subject' | 'counter'> & { readonly epoch: string };

const COUNTERS = sqlFile(import.meta.url, './sql/reading-counters.sql');
const STATEMENTS = sqlFile(import.meta.url, './sql/statement-counters.sql');
const KEEP = sqlFile(import.meta.url, './sql/keep-reading.sql');
const READINGS = `
  SELECT source, role, subject, counter, first_at AS "firstAt", changed_at AS "changedAt" FROM history_cdc.legacy_reading`;
const EXTENSION = `
  SELECT current_user::text AS role,
         (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
          WHERE e.extname = 'pg_stat_statements') AS schema,
         coalesce(current_setting('pg_stat_statements.track', true), 'none') AS track,
         (SELECT rolsuper OR pg_has_role(oid, 'pg_read_all_stats', 'USAGE') FROM pg_roles WHERE rolname = current_user) AS sees`;

interface Extension {
  readonly role: string;
  readonly schema: string | null;
  readonly track: string;
  readonly sees: boolean;
}

/** Takes a sample and stores it, and gives all that is known of readers. */
export async function sampleReaders(services: Services, config: Config): Promise<ReadingFacts> {
  const [legacy, canonical] = [services.legacy(), services.canonical()];
  const connector = config.CONNECTOR_DATABASE_URL === undefined ? null : connectorRole(config);
  const extension = certain((await legacy.query<Extension>(EXTENSION)).rows[0]);
  const statementsUnknown = whyUnknown(extension);
  const samples = [
    ...(await legacy.query<Sample>(COUNTERS, [connector])).rows,
    ...(statementsUnknown === null ? await statementSamples(legacy, extension.schema ?? '') : []),
  ];
  if (samples.length > 0) await canonical.query(KEEP, columnsOf(samples));
  const { rows: readings } = await canonical.query<Reading>(READINGS);
  const ours = [extension.role, ...(connector === null ? [] : [connector])];
  return { ours, statementsUnknown, readings };
}

function whyUnknown({ schema, track, sees, role }: Extension): string | null {
  if (schema === null) return 'pg_stat_statements is not installed in the legacy database';
  if (track === 'none') return 'pg_stat_statements is not loaded, or tracks nothing';
  return sees ? null : `the role ${role} may not read pg_stat_statements (GRANT pg_read_all_stats)`;
}

/** The name comes from the catalog, quoted by Postgres. */
async function statementSamples(legacy: Client, schema: string): Promise<Sample[]> {
  return (await legacy.query<Sample>(STATEMENTS.replaceAll('{schema}', schema))).rows;
}

function columnsOf(samples: readonly Sample[]): string[][] {
  return [
    samples.map(({ source }) => source),
    samples.map(({ role }) => role),
    samples.map(({ subject }) => subject),
    samples.map(({ counter }) => counter),
    samples.map(({ epoch }) => epoch),
  ];
}
