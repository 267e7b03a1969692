import { expect, test } from 'vitest';
import { SOURCE_FITS } from '../../operations/checks/choice.ts';
import { circumstancesOf, judge } from '../../operations/checks/judge.ts';
import { keepsFromWorking } from '../../operations/connector/apply.ts';
import { sql } from '../../lib/quoting.ts';
import { CONFIG, gathered } from '../doctor/healthy.ts';
import { patched, type Patch } from '../doctor/patched.ts';

/** What `connector apply` and `snapshot start` refuse for, in a deployment that is otherwise well. */
function refusedFor(facts: Patch): string[] {
  const answers = gathered(patched(facts));
  const results = judge(SOURCE_FITS, answers, circumstancesOf(answers, CONFIG));
  return results.filter(keepsFromWorking).map(({ id }) => id);
}

test('a database that the script has run in is fit, before and after the slot is there', () => {
  expect(refusedFor({})).toEqual([]);
  expect(refusedFor({ server: { slotsInUse: 10 } })).toEqual([]);
});

test('before anything is deployed, what the script makes is missing, and what `apply` makes is not', () => {
  const nothing: Patch = {
    ...{ slot: null, publication: null, connectorRole: null, dataTopic: undefined, observed: undefined },
    connector: { config: undefined, status: undefined },
    projection: { topics: [], offsets: [] },
    storedOffset: { lsn: null },
    ourTables: { signal: { there: false, missing: [] }, heartbeat: { there: false, missing: [] } },
  };
  expect(refusedFor(nothing)).toEqual([
    ...['signal-table', 'heartbeat-table', 'publication', 'connector-role', 'connector-grants'],
  ]);
});

test.each<[string, Patch, string]>([
  ['an old server', { server: { version: 130_009 } }, 'legacy-version'],
  ['wal_level', { server: { walLevel: 'replica' } }, 'wal-level'],
  ['a missing table', { legacyTable: { missing: ['table public.agent_test_history'] } }, 'legacy-table'],
  ['a table without identity', { legacyTable: { replicaIdentity: 'n' } }, 'replica-identity'],
  ['a table that inherits', { legacyTable: { inheriting: [sql`public.child`] } }, 'legacy-table-alone'],
  ['a key of more columns', { legacyTable: { keyColumns: ['id', 'started_at'] } }, 'legacy-key'],
  ['a generated column', { legacyTable: { generated: ['summary'] } }, 'legacy-columns-sent'],
  [
    'rows that are hidden',
    { legacyHidden: [{ place: 'p.t', role: 'r', why: 'policies' }] },
    'legacy-rows-visible',
  ],
  ['a missing signal table', { ourTables: { signal: { there: false, missing: [] } } }, 'signal-table'],
  ['a missing publication', { publication: null }, 'publication'],
  ['a publication of everything', { publication: { allTables: true } }, 'publication'],
  ['a table too few', { publication: { tables: ['public.agent_test_history'] } }, 'publication'],
  ['a missing role', { connectorRole: null }, 'connector-role'],
  ['a role that may not replicate', { connectorRole: { mayReplicate: false } }, 'connector-role'],
  [
    'a missing grant',
    { connectorRole: { missing: [{ place: 'a.b', privilege: 'SELECT', columns: null }] } },
    'connector-grants',
  ],
  ['no room for the slot', { slot: null, server: { slotsInUse: 10 } }, 'replication-slots-room'],
  ['the slot of another plugin', { slot: { plugin: 'wal2json' } }, 'slot-identity'],
  ['the slot of another database', { slot: { database: 'other' } }, 'slot-identity'],
  ['a lost slot', { slot: { walStatus: 'lost' } }, 'slot-wal-status'],
])('refused is %s', (_, facts, id) => {
  expect(refusedFor(facts)).toContain(id);
});
