import { compareTables } from './judge-source.ts';
import { connectorRole, type SqlPart } from '../../connectors/deploy/source-sql.ts';
import { check, nothingThere, type Circumstances } from './check.ts';
import { judgeConnectorExcess, judgeConnectorLacks } from './connector-role.ts';
import { judgeSignalWriters } from '../facts/signal-writers.ts';
import { failed, notYet, ok, STEPS, type Judgement } from './verdict.ts';
import { spanText } from '../facts/wal.ts';
import {
  constant,
  identifier,
  lines,
  qualified,
  shell,
  sql,
  type Paste,
  type Sql,
} from '../../lib/quoting.ts';

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

const noPublication = (circumstances: Circumstances) =>
  nothingThere('there is no publication (see publication)', 'script', circumstances);

const HEARTBEAT_SECONDS = 30;

export const SOURCE_CHECKS = [
  check({
    id: 'publication',
    group: 'source',
    severity: 'error',
    title: 'the publication names exactly our three tables',
    needs: ['source'],
    judge: ({ source: { publication, partitioned } }, circumstances) => {
      const name = circumstances.config.PUBLICATION_NAME;
      if (publication === null) {
        return absent(`there is no publication ${name}`, 'publication', circumstances);
      }
      if (publication.allTables) {
        return failed(
          `${name} is FOR ALL TABLES: it publishes the whole database`,
          lines<Paste>(sql`DROP PUBLICATION ${identifier(name)};`, scriptPart('publication')),
        );
      }
      if (partitioned && !publication.viaRoot) {
        return failed(
          'agent_test_history is partitioned, and its changes come under the names of its partitions',
          sql`ALTER PUBLICATION ${identifier(name)} SET (publish_via_partition_root = true);`,
        );
      }
      const { missing, surplus } = compareTables(publication.tables);
      if (missing.length + surplus.length === 0) return ok(publication.tables.join(', '));
      const parts = [
        ...(missing.length === 0 ? [] : [`it lacks ${missing.join(', ')}`]),
        ...(surplus.length === 0 ? [] : [`it also publishes ${surplus.join(', ')}`]),
      ];
      return failed(parts.join('; '), setTables(name));
    },
  }),
  check({
    id: 'publication-complete',
    group: 'source',
    severity: 'error',
    title: 'the publication has no row filter and no column list',
    needs: ['source'],
    judge: ({ source: { publication } }, circumstances) => {
      if (publication === null) return noPublication(circumstances);
      return publication.narrowed
        ? failed('it leaves rows or columns out', setTables(circumstances.config.PUBLICATION_NAME))
        : ok('every row, every column');
    },
  }),
  check({
    id: 'publication-operations',
    group: 'source',
    severity: 'error',
    title: 'the publication has every kind of change',
    needs: ['source'],
    judge: ({ source: { publication } }, circumstances) => {
      if (publication === null) return noPublication(circumstances);
      return publication.everyOperation
        ? ok('insert, update, delete, truncate')
        : failed(
            'it leaves out some of insert, update, delete, truncate',
            sql`ALTER PUBLICATION ${identifier(circumstances.config.PUBLICATION_NAME)} SET (publish = 'insert, update, delete, truncate');`,
          );
    },
  }),
  check({
    id: 'connector-role',
    group: 'source',
    severity: 'error',
    title: "the connector's role may log in and replicate",
    needs: ['source'],
    judge: ({ source: { role } }, circumstances) => {
      const name = connectorRole(circumstances.config);
      if (role === null) return absent(`there is no role ${name}`, 'role', circumstances);
      return role.mayReplicate
        ? ok(name)
        : failed(
            `${name} lacks LOGIN or REPLICATION`,
            sql`ALTER ROLE ${identifier(name)} LOGIN REPLICATION;`,
          );
    },
  }),
  check({
    id: 'connector-grants',
    group: 'source',
    severity: 'error',
    title: "the connector's role has every grant that it needs",
    needs: ['source'],
    judge: ({ source }, circumstances) => judgeConnectorLacks(source, circumstances),
  }),
  check({
    id: 'connector-excess',
    group: 'source',
    severity: 'warning',
    title: "the connector's role may do nothing else",
    needs: ['connectorRole'],
    judge: ({ connectorRole: rights }, circumstances) => judgeConnectorExcess(rights, circumstances),
  }),
  check({
    id: 'signal-table',
    group: 'source',
    severity: 'error',
    title: 'the signal table is there, and only those may write to it who must',
    needs: ['source', 'legacyTable', 'signalWriters'],
    judge: ({ source, legacyTable, signalWriters }, circumstances) => {
      const table = judgeOurTable('signal', source.signalTable, [legacyTable.missingOfOurs, circumstances]);
      return table.verdict === 'ok' ? judgeSignalWriters(signalWriters) : table;
    },
  }),
  check({
    id: 'heartbeat-table',
    group: 'source',
    severity: 'error',
    title: 'the heartbeat table is there',
    needs: ['source', 'legacyTable'],
    judge: ({ source, legacyTable }, circumstances) =>
      judgeOurTable('heartbeat', source.heartbeatTable, [legacyTable.missingOfOurs, circumstances]),
  }),
  check({
    id: 'heartbeat-written',
    group: 'source',
    severity: 'error',
    title: 'the connector writes its heartbeat row',
    needs: ['heartbeatRow'],
    judge: ({ heartbeatRow: row }, circumstances) => {
      if (row.kind === 'no_table') return absentTable('there is no heartbeat table', circumstances);
      if (circumstances.snapshotRunning) return ok('none is written during the initial snapshot');
      const fix =
        'history-cdc connector status  # why: a task that runs writes one every 2 s, but not in its snapshot\nhistory-cdc connector resume\nhistory-cdc connector restart  # where the task has failed';
      if (row.kind === 'no_row') {
        const found = 'there is no row in history_cdc_source.heartbeat';
        return circumstances.deployed ? failed(found, fix) : notYet(found, 'apply');
      }
      const found = `the last one was written ${spanText(row.secondsAgo)} ago`;
      return row.secondsAgo <= HEARTBEAT_SECONDS ? ok(found) : failed(found, fix);
    },
  }),
];

function setTables(publication: string): Sql {
  return sql`ALTER PUBLICATION ${identifier(publication)} SET TABLE ONLY public.agent_test_history, ONLY history_cdc_source.signal, ONLY history_cdc_source.heartbeat;`;
}

function judgeOurTable(
  table: string,
  there: boolean,
  [missing, circumstances]: readonly [readonly string[], Circumstances],
): Judgement {
  const name = `history_cdc_source.${table}`;
  if (!there) return absentTable(`there is no table ${name}`, circumstances);
  const lacking = missing.filter((column) => column.startsWith(`${name}.`));
  return lacking.length === 0
    ? ok(name)
    : failed(
        `missing: ${lacking.join(', ')}`,
        lines(sql`DROP TABLE ${qualified(name)};`, constant(STEPS.script)),
      );
}
