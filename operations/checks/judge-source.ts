import { describeHidden } from '../../lib/sees-whole.ts';
import type { PublicationFacts, SourceFacts, SourceNames } from '../facts/source.ts';

/** Exactly what the publication must name. */
const PUBLISHED_TABLES = [
  'history_cdc_source.heartbeat',
  'history_cdc_source.signal',
  'public.agent_test_history',
] as const;

/** The oldest release that a test runs on, and the oldest that its makers support. */
export const OLDEST_POSTGRES = 140_000;

/** What keeps the connector from working, or from being complete; none where all is well. */
export function judgeSource(
  facts: SourceFacts & { readonly database: string },
  names: SourceNames,
): string[] {
  return [...serverProblems(facts), ...objectProblems(facts, names), ...slotProblems(facts, names)];
}

function serverProblems(facts: SourceFacts): string[] {
  const problems: string[] = [];
  if (facts.serverVersion < OLDEST_POSTGRES) {
    problems.push(
      `Postgres ${String(Math.floor(facts.serverVersion / 10_000))} is too old: 14 or later is needed`,
    );
  }
  if (facts.walLevel !== 'logical') {
    problems.push(
      `wal_level is ${facts.walLevel}: set it to logical (ALTER SYSTEM SET wal_level = logical) and restart Postgres`,
    );
  }
  return problems;
}

function objectProblems(facts: SourceFacts, names: SourceNames): string[] {
  const problems: string[] = [];
  if (!facts.dataTable) problems.push('the table public.agent_test_history does not exist');
  if (facts.replicaIdentity === 'n') {
    problems.push(
      'public.agent_test_history has neither primary key nor replica identity: deletes cannot be streamed',
    );
  }
  if (!facts.signalTable) problems.push('the table history_cdc_source.signal does not exist');
  if (!facts.heartbeatTable) problems.push('the table history_cdc_source.heartbeat does not exist');
  problems.push(...facts.hidden.map(describeHidden));
  if (facts.primaryKey && facts.keyColumns.join() !== 'id') {
    problems.push(
      `the primary key of public.agent_test_history is (${facts.keyColumns.join(', ')}): events must be keyed by id alone`,
    );
  }
  problems.push(
    ...facts.inheriting.map(
      (table) => `${table} inherits from public.agent_test_history: its rows are not streamed`,
    ),
  );
  if (facts.partitioned && facts.publication?.viaRoot === false) {
    return [
      ...problems,
      `the publication ${names.publication} lacks publish_via_partition_root: public.agent_test_history is partitioned`,
    ];
  }
  problems.push(...publicationProblems(facts.publication, names.publication));
  if (facts.role === null) problems.push(`the role ${names.role} does not exist`);
  else {
    if (!facts.role.mayReplicate) problems.push(`the role ${names.role} lacks LOGIN or REPLICATION`);
    problems.push(...facts.role.missing.map((right) => `the role ${names.role} lacks ${right}`));
  }
  return problems;
}

/** What the publication lacks, and what it has beyond. */
export function compareTables(found: readonly string[]): { missing: string[]; surplus: string[] } {
  return {
    missing: PUBLISHED_TABLES.filter((table) => !found.includes(table)),
    surplus: found.filter((table) => !PUBLISHED_TABLES.some((known) => known === table)),
  };
}

function publicationProblems(publication: PublicationFacts | null, name: string): string[] {
  if (publication === null) return [`the publication ${name} does not exist`];
  if (publication.allTables)
    return [`the publication ${name} is FOR ALL TABLES: it publishes the whole database`];
  const problems: string[] = [];
  const { missing, surplus } = compareTables(publication.tables);
  if (missing.length > 0) problems.push(`the publication ${name} lacks ${missing.join(', ')}`);
  if (surplus.length > 0) problems.push(`the publication ${name} also publishes ${surplus.join(', ')}`);
  if (publication.narrowed) problems.push(`the publication ${name} has a row filter or a column list`);
  if (!publication.everyOperation) problems.push(`the publication ${name} leaves out some kinds of change`);
  return problems;
}

function slotProblems(
  { slot, slotsInUse, slotsAllowed, database }: SourceFacts & { readonly database: string },
  names: SourceNames,
): string[] {
  if (slot === null) {
    return slotsInUse < slotsAllowed
      ? []
      : [`all ${String(slotsAllowed)} replication slots are in use: raise max_replication_slots or drop one`];
  }
  const problems: string[] = [];
  if (slot.plugin !== 'pgoutput') {
    problems.push(
      `the replication slot ${names.slot} belongs to ${slot.plugin ?? 'physical replication'}, not pgoutput`,
    );
  } else if (slot.database !== database) {
    problems.push(
      `the replication slot ${names.slot} belongs to the database ${slot.database ?? '-'}: slot names are shared by the server, choose another (SLOT_NAME)`,
    );
  }
  if (slot.walStatus === 'lost') {
    problems.push(`the replication slot ${names.slot} is lost: the server removed WAL that it had not read`);
  }
  return problems;
}
