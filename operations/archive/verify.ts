import { messageOf } from '../../lib/errors.ts';
import { recordedArchives, recordEvent } from './archive-store.ts';
import { compareMonth } from './compare-month.ts';
import { Differences, DIFFERENCES } from './differences.ts';
import { confirmLedgerOnly, findLedgerOnly } from './ledger-only.ts';
import { chooseArchive, recordedManifest, type CompletedArchive } from './load-manifest.ts';
import type { ArchivedObject, Manifest } from './manifest.ts';
import { isUnusable, readObject } from './read-object.ts';
import { withSnapshot, type Databases, type Snapshot } from './snapshot.ts';
import type { Target } from './target.ts';

export interface VerifyContext extends Databases {
  readonly target: Target;
  /** Undefined: the newest one. */
  readonly archiveId?: string | undefined;
  readonly by?: string | undefined;
  readonly signal: AbortSignal;
  /** Throws if something may have been erased from the archive since the verification began. */
  readonly assertTurn?: () => Promise<void>;
  readonly progress: (rows: number, total: number) => void;
}

export interface VerifyResult {
  readonly verdict: 'verified' | 'differs';
  readonly archiveId: string;
  /** Of the archive, as its manifest says. */
  readonly rows: number;
  readonly source: Manifest['source'];
  readonly differences: Differences;
  /** Objects that are missing or not what was written, and why. Their rows were not compared. */
  readonly damaged: readonly Damage[];
}

/**
 * Reads an archive back as a whole, and compares it with the table and the ledger as they are now. Records `verified` only if every
 * object is what was written, and every row of the table is in the archive with its content and its decision, and the other way
 * round. If it cannot read something (no right, no answer), it throws and records nothing.
 */
export async function verifyArchive(context: VerifyContext): Promise<VerifyResult> {
  const { canonical, target, archiveId, by } = context;
  const archive = chooseArchive(await recordedArchives(canonical), target, archiveId);
  const compared = await withSnapshot(context, (snapshot) => compare(context, archive, snapshot));
  const { differences, damaged, source, rows } = compared;
  for (const id of await confirmLedgerOnly(context, compared.ledgerOnly)) differences.note('ledger_only', id);
  const verdict = isWhole(compared) ? 'verified' : 'differs';
  const counts = Object.fromEntries([
    ['same', differences.same],
    ['deleted_since', differences.deletedSince],
    ['damaged_objects', damaged.length],
    ...DIFFERENCES.map((kind) => [kind, differences.count(kind)] as const),
  ]) as Record<string, number>;
  const { id, manifest_sha256: manifestSha256 } = archive;
  await context.assertTurn?.();
  await recordEvent(canonical, { id, event: verdict, manifestSha256, rows, source, counts, by });
  return { verdict, archiveId: id, rows, source, differences, damaged };
}

/** Every row of the table was found equal, and the archive has no others but those that were deleted since. */
function isWhole({ differences, damaged, manifest, tableRows }: Compared): boolean {
  return (
    manifest !== undefined &&
    damaged.length === 0 &&
    differences.total === 0 &&
    differences.same === tableRows &&
    differences.same + differences.deletedSince === manifest.rows
  );
}

interface Compared {
  /** Undefined if it is missing or damaged. */
  readonly manifest: Manifest | undefined;
  readonly rows: number;
  readonly tableRows: number;
  readonly source: Manifest['source'];
  readonly differences: Differences;
  readonly damaged: readonly Damage[];
  /** To be confirmed. */
  readonly ledgerOnly: readonly string[];
}

interface Damage {
  readonly object: string;
  readonly why: string;
}

async function compare(
  { target, signal, progress }: VerifyContext,
  archive: CompletedArchive,
  snapshot: Snapshot,
): Promise<Compared> {
  const tableRows = snapshot.months.reduce((sum, { rows }) => sum + rows, 0);
  const damaged: Damage[] = [];
  const differences = new Differences();
  const manifest = await unlessDamaged(damaged, () => recordedManifest(target, archive));
  let done = 0;
  const onRows = (rows: number) => {
    done += rows;
    progress(done, tableRows);
  };
  const months = new Map(snapshot.months.map((month) => [month.name, month]));
  const objects = new Map(manifest?.objects.map((object) => [object.month, object]));
  for (const name of new Set([...months.keys(), ...objects.keys()])) {
    if (manifest === undefined) break;
    signal.throwIfAborted();
    const archived = readMonth(target, manifest, objects.get(name));
    const month = months.get(name);
    const found = await unlessDamaged(damaged, () =>
      compareMonth({ snapshot, columns: manifest.table.columns, month, archived, onRows }),
    );
    if (found !== undefined) differences.add(found);
  }
  const ledgerOnly = damaged.length > 0 ? [] : await findLedgerOnly(snapshot, differences.decided);
  return {
    ...{ manifest, tableRows, differences, damaged, ledgerOnly },
    rows: Number(archive.rows),
    source: snapshot.source,
  };
}

function readMonth(target: Target, manifest: Manifest, object: ArchivedObject | undefined) {
  return object === undefined ? undefined : readObject(target, manifest, object);
}

/** Notes an object that is missing or not what was written. Any other error ends the comparison: nothing is known then. */
async function unlessDamaged<T>(damaged: Damage[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isUnusable(error)) throw error;
    damaged.push({ object: String(error.facts['object']), why: messageOf(error) });
    return undefined;
  }
}
