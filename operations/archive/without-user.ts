import { createHash } from 'node:crypto';
import { FatalError } from '../../lib/errors.ts';
import { ObjectEncoder } from './avro-block.ts';
import { objectName, partsOfObjectName, type ArchivedObject, type Manifest } from './manifest.ts';
import { decisionHash, MonthHashes } from './month-hashes.ts';
import { codingsOf } from './object-schema.ts';
import { readObject, type ArchivedRow } from './read-object.ts';
import type { ObjectWriter, Target } from './target.ts';

export interface PersonIn {
  readonly target: Target;
  readonly manifest: Manifest;
  readonly user: string;
  readonly signal: AbortSignal;
}

/** Rows of an object that name the user. Reads all of it, and compares it with its manifest. */
export async function countRows(person: PersonIn, object: ArchivedObject): Promise<number> {
  const { target, manifest, signal } = person;
  const isTheirs = ofUser(person);
  let rows = 0;
  for await (const portion of readObject(target, manifest, object)) {
    signal.throwIfAborted();
    rows += portion.filter(isTheirs).length;
  }
  return rows;
}

function ofUser({ manifest, user }: PersonIn): (row: ArchivedRow) => boolean {
  const at = manifest.table.columns.findIndex(({ name }) => name === 'user_id');
  if (at < 0)
    throw new FatalError({
      code: 'ARCHIVE_NO_USERS',
      message: 'the archived table has no column user_id, so nobody can tell whose rows these are',
      wayOut: 'restore the archive, change the rows there, and archive that table',
    });
  const wanted = Buffer.from(user);
  return ({ values }) => values[at]?.equals(wanted) === true;
}

/**
 * The name of an object that takes the place of another one, without somebody's rows. It follows from the old object alone: a
 * run that was killed is found again by it, and it tells nothing of the user. Its id is a UUID of version 8, and the id of an
 * export is one of version 4.
 */
export function successorOf({ month, sha256 }: ArchivedObject): string {
  const hex = createHash('sha256').update(`successor of ${sha256}`).digest('hex');
  const id = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return objectName(month, id.join('-'));
}

export function isSuccessor(name: string): boolean {
  return partsOfObjectName(name)?.id[14] === '8';
}

/** Writes the object again without the user's rows; undefined if no row is left. */
export async function rewriteWithout(
  person: PersonIn,
  object: ArchivedObject,
): Promise<ArchivedObject | undefined> {
  const { target } = person;
  const name = successorOf(object);
  // An earlier run, for whomever it was, came this far and no further: no manifest names it.
  if (await exists(target, name)) await target.erase(name);
  const writer = await target.write(name);
  try {
    const written = await writeRows(person, object, writer);
    if (written.rows === 0) return undefined;
    await writer.finish();
    return { ...written, name, month: object.month };
  } finally {
    await writer.abort();
  }
}

async function exists(target: Target, name: string): Promise<boolean> {
  for await (const listed of target.list(name)) if (listed.name === name) return true;
  return false;
}

async function writeRows(person: PersonIn, object: ArchivedObject, writer: ObjectWriter) {
  const { target, manifest, signal } = person;
  const { table, schema } = manifest;
  const isTheirs = ofUser(person);
  const idAt = table.columns.findIndex(({ name }) => name === 'id');
  const hash = createHash('sha256');
  let bytes = 0;
  const encoder = new ObjectEncoder(codingsOf(table), async (chunk) => {
    hash.update(chunk);
    bytes += chunk.length;
    await writer.write(chunk);
  });
  const hashes = new MonthHashes();
  await encoder.begin(schema);
  for await (const portion of readObject(target, manifest, object)) {
    signal.throwIfAborted();
    for (const row of portion.filter((each) => !isTheirs(each))) {
      hashes.add(row, decisionHash(row.values[idAt] ?? null, row));
      const words = [row.decision, row.reason, row.canonicalRunId].map((text) =>
        text === null ? null : Buffer.from(text),
      );
      if (encoder.row([...row.values, ...words])) await encoder.flush();
    }
  }
  await encoder.end();
  return { ...hashes.end(), bytes, sha256: hash.digest('hex') };
}
