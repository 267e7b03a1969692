import type { RecordedArchive } from './archive-store.ts';
import { readLegacyRows } from './legacy-rows.ts';
import { withLedgerWords } from './ledger-words.ts';
import { isCompleted, recordedManifest, type CompletedArchive } from './load-manifest.ts';
import { OBJECTS, partsOfObjectName, type ArchivedObject, type Manifest } from './manifest.ts';
import { decisionHash, MonthHashes } from './month-hashes.ts';
import type { Month } from './months.ts';
import { isUnusable, readRows, type Measured } from './read-object.ts';
import type { Snapshot } from './snapshot.ts';
import type { Target } from './target.ts';

/** What the target holds of earlier exports. */
export interface Known {
  /** The newest archive that was completed. */
  readonly newest: Manifest | undefined;
  /** Its objects, where they are there in their size, by month. */
  readonly described: ReadonlyMap<string, ArchivedObject>;
  /** The last comparison found a difference: what its manifest says of an object is not believed without reading it. */
  readonly doubted: boolean;
  /** Names of objects of exports that never came to their end, by month. */
  readonly unfinished: ReadonlyMap<string, readonly string[]>;
}

/** Objects of exports that the database does not know are not looked at: somebody else may have put them there. */
export async function readKnown(target: Target, archives: readonly RecordedArchive[]): Promise<Known> {
  const here = archives.filter((archive) => archive.target === target.place);
  const completed = here.find(isCompleted);
  const newest = completed && (await readNewest(target, completed));
  const sizes = new Map<string, number>();
  for await (const { name, bytes } of target.list(OBJECTS)) sizes.set(name, bytes);
  const open = new Set(
    here
      .filter(({ event, id }) => event === null || (id === completed?.id && newest === undefined))
      .map(({ id }) => id),
  );
  const unfinished = new Map<string, string[]>();
  for (const name of sizes.keys()) {
    const parts = partsOfObjectName(name);
    if (parts === undefined || !open.has(parts.id)) continue;
    unfinished.set(parts.month, [...(unfinished.get(parts.month) ?? []), name]);
  }
  const present = (newest?.objects ?? []).filter(({ name, bytes }) => sizes.get(name) === bytes);
  return {
    newest,
    described: new Map(present.map((object) => [object.month, object])),
    doubted: completed?.event === 'differs' || completed?.event === 'drill_differs',
    unfinished,
  };
}

/** Without its manifest an archive is as an unfinished one: its objects are read before they are used again. */
async function readNewest(target: Target, archive: CompletedArchive): Promise<Manifest | undefined> {
  try {
    return await recordedManifest(target, archive);
  } catch (error) {
    if (isUnusable(error)) return undefined;
    throw error;
  }
}

/** Where an object is looked for that holds the month as the snapshot has it. */
interface Place {
  readonly target: Target;
  readonly snapshot: Snapshot;
  readonly schema: Manifest['schema'];
  readonly known: Known;
}

/** An object of an earlier export that holds exactly the rows, and the decisions, of this month. */
export async function findKept(place: Place, month: Month): Promise<ArchivedObject | undefined> {
  const { target, snapshot, schema, known } = place;
  const described = known.described.get(month.name);
  const unfinished = known.unfinished.get(month.name) ?? [];
  if (described === undefined && unfinished.length === 0) return undefined;
  const now = await measureMonth(snapshot, month);
  const isSame = (found: Measured) =>
    found.rows === now.rows &&
    found.contentSha256 === now.contentSha256 &&
    found.decisionsSha256 === now.decisionsSha256;
  if (
    described !== undefined &&
    isSame(described) &&
    JSON.stringify(known.newest?.schema) === JSON.stringify(schema)
  ) {
    if (!known.doubted) return described;
    const found = await measureObject(target, described.name, { table: snapshot.table, schema });
    if (found?.sha256 === described.sha256) return described;
  }
  for (const name of unfinished) {
    const found = await measureObject(target, name, { table: snapshot.table, schema });
    if (found !== undefined && isSame(found)) return { name, month: month.name, ...found };
  }
  return undefined;
}

/** Undefined if it cannot be used. */
async function measureObject(
  target: Target,
  name: string,
  expected: Pick<Manifest, 'table' | 'schema'>,
): Promise<Measured | undefined> {
  const rows = readRows(target, name, expected);
  try {
    for (;;) {
      const portion = await rows.next();
      if (portion.done === true) return portion.value;
    }
  } catch (error) {
    if (isUnusable(error)) return undefined;
    throw error;
  }
}

/** The hashes of a month as the databases have it. Postgres hashes the rows, and sends no more than their keys and hashes. */
async function measureMonth({ legacy, ledger, table }: Snapshot, month: Month) {
  const hashes = new MonthHashes();
  const rows = readLegacyRows(legacy, table.columns, { month, wanted: 'key' });
  for await (const portion of withLedgerWords(ledger, rows))
    for (const [row, word] of portion)
      hashes.add({ hash: row.hash, decision: word.decision }, decisionHash(Buffer.from(row.id), word));
  return hashes.end();
}
