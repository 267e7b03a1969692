import type { Settings } from '../carry-out.ts';
import type { Checkup } from '../checkup.ts';

/** One thing that is broken in a real database, and what the check says of it. */
export interface PostgresCase {
  readonly id: string;
  /** In words. */
  readonly brokenBy: string;
  readonly says: string;
  readonly verdict?: 'warning';
  /** As a superuser. */
  readonly sql?: (checkup: Checkup) => readonly string[];
  /** Settings that are wrong; where the fix is in words, it is these that are put right. */
  readonly settings?: (checkup: Checkup) => Settings;
}

const NOBODY = 'postgresql://app:secret@127.0.0.1:1/app';
const otherDatabase = ({ open }: Checkup, name: string) => new URL(`/${name}`, open.database.url).href;

/** The settings lead somewhere else: the fix, in words, is to let them lead to the right place. */
export const WRONG_SETTINGS: readonly PostgresCase[] = [
  {
    id: 'legacy-reachable',
    brokenBy: 'LEGACY_DATABASE_URL of a port where nobody listens',
    says: 'LEGACY_DATABASE_URL: connect ECONNREFUSED',
    settings: () => ({ LEGACY_DATABASE_URL: NOBODY }),
  },
  {
    id: 'canonical-reachable',
    brokenBy: 'DATABASE_URL of a port where nobody listens',
    says: 'DATABASE_URL: connect ECONNREFUSED',
    settings: () => ({ DATABASE_URL: NOBODY }),
  },
  {
    id: 'legacy-version',
    brokenBy: 'LEGACY_DATABASE_URL of a database in LATIN1',
    says: 'LATIN1',
    sql: latin1,
    settings: (checkup) => ({ LEGACY_DATABASE_URL: otherDatabase(checkup, latin1Name(checkup)) }),
  },
  {
    id: 'canonical-server',
    brokenBy: 'DATABASE_URL of a database in LATIN1',
    says: 'the encoding UTF8; this database has LATIN1',
    sql: latin1,
    settings: (checkup) => ({ DATABASE_URL: otherDatabase(checkup, latin1Name(checkup)) }),
  },
  {
    id: 'legacy-table',
    brokenBy: 'LEGACY_DATABASE_URL of another database of the server',
    says: 'table public.agent_test_history',
    settings: (checkup) => ({ LEGACY_DATABASE_URL: otherDatabase(checkup, 'app') }),
  },
  {
    id: 'canonical-tables',
    brokenBy: 'DATABASE_URL of another database of the server',
    says: 'table public.agent_compliance_runs',
    settings: (checkup) => ({ DATABASE_URL: otherDatabase(checkup, 'app') }),
  },
];

export const latin1Name = ({ name }: Checkup) => `${name}_latin1`;

function latin1(checkup: Checkup): string[] {
  const name = latin1Name(checkup);
  return [
    `DROP DATABASE IF EXISTS ${name}`,
    `CREATE DATABASE ${name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 OWNER app`,
  ];
}

/** What somebody did in the database, mended by the SQL that doctor prints. */
export const WRONG_OBJECTS: readonly PostgresCase[] = [
  {
    id: 'replica-identity',
    brokenBy: 'agent_test_history without its primary key',
    says: 'refuses UPDATE and DELETE',
    sql: () => ['ALTER TABLE agent_test_history DROP CONSTRAINT agent_test_history_pkey'],
  },
  {
    id: 'connector-excess',
    brokenBy: "the connector's role owns a table",
    says: 'owner of history_cdc_source.signal',
    verdict: 'warning',
    sql: ({ name }) => [`ALTER TABLE history_cdc_source.signal OWNER TO ${name}`],
  },
  {
    id: 'connector-excess',
    brokenBy: 'everybody may create in the schema public',
    says: 'CREATE in the schema public',
    verdict: 'warning',
    sql: () => ['GRANT CREATE ON SCHEMA public TO PUBLIC'],
  },
  {
    id: 'unique-keys',
    brokenBy: 'the primary key of history_cdc.topic dropped',
    says: 'history_cdc.topic (topic_id)',
    sql: () => ['ALTER TABLE history_cdc.topic DROP CONSTRAINT topic_pkey CASCADE'],
  },
  {
    id: 'unique-keys',
    brokenBy: 'the unique key of history_cdc.quarantine dropped',
    says: 'history_cdc.quarantine (offset, partition, topic_id)',
    sql: () => [
      'ALTER TABLE history_cdc.quarantine DROP CONSTRAINT quarantine_topic_id_partition_offset_key',
    ],
  },
];
