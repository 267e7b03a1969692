import type { Pool } from '../../lib/postgres.ts';
import { recordEvent, type RecordedArchive } from './archive-store.ts';
import { readManifest } from './load-manifest.ts';
import {
  manifestBytes,
  manifestName,
  manifestSchema,
  recordedAs,
  sha256Of,
  type Manifest,
} from './manifest.ts';
import { readWhole, writeWhole, type Target } from './target.ts';

/** Manifests that are about to take the place of others lie here. */
const STAGED = 'erasing/';
const stagedName = (id: string) => `${STAGED}${id}.json`;

interface Place {
  readonly target: Target;
  readonly canonical: Pool;
  readonly by?: string | undefined;
}

/**
 * Puts a manifest in the place of the one with the same id, and records it. The new one lies beside the old one first: a run
 * that is killed anywhere in between leaves one of the two, and `finishReplacements` goes on from there.
 */
export async function replaceManifest(
  place: Place,
  manifest: Manifest,
  counts: Readonly<Record<string, number>>,
): Promise<void> {
  const { target } = place;
  await writeWhole(target, stagedName(manifest.id), manifestBytes(manifest));
  await moveIntoPlace(place, manifest);
  await recordEvent(place.canonical, {
    event: 'erased',
    ...recordedAs(manifest),
    source: undefined,
    counts,
    by: place.by,
  });
  await target.remove(stagedName(manifest.id));
}

async function moveIntoPlace({ target }: Place, manifest: Manifest): Promise<void> {
  const name = manifestName(manifest.id);
  const there = await names(target, name);
  // A store may refuse to write under a name that is only marked as deleted. A lock leaves the mark: no rows are in it.
  if (there.includes(name)) await target.erase(name).catch(() => target.remove(name));
  await writeWhole(target, name, manifestBytes(manifest));
}

/** Ends the replacements that an earlier run has begun; returns the ids of their archives. */
export async function finishReplacements(
  place: Place,
  archives: readonly RecordedArchive[],
): Promise<readonly string[]> {
  const { target } = place;
  const finished: string[] = [];
  for (const staged of await names(target, STAGED)) {
    const manifest = manifestSchema.parse(JSON.parse((await readWhole(target, staged)).toString('utf8')));
    const archive = archives.find(({ id }) => id === manifest.id);
    if (archive === undefined) continue;
    const current = await readManifest(target, manifest.id).catch(() => undefined);
    const isInPlace = current !== undefined && manifestBytes(current).equals(manifestBytes(manifest));
    if (!isInPlace) await moveIntoPlace(place, manifest);
    if (archive.manifest_sha256 !== sha256Of(manifestBytes(manifest)))
      await recordEvent(place.canonical, {
        event: 'erased',
        ...recordedAs(manifest),
        source: undefined,
        counts: {},
        by: place.by,
      });
    await target.remove(staged);
    finished.push(manifest.id);
  }
  return finished;
}

async function names(target: Target, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of target.list(prefix)) found.push(name);
  return found;
}
