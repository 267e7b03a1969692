import { connectorRole, type SqlPart } from '../../connectors/deploy/source-sql.ts';
import { constant, identifier, lines, qualified, shell, sql, type Paste } from '../../lib/quoting.ts';
import type { OurTables } from '../facts/legacy.ts';
import type { PublicationFacts } from '../facts/postgres.ts';
import { spanText } from '../../lib/figures.ts';
import { advice, checksOf, error, type Circumstances } from './check.ts';
import { judgeConnectorExcess, judgeConnectorLacks } from './connector-role.ts';
import { judgeSignalWriters } from './signal-writers.ts';
import { goOn } from './slot.ts';
import { failed, notYet, ok, STEPS, type Judgement } from './verdict.ts';

const scriptPart = (part: SqlPart) =>
  shell`history-cdc connector sql --part ${part} | psql -1 -v ON_ERROR_STOP=1 "$OWNER_URL"`;

/** What the DBA's script makes: before the connector was ever deployed, it is only not there yet. */
function absent(evidence: string, part: SqlPart, { deployed }: Circumstances): Judgement {
  return deployed ? failed(evidence, scriptPart(part)) : notYet(evidence, 'script');
}

/** With a table go its grants and its place in the publication: the whole script brings them back. */
function absentTable(evidence: string, { deployed }: Circumstances): Judgement {
  return deployed ? failed(evidence, STEPS.script) : notYet(evidence, 'script');
}

/** The connector writes one every 2 s; a restart of it or of a worker takes some tens of seconds. */
export const OLD_HEARTBEAT_SECONDS = 30;

export const SOURCE_CHECKS = checksOf('source', {
  publication: error(
    'the publication has every change of exactly our three tables',
    ['publication', 'legacyTable'],
    ({ publication, legacyTable: { partitioned } }, circumstances) => {
      const name = circumstances.config.PUBLICATION_NAME;
      if (publication === null)
        return absent(`there is no publication ${name}`, 'publication', circumstances);
      if (publication.allTables) {
        return failed(
          `${name} is FOR ALL TABLES: it publishes the whole database`,
          lines<Paste>(sql`DROP PUBLICATION ${identifier(name)};`, scriptPart('publication')),
        );
      }
      const faults = publicationFaults(publication, name, partitioned);
      return faults.length === 0
        ? ok(publication.tables.join(', '))
        : failed(
            faults.map(({ found }) => found).join('; '),
            lines(...new Set(faults.map(({ fix }) => fix))),
          );
    },
  ),
  'connector-role': error(
    "the connector's role may log in and replicate",
    ['connectorRole'],
    ({ connectorRole: role }, circumstances) => {
      const name = connectorRole(circumstances.config);
      if (role === null) return absent(`there is no role ${name}`, 'role', circumstances);
      return role.mayReplicate
        ? ok(name)
        : failed(
            `${name} lacks LOGIN or REPLICATION`,
            sql`ALTER ROLE ${identifier(name)} LOGIN REPLICATION;`,
          );
    },
  ),
  'connector-grants': error(
    "the connector's role has every grant that it needs",
    ['connectorRole', 'legacyTable', 'ourTables'],
    (facts, circumstances) => judgeConnectorLacks(facts, circumstances),
  ),
  'connector-excess': advice(
    "the connector's role may do nothing else",
    ['connectorRole'],
    ({ connectorRole: rights }, circumstances) => judgeConnectorExcess(rights, circumstances),
  ),
  'signal-table': error(
    'the signal table is there, and only roles that must may write to it',
    ['ourTables', 'signalWriters'],
    ({ ourTables, signalWriters }, circumstances) => {
      const table = judgeOurTable('signal', ourTables, circumstances);
      return table.verdict === 'ok' ? judgeSignalWriters(signalWriters) : table;
    },
  ),
  'heartbeat-table': error('the heartbeat table is there', ['ourTables'], ({ ourTables }, circumstances) =>
    judgeOurTable('heartbeat', ourTables, circumstances),
  ),
  'heartbeat-written': error(
    'the connector writes its heartbeat row',
    ['heartbeatRow'],
    ({ heartbeatRow: row }, circumstances) => {
      if (row.kind === 'no_table') return absentTable('there is no heartbeat table', circumstances);
      if (circumstances.snapshotRunning) return ok('none is written during the initial snapshot');
      if (row.kind === 'no_row') {
        const found = 'there is no row in history_cdc_source.heartbeat';
        return circumstances.deployed ? failed(found, goOn(circumstances)) : notYet(found, 'apply');
      }
      const found = `the last one was written ${spanText(row.secondsAgo)} ago`;
      return row.secondsAgo <= OLD_HEARTBEAT_SECONDS ? ok(found) : failed(found, goOn(circumstances));
    },
  ),
});

/** Exactly what the publication must name. */
const PUBLISHED_TABLES = [
  'history_cdc_source.heartbeat',
  'history_cdc_source.signal',
  'public.agent_test_history',
];

interface Fault {
  readonly found: string;
  readonly fix: Paste;
}

function publicationFaults(
  { tables, viaRoot, narrowed, everyOperation }: PublicationFacts,
  name: string,
  partitioned: boolean,
): Fault[] {
  const publication = identifier(name);
  const setTables = sql`ALTER PUBLICATION ${publication} SET TABLE ONLY public.agent_test_history, ONLY history_cdc_source.signal, ONLY history_cdc_source.heartbeat;`;
  const asRoot = sql`ALTER PUBLICATION ${publication} SET (publish_via_partition_root = true);`;
  const everything = sql`ALTER PUBLICATION ${publication} SET (publish = 'insert, update, delete, truncate');`;
  const byPartition = partitioned && !viaRoot;
  const missing = PUBLISHED_TABLES.filter((table) => !tables.includes(table));
  const surplus = tables.filter((table) => !PUBLISHED_TABLES.includes(table));
  const faults: readonly (readonly [boolean, string, Paste])[] = [
    [
      byPartition,
      'agent_test_history is partitioned, and its changes come under the names of its partitions',
      asRoot,
    ],
    // Under the names of its partitions, the table itself is missing and they are surplus.
    [!byPartition && missing.length > 0, `it lacks ${missing.join(', ')}`, setTables],
    [!byPartition && surplus.length > 0, `it also publishes ${surplus.join(', ')}`, setTables],
    [narrowed, 'a row filter or a column list leaves rows or columns out', setTables],
    [!everyOperation, 'it leaves out some of insert, update, delete, truncate', everything],
  ];
  return faults.flatMap(([is, found, fix]) => (is ? [{ found, fix }] : []));
}

function judgeOurTable(
  table: keyof OurTables,
  { [table]: { there, missing } }: OurTables,
  circumstances: Circumstances,
): Judgement {
  const name = `history_cdc_source.${table}`;
  if (!there) return absentTable(`there is no table ${name}`, circumstances);
  return missing.length === 0
    ? ok(name)
    : failed(
        `missing: ${missing.map((column) => `${name}.${column}`).join(', ')}`,
        lines(sql`DROP TABLE ${qualified(name)};`, constant(STEPS.script)),
      );
}
