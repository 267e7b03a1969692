import { FatalError } from '../../lib/errors.ts';
import type { RecordedArchive } from './archive-store.ts';
import { manifestBytes, manifestName, manifestSchema, sha256Of, type Manifest } from './manifest.ts';
import { damaged } from './read-object.ts';
import { readWhole, type Target } from './target.ts';

/** A manifest as it lies in the target. Throws ARCHIVE_DAMAGED for one that no export of ours wrote under this name. */
export async function readManifest(target: Target, id: string): Promise<Manifest> {
  const name = manifestName(id);
  const bytes = await readWhole(target, name);
  const parsed = manifestSchema.safeParse(parseJson(bytes, name));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw damaged(name, `it is no manifest of this format (${issue?.path.join('.') ?? ''})`);
  }
  if (parsed.data.id !== id) throw damaged(name, `it is the manifest of the archive ${parsed.data.id}`);
  if (!manifestBytes(parsed.data).equals(bytes)) throw damaged(name, 'it was written anew by something else');
  return parsed.data;
}

function parseJson(bytes: Buffer, name: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw damaged(name, 'it is no JSON', error);
  }
}

/**
 * The manifest of an archive that the database knows, by what the database recorded of it: a manifest that was put there by
 * somebody else has another SHA-256.
 */
export async function recordedManifest(target: Target, archive: RecordedArchive): Promise<Manifest> {
  const manifest = await readManifest(target, archive.id);
  if (sha256Of(manifestBytes(manifest)) !== archive.manifest_sha256)
    throw damaged(
      manifestName(archive.id),
      'its SHA-256 is not the one that was recorded when it was written',
    );
  return manifest;
}

export interface CompletedArchive extends RecordedArchive {
  readonly event: NonNullable<RecordedArchive['event']>;
  readonly manifest_sha256: string;
}

export function isCompleted(archive: RecordedArchive): archive is CompletedArchive {
  return archive.event !== null && archive.manifest_sha256 !== null;
}

/** The archive with this id; without an id, the newest one of this target that was completed. */
export function chooseArchive(
  archives: readonly RecordedArchive[],
  target: Target,
  id: string | undefined,
): CompletedArchive {
  const chosen = archives
    .filter(isCompleted)
    .find((archive) => (id === undefined ? archive.target === target.place : archive.id === id));
  if (chosen?.target === target.place) return chosen;
  throw new FatalError({
    code: 'ARCHIVE_NONE',
    message:
      id === undefined
        ? `no archive was completed at ${target.place}`
        : chosen === undefined
          ? `the database knows no complete archive ${id}`
          : `the archive ${id} lies at ${chosen.target}, and ARCHIVE_TARGET is ${target.place}`,
    wayOut: '`history-cdc archive list` shows what there is; `history-cdc archive export` makes one',
  });
}
