/**
 * Who reads the legacy table, by the counters of its server. Each look stores a sample, so that what came before a reset of
 * the statistics stays known. Scans alone do not tell our own reads from somebody else's; pg_stat_statements does, by a mark in
 * the text of our statements.
 */
import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import type { Config } from '../../lib/config.ts';
import type { Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import type { Answer } from '../facts/answer.ts';
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
  /** The roles whose reads are ours, whatever they run: the connector's. Statements of history-cdc are told by their mark. */
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
/** A statement that comes back later is a new read, whatever its counter is then. $1 role and id of those that are there */
const GONE = `
  UPDATE history_cdc.legacy_reading SET counter = 'gone'
  WHERE source = 'statement' AND subject <> 'since' AND role || ' ' || subject <> ALL ($1::text[]) AND counter <> 'gone'`;
const EXTENSION = `
  SELECT current_user::text AS role,
         (SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
          WHERE e.extname = 'pg_stat_statements') AS schema,
         (SELECT string_to_array(extversion, '.')::int[] >= '{1,9}' FROM pg_extension WHERE extname = 'pg_stat_statements') AS "isCurrent",
         coalesce(current_setting('pg_stat_statements.track', true), 'none') AS track,
         coalesce(current_setting('pg_stat_statements.track_utility', true), 'off') AS utility,
         current_setting('compute_query_id') AS ids,
         ARRAY(SELECT DISTINCT coalesce(r.rolname, d.datname, 'all roles') || ': ' || c.setting
               FROM pg_db_role_setting s CROSS JOIN unnest(s.setconfig) AS c (setting)
               LEFT JOIN pg_roles r ON r.oid = s.setrole LEFT JOIN pg_database d ON d.oid = s.setdatabase
               WHERE c.setting ~ '^(pg_stat_statements\\.track(_utility)?|compute_query_id)=' AND (d.datname IS NULL OR d.datname = current_database())
               ORDER BY 1) AS overrides,
         (SELECT rolsuper OR pg_has_role(oid, 'pg_read_all_stats', 'USAGE') FROM pg_roles WHERE rolname = current_user) AS sees`;

interface Extension {
  readonly role: string;
  readonly schema: string | null;
  readonly isCurrent: boolean | null;
  readonly track: string;
  readonly utility: string;
  readonly ids: string;
  /** Roles and databases for which the server tracks otherwise. */
  readonly overrides: readonly string[];
  readonly sees: boolean;
}

/** Takes a sample and stores it, and gives all that is known of readers. */
export async function sampleReaders(services: Services, config: Config): Promise<ReadingFacts> {
  const [legacy, canonical] = [services.legacy(), services.canonical()];
  const connector = config.CONNECTOR_DATABASE_URL === undefined ? null : connectorRole(config);
  const extension = certain((await legacy.query<Extension>(EXTENSION)).rows[0]);
  const { rows: counters } = await legacy.query<Sample>(COUNTERS, [connector]);
  const statements = await statementSamples(legacy, extension);
  const samples = [...counters, ...(statements.known ? statements.value : [])];
  if (samples.length > 0) await canonical.query(KEEP, columnsOf(samples));
  if (statements.known)
    await canonical.query(GONE, [statements.value.map(({ role, subject }) => `${role} ${subject}`)]);
  const { rows: readings } = await canonical.query<Reading>(READINGS);
  const ours = connector === null ? [] : [connector];
  return { ours, statementsUnknown: statements.known ? null : statements.why, readings };
}

function whyUnknown(extension: Extension): string | null {
  const { schema, isCurrent, track, utility, ids, overrides, sees, role } = extension;
  if (schema === null) return 'pg_stat_statements is not installed in the legacy database';
  if (isCurrent !== true)
    return 'pg_stat_statements has an old version (ALTER EXTENSION pg_stat_statements UPDATE)';
  if (track === 'none') return 'pg_stat_statements is not loaded, or tracks nothing';
  if (utility === 'off') return 'pg_stat_statements.track_utility is off, so that COPY is not seen';
  if (ids === 'off') return 'compute_query_id is off, so that pg_stat_statements sees nothing';
  if (overrides.length > 0) return `statements are tracked otherwise for some: ${overrides.join('; ')}`;
  return sees ? null : `the role ${role} may not read pg_stat_statements (GRANT pg_read_all_stats)`;
}

const NOT_LOADED = '55000';

/** The name of the schema comes from the catalog, quoted by Postgres. */
async function statementSamples(legacy: Client, extension: Extension): Promise<Answer<Sample[]>> {
  const why = whyUnknown(extension);
  if (why !== null) return { known: false, why };
  try {
    const text = STATEMENTS.replaceAll('{schema}', extension.schema ?? '');
    return { known: true, value: (await legacy.query<Sample>(text)).rows };
  } catch (error) {
    if (sqlState(error) !== NOT_LOADED) throw error;
    return { known: false, why: 'pg_stat_statements is installed, and not in shared_preload_libraries' };
  }
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
