import type { ArchivedColumn, TableDefinition } from './manifest.ts';
import { OWN_FIELDS } from './table-definition.ts';

/** What the ledger says of a row; all three are null where it says nothing. */
export const LEDGER_FIELDS = ['decision', 'reason', 'canonical_run_id'] as const;

interface Field {
  readonly name: string;
  readonly type: string | readonly string[];
  readonly [attribute: string]: unknown;
}

/** The Avro schema of an object. */
export function objectSchema({ columns }: Pick<TableDefinition, 'columns'>): Record<string, unknown> {
  return {
    type: 'record',
    name: 'agent_test_history',
    namespace: 'history_cdc.archive.v1',
    doc: 'Rows of one month in the order of (started_at, id). Strings are the text of Postgres: TimeZone UTC, DateStyle ISO.',
    fields: [...columns.map(fieldOf), ...LEDGER_FIELDS.map(ledgerField)],
  };
}

function fieldOf({ name, field, type, avro, notNull }: ArchivedColumn): Field {
  return { name: field, type: notNull ? avro : ['null', avro], pgColumn: name, pgType: type };
}

function ledgerField(name: string): Field {
  return { name: `${OWN_FIELDS}${name}`, type: ['null', 'string'] };
}

/** How the fields of a row are coded, in their order. */
export interface FieldCoding {
  readonly avro: ArchivedColumn['avro'];
  readonly nullable: boolean;
}

export function codingsOf({ columns }: Pick<TableDefinition, 'columns'>): FieldCoding[] {
  return [
    ...columns.map(({ avro, notNull }) => ({ avro, nullable: !notNull })),
    ...LEDGER_FIELDS.map(() => ({ avro: 'string', nullable: true }) as const),
  ];
}
