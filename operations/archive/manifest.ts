/**
 * The format of an archive of `agent_test_history`. Start reading here.
 *
 * **Where things lie**, below the folder or the `s3://bucket/prefix` of ARCHIVE_TARGET:
 *
 *     objects/<month>/<id of the export>.avro    the rows of one month of `started_at`
 *     manifests/<id of the export>.json          the archive: written last, so an export without it is not an archive
 *
 * A month is called `2026-05`, `0044-03-BC`, `12026-01`, `infinity`, `minus-infinity`, or `none` (no time at all). A manifest may name
 * objects that an earlier export wrote, if the content of that month has not changed. No name is written twice.
 *
 * **An object** is an Avro object container file (deflate). Its rows are ordered by `(started_at, id)`. Each column of the table is
 * a field: `int` or `boolean` for those types, for every other type a `string` with Postgres's own text (`::text`, TimeZone UTC,
 * DateStyle ISO); a union with `null` where the column may be NULL. A field has the attributes `pgColumn` and `pgType`. Three
 * more fields, which begin with `history_cdc_`, hold the ledger's decision, reason and canonical id; NULL where the ledger has no
 * decision. They are always the last three.
 *
 * **Hashes.** The hash of a row is SHA-256 of `l1,l2,…,ln:v1v2…vn`: the texts of its columns in the table's order, preceded by
 * their lengths in bytes of UTF-8; a NULL has the length -1 and no text. A boolean is `true` or `false`. `rowHashSql` is the same
 * in Postgres. `contentSha256` of a month is SHA-256 of the hashes of its rows (32 bytes each), one after another in the order of
 * the rows. `decisionsSha256` is the same over the texts (id, decision, reason, canonical id). Those of the whole archive are SHA-256
 * of one line per object in the manifest's order: `<month> <rows> <hash>\n`.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.number().int().nonnegative();
const text = z.string();
const uuid = z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);

const column = z.strictObject({
  name: text,
  /** The name of the field in the objects: an Avro name, which is the column's own name where that is one. */
  field: text,
  /** As `format_type` writes it: `timestamp with time zone`, `numeric(10,2)`. */
  type: text,
  avro: z.enum(['string', 'int', 'boolean']),
  notNull: z.boolean(),
  /** Quoted and qualified; null where it is the type's own. */
  collation: text.nullable(),
  /** The expression of the default, or of a generated column. */
  default: text.nullable(),
  generated: z.boolean(),
  identity: z.enum(['always', 'by default']).nullable(),
});

const object = z.strictObject({
  name: text,
  month: text,
  bytes: count,
  /** Of the object as it lies there. */
  sha256,
  rows: count,
  contentSha256: sha256,
  decisionsSha256: sha256,
  /** Rows by decision; `undecided` where the ledger has none. */
  decisions: z.record(text, count),
});

/** The manifest, as it is written. It holds no value of a row, and no credentials. */
export const manifestSchema = z.strictObject({
  format: z.literal('history-cdc-archive'),
  version: z.literal(1),
  /** Of `history_cdc.archive`. */
  id: uuid,
  /** The place without credentials: `s3://bucket/prefix`, or a folder. */
  target: text,
  release: text,
  ruleVersion: count,
  source: z.strictObject({
    table: z.literal('public.agent_test_history'),
    serverVersion: text,
    /** By the clock of the legacy database. */
    snapshotAt: text,
    /** A position of the WAL, read just before the snapshot was taken: what was visible then is in the archive. */
    snapshotLsn: text,
    /** `pg_current_snapshot()`. */
    snapshot: text,
  }),
  table: z.strictObject({
    columns: z.array(column).min(1),
    /** `definition` is what follows `ADD CONSTRAINT name`. In an order in which they can be added. */
    constraints: z.array(
      z.strictObject({
        name: text,
        kind: z.enum(['primary key', 'unique', 'check', 'foreign key', 'exclusion', 'not null', 'trigger']),
        definition: text,
      }),
    ),
    /** Indexes that belong to no constraint, each as a whole statement. */
    indexes: z.array(z.strictObject({ name: text, definition: text })),
    /** Types of columns that are not Postgres's own; `ddl` is null where we cannot make the type (an extension's). */
    types: z.array(z.strictObject({ name: text, kind: text, ddl: text.nullable() })),
    /** All of it as one script, for a person. */
    ddl: text,
  }),
  /** The Avro schema of every object. */
  schema: z.record(text, z.unknown()),
  objects: z.array(object),
  rows: count,
  contentSha256: sha256,
  decisionsSha256: sha256,
  decisions: z.record(text, count),
});

export type Manifest = Readonly<z.output<typeof manifestSchema>>;
export type ArchivedObject = Manifest['objects'][number];
export type ArchivedColumn = Manifest['table']['columns'][number];
export type TableDefinition = Manifest['table'];

export const MANIFESTS = 'manifests/';
export const OBJECTS = 'objects/';

export function manifestName(id: string): string {
  return `${MANIFESTS}${id}.json`;
}

export function objectName(month: string, id: string): string {
  return `${OBJECTS}${month}/${id}.avro`;
}

const OBJECT_NAME = /^objects\/([^/]+)\/([0-9a-f-]{36})\.avro$/;

/** The month and the export of an object's name; undefined for a name that no export of ours gives. */
export function partsOfObjectName(name: string): { readonly month: string; readonly id: string } | undefined {
  const [, month, id] = OBJECT_NAME.exec(name) ?? [];
  return month === undefined || id === undefined ? undefined : { month, id };
}

/** The manifest's bytes. Their SHA-256 is what `history_cdc.archive_event` keeps. */
export function manifestBytes(manifest: Manifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifestSchema.parse(manifest), null, 2)}\n`);
}

export function sha256Of(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What `history_cdc.archive_event` keeps of a manifest. */
export function recordedAs(manifest: Manifest) {
  return { id: manifest.id, rows: manifest.rows, manifestSha256: sha256Of(manifestBytes(manifest)) };
}

/** What the manifest says of the whole, made from what it says of its objects. */
export function totalsOf(objects: readonly ArchivedObject[]) {
  const lines = (of: 'contentSha256' | 'decisionsSha256') =>
    sha256Of(objects.map((each) => `${each.month} ${String(each.rows)} ${each[of]}\n`).join(''));
  const decisions: Record<string, number> = {};
  for (const each of objects)
    for (const [name, rows] of Object.entries(each.decisions))
      decisions[name] = (decisions[name] ?? 0) + rows;
  return {
    rows: objects.reduce((sum, { rows }) => sum + rows, 0),
    contentSha256: lines('contentSha256'),
    decisionsSha256: lines('decisionsSha256'),
    decisions,
  };
}
