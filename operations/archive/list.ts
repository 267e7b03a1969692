import { recordedArchives, type RecordedArchive } from './archive-store.ts';
import { isCompleted, recordedManifest } from './load-manifest.ts';
import { MANIFESTS, OBJECTS, type Manifest } from './manifest.ts';
import { isUnusable } from './read-object.ts';
import type { Pool } from '../../lib/postgres.ts';
import type { Target } from './target.ts';

export type ArchiveState =
  NonNullable<RecordedArchive['event']> | 'unfinished' | 'damaged' | 'missing' | 'elsewhere';

export interface ListedArchive extends Omit<RecordedArchive, 'event'> {
  /** Its newest event, unless the manifest is not there, or is not the one that was recorded. */
  readonly state: ArchiveState;
  readonly manifest: Manifest | undefined;
}

export interface ArchiveList {
  readonly archives: readonly ListedArchive[];
  readonly objects: number;
  readonly bytes: number;
  /** Objects that no manifest of a known archive names: of a killed export, of a month that changed since, or somebody else's. */
  readonly unreferenced: readonly string[];
}

/** The archives that the database knows, and what lies in the target. It reads no rows. */
export async function listArchives(canonical: Pool, target: Target): Promise<ArchiveList> {
  const archives: ListedArchive[] = [];
  const named = new Set<string>();
  for (const { event, ...archive } of await recordedArchives(canonical)) {
    const found = await lookAt(target, { event, ...archive });
    for (const { name } of found.manifest?.objects ?? []) named.add(name);
    archives.push({ ...archive, ...found });
    if (found.manifest !== undefined) named.add(`${MANIFESTS}${archive.id}.json`);
  }
  let [objects, bytes] = [0, 0];
  const unreferenced: string[] = [];
  for (const prefix of [MANIFESTS, OBJECTS]) {
    for await (const listed of target.list(prefix)) {
      objects++;
      bytes += listed.bytes;
      if (!named.has(listed.name)) unreferenced.push(listed.name);
    }
  }
  return { archives, objects, bytes, unreferenced };
}

async function lookAt(
  target: Target,
  archive: RecordedArchive,
): Promise<{ readonly state: ArchiveState; readonly manifest: Manifest | undefined }> {
  if (!isCompleted(archive)) return { state: 'unfinished', manifest: undefined };
  if (archive.target !== target.place) return { state: 'elsewhere', manifest: undefined };
  try {
    return { state: archive.event, manifest: await recordedManifest(target, archive) };
  } catch (error) {
    if (!isUnusable(error)) throw error;
    return { state: error.code === 'ARCHIVE_DAMAGED' ? 'damaged' : 'missing', manifest: undefined };
  }
}
