import { randomUUID } from 'node:crypto';
import { RULE_VERSION } from '../../consumers/agent-test-history/rule/outcome.ts';
import { RELEASE } from '../../lib/release.ts';
import { exclusively, recordBegin, recordedArchives, recordEvent } from './archive-store.ts';
import { findKept, readKnown, type Known } from './known-objects.ts';
import {
  manifestBytes,
  manifestName,
  manifestSchema,
  sha256Of,
  totalsOf,
  type ArchivedObject,
  type Manifest,
} from './manifest.ts';
import { objectSchema } from './object-schema.ts';
import { withSnapshot, type Databases, type Snapshot } from './snapshot.ts';
import { writeWhole, type Target } from './target.ts';
import { writeMonth } from './write-month.ts';

export interface ExportContext extends Databases {
  readonly target: Target;
  readonly by?: string | undefined;
  readonly signal: AbortSignal;
  /** Throws if something may have been erased from the objects that this export has found. */
  readonly assertTurn?: () => Promise<void>;
  readonly progress: (rows: number, total: number) => void;
}

export interface ExportResult {
  /** The archive that holds the table now. */
  readonly manifest: Manifest;
  /** The snapshot of this export. */
  readonly source: Manifest['source'];
  /** False if the newest archive held everything already. Then nothing was written but a record of it. */
  readonly isNew: boolean;
  /** Months whose objects this export wrote, and those whose objects it found. */
  readonly written: readonly string[];
  readonly kept: readonly string[];
  /** Uploads and files that a killed export had left half done, and that were removed. */
  readonly removed: readonly string[];
}

/**
 * Archives the legacy table as it is now, with what the ledger says of each row. It writes the months that no earlier object holds,
 * and at the end the manifest. A process that is killed leaves objects without a manifest. The next export reads them back, and keeps
 * those whose content is still the table's.
 */
export async function exportArchive(context: ExportContext): Promise<ExportResult> {
  const { canonical, target, by } = context;
  return await exclusively(canonical, async () => {
    const removed = await target.removeUnfinished();
    const known = await readKnown(target, await recordedArchives(canonical));
    const id = randomUUID();
    const made = await withSnapshot(context, (snapshot) => exportSnapshot(context, { snapshot, known, id }));
    await context.assertTurn?.();
    const isNew = !isSame(made.manifest, known.newest);
    const manifest = isNew || known.newest === undefined ? made.manifest : known.newest;
    if (isNew) {
      if (made.written.length === 0) await recordBegin(canonical, id, { target: target.place, by });
      await writeWhole(target, manifestName(id), manifestBytes(manifest));
    }
    const { source } = made.manifest;
    const counts = { rows: manifest.rows, objects: manifest.objects.length, written: made.written.length };
    await recordEvent(canonical, {
      event: 'exported',
      id: manifest.id,
      manifestSha256: sha256Of(manifestBytes(manifest)),
      rows: manifest.rows,
      source,
      counts,
      by,
    });
    return { ...made, manifest, source, isNew, removed };
  });
}

interface Work {
  readonly snapshot: Snapshot;
  readonly known: Known;
  readonly id: string;
}

async function exportSnapshot(context: ExportContext, { snapshot, known, id }: Work) {
  const { canonical, target, by, signal, progress } = context;
  const schema = objectSchema(snapshot.table);
  const total = snapshot.months.reduce((sum, { rows }) => sum + rows, 0);
  let done = 0;
  const onRows = (rows: number) => {
    done += rows;
    progress(done, total);
  };
  const objects: ArchivedObject[] = [];
  const [written, kept]: [string[], string[]] = [[], []];
  for (const month of snapshot.months) {
    signal.throwIfAborted();
    const found = await findKept({ target, snapshot, schema, known }, month);
    if (found === undefined) {
      // Before the first object, so that the next export knows whose objects these are.
      if (written.length === 0) await recordBegin(canonical, id, { target: target.place, by });
      objects.push(await writeMonth({ target, snapshot, schema, id, signal, onRows }, month));
      written.push(month.name);
    } else {
      objects.push(found);
      kept.push(month.name);
      onRows(month.rows);
    }
  }
  const manifest: Manifest = manifestSchema.parse({
    format: 'history-cdc-archive',
    version: 1,
    id,
    target: target.place,
    release: RELEASE,
    ruleVersion: RULE_VERSION,
    source: snapshot.source,
    table: snapshot.table,
    schema,
    objects,
    ...totalsOf(objects),
  });
  return { manifest, written, kept };
}

/** The same rows, decisions and table, in the same objects. */
function isSame(made: Manifest, newest: Manifest | undefined): boolean {
  const content = (manifest: Manifest) => JSON.stringify([manifest.objects, manifest.table]);
  return newest !== undefined && content(made) === content(newest);
}
