import { describe, expect, test } from 'vitest';
import { judgeSource } from '../../operations/checks/judge-source.ts';
import type { PublicationFacts, SlotFacts } from '../../operations/facts/source.ts';
import { sql } from '../../lib/quoting.ts';

const names = { role: 'r', publication: 'p', slot: 's' };
const publication: PublicationFacts = {
  allTables: false,
  tables: ['history_cdc_source.heartbeat', 'history_cdc_source.signal', 'public.agent_test_history'],
  everyOperation: true,
  viaRoot: true,
  narrowed: false,
};
const slot: SlotFacts = {
  plugin: 'pgoutput',
  database: 'd',
  active: true,
  walStatus: 'reserved',
  lagBytes: 0,
};
const good = {
  serverVersion: 180_004,
  walLevel: 'logical',
  dataTable: true,
  replicaIdentity: 'd',
  primaryKey: true,
  keyColumns: ['id'],
  partitioned: false,
  inheriting: [],
  signalTable: true,
  heartbeatTable: true,
  publication,
  role: { mayReplicate: true, missing: [] },
  slot: null,
  slotsInUse: 3,
  slotsAllowed: 10,
  hidden: [],
  database: 'd',
};

test('a database that the script has run in has no problem, before and after the slot is there', () => {
  expect(judgeSource(good, names)).toEqual([]);
  expect(judgeSource({ ...good, slot, slotsInUse: 10 }, names)).toEqual([]);
});

describe('named is', () => {
  test.each([
    ['an old server', { serverVersion: 130_009 }, /Postgres 13 is too old/],
    ['wal_level', { walLevel: 'replica' }, /wal_level is replica/],
    ['a missing table', { dataTable: false, replicaIdentity: null }, /agent_test_history does not exist/],
    ['a table without identity', { replicaIdentity: 'n' }, /neither primary key nor replica identity/],
    ['a missing signal table', { signalTable: false }, /signal does not exist/],
    ['a missing heartbeat table', { heartbeatTable: false }, /heartbeat does not exist/],
    ['a missing publication', { publication: null }, /publication p does not exist/],
    ['a publication of everything', { publication: { ...publication, allTables: true } }, /FOR ALL TABLES/],
    [
      'a table too few',
      { publication: { ...publication, tables: publication.tables.slice(1) } },
      /lacks history_cdc_source.heartbeat/,
    ],
    [
      'a table too many',
      { publication: { ...publication, tables: [...publication.tables, 'public.secret'] } },
      /also publishes public.secret/,
    ],
    [
      'a partitioned table',
      { partitioned: true, publication: { ...publication, viaRoot: false, tables: ['public.p1'] } },
      /publish_via_partition_root/,
    ],
    ['a table that inherits', { inheriting: [sql`public.child`] }, /public.child inherits/],
    ['a key of more columns', { keyColumns: ['id', 'started_at'] }, /keyed by id alone/],
    ['a row filter', { publication: { ...publication, narrowed: true } }, /row filter/],
    [
      'a kind of change left out',
      { publication: { ...publication, everyOperation: false } },
      /kinds of change/,
    ],
    ['a missing role', { role: null }, /role r does not exist/],
    [
      'a role that may not replicate',
      { role: { mayReplicate: false, missing: [] } },
      /lacks LOGIN or REPLICATION/,
    ],
    [
      'a missing grant',
      { role: { mayReplicate: true, missing: ['SELECT ON public.agent_test_history'] } },
      /role r lacks SELECT ON public/,
    ],
    ['no room for the slot', { slotsInUse: 10 }, /all 10 replication slots/],
    ['the slot of another plugin', { slot: { ...slot, plugin: 'wal2json' } }, /belongs to wal2json/],
    [
      'the slot of another database',
      { slot: { ...slot, database: 'other' } },
      /belongs to the database other/,
    ],
    ['a lost slot', { slot: { ...slot, walStatus: 'lost' } }, /is lost/],
  ] as const)('%s', (_, difference, message) => {
    const problems = judgeSource({ ...good, ...difference }, names);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(message);
  });
});
