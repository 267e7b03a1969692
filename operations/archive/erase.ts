/**
 * Takes a person's rows out of every archive of a target. The objects that hold such rows are written again without them, under
 * new names; then manifests that name the new objects take the place of the old ones; at last the old objects are removed. It
 * can be killed anywhere and run again. What is recorded are counts: nothing names the person, or what the rows held.
 */
import { FatalError, messageOf } from '../../lib/errors.ts';
import type { Pool } from '../../lib/postgres.ts';
import { exclusively, recordedArchives, type RecordedArchive } from './archive-store.ts';
import { recordedManifest } from './load-manifest.ts';
import {
  MANIFESTS,
  OBJECTS,
  partsOfObjectName,
  totalsOf,
  type ArchivedObject,
  type Manifest,
} from './manifest.ts';
import { finishReplacements, replaceManifest } from './replace-manifest.ts';
import type { Target } from './target.ts';
import { countRows, isSuccessor, rewriteWithout, successorOf } from './without-user.ts';

export interface EraseContext {
  readonly canonical: Pool;
  readonly target: Target;
  readonly user: string;
  readonly by?: string | undefined;
  readonly signal: AbortSignal;
  readonly progress: (objects: number, total: number) => void;
}

export interface Erasure {
  readonly applied: boolean;
  /** The person's rows in all objects; a row that two objects hold counts twice. */
  readonly rows: number;
  /** Archives with such rows, by id. */
  readonly archives: readonly string[];
  /** Objects with such rows. */
  readonly objects: readonly string[];
  /** Objects that no manifest names: an export or an erasure that was killed has left them, and they may hold such rows. */
  readonly leftovers: readonly string[];
  /** What holds or may hold such rows still, and why. */
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

/** A dry run: it reads every object, and changes nothing. */
export async function planErasure(context: EraseContext): Promise<Erasure> {
  const found = await find(context);
  return { ...summaryOf(found), applied: false };
}

export async function eraseUser(context: EraseContext): Promise<Erasure> {
  const { canonical, target } = context;
  return await exclusively(canonical, async () => {
    await finishReplacements(context, await recordedArchives(canonical));
    const found = await find(context);
    const successors = new Map<string, ArchivedObject | undefined>();
    for (const hit of found.hits) successors.set(hit.object.name, await successorFor(context, found, hit));
    for (const manifest of found.archives.toReversed())
      await replace(context, manifest, { found, successors });
    const named = new Set([...successors.values()].map((successor) => successor?.name));
    // An earlier run may have left the same successor, unnamed when this one looked: it is named now.
    const leftovers = found.leftovers.filter((name) => !named.has(name));
    const left = await removeAll(target, [...found.hits.map(({ object }) => object.name), ...leftovers]);
    return { ...summaryOf(found), left: [...found.left, ...left], applied: true };
  });
}

interface Hit {
  readonly object: ArchivedObject;
  /** Of an archive that names it. */
  readonly manifest: Manifest;
  readonly rows: number;
}

/**
 * What takes the place of an object. If a manifest names its successor already, an earlier run came that far with another
 * archive: that one is complete, and it must not be written again. It may hold rows of this user, if that run was for another.
 */
async function successorFor(
  context: EraseContext,
  found: Found,
  { object, manifest }: Pick<Hit, 'object' | 'manifest'>,
): Promise<ArchivedObject | undefined> {
  const named = found.named.get(successorOf(object));
  if (named === undefined) return await rewriteWithout({ ...context, manifest }, object);
  const isHit = found.hits.some((hit) => hit.object.name === named.object.name);
  return isHit ? await successorFor(context, found, named) : named.object;
}

interface Found {
  /** Every object that a manifest names, with one of the manifests. */
  readonly named: ReadonlyMap<string, Pick<Hit, 'object' | 'manifest'>>;
  readonly hits: readonly Hit[];
  /** The archives that name one of the hits, the newest first. */
  readonly archives: readonly Manifest[];
  readonly leftovers: readonly string[];
  readonly left: Erasure['left'];
}

function summaryOf({ hits, archives, leftovers, left }: Found): Omit<Erasure, 'applied'> {
  return {
    rows: hits.reduce((sum, { rows }) => sum + rows, 0),
    archives: archives.map(({ id }) => id),
    objects: hits.map(({ object }) => object.name),
    leftovers,
    left,
  };
}

async function find(context: EraseContext): Promise<Found> {
  const { canonical, target, progress } = context;
  const here = (await recordedArchives(canonical)).filter((archive) => archive.target === target.place);
  const { manifests, unreadable } = await readManifests(target, here);
  const named = new Map(
    manifests.flatMap((manifest) =>
      manifest.objects.map((object) => [object.name, { object, manifest }] as const),
    ),
  );
  const hits: Hit[] = [];
  let looked = 0;
  for (const { object, manifest } of named.values()) {
    const rows = await countRows({ ...context, manifest }, object);
    if (rows > 0) hits.push({ object, manifest, rows });
    progress(++looked, named.size);
  }
  const isHit = new Set(hits.map(({ object }) => object.name));
  const archives = manifests.filter(({ objects }) => objects.some(({ name }) => isHit.has(name)));
  const { leftovers, foreign } = await unnamedObjects(target, {
    here,
    named: [...named.values()].map(({ object }) => object),
  });
  const left = [...unreadable, ...(await foreignManifests(target, here)), ...foreign];
  return { named, hits, archives, leftovers, left };
}

/** An archive whose manifest is lost has objects that nobody can name: they are leftovers. */
async function readManifests(target: Target, here: readonly RecordedArchive[]) {
  const manifests: Manifest[] = [];
  const unreadable: { name: string; why: string }[] = [];
  for (const archive of here.filter(({ event }) => event !== null)) {
    try {
      manifests.push(await recordedManifest(target, archive));
    } catch (error) {
      if (!(error instanceof FatalError)) throw error;
      if (error.code === 'ARCHIVE_DAMAGED')
        unreadable.push({ name: `archive ${archive.id}`, why: messageOf(error) });
      else if (error.code !== 'ARCHIVE_OBJECT_MISSING') throw error;
    }
  }
  return { manifests, unreadable };
}

const FOREIGN = 'the database does not know the export that wrote it, so it was not looked into';

async function unnamedObjects(
  target: Target,
  { here, named }: { readonly here: readonly RecordedArchive[]; readonly named: readonly ArchivedObject[] },
) {
  const ours = new Set(here.map(({ id }) => id));
  const isNamed = new Set(named.map(({ name }) => name));
  const leftovers: string[] = [];
  const foreign: { name: string; why: string }[] = [];
  for await (const { name } of target.list(OBJECTS)) {
    if (isNamed.has(name)) continue;
    const id = partsOfObjectName(name)?.id;
    if (isSuccessor(name) || (id !== undefined && ours.has(id))) leftovers.push(name);
    else foreign.push({ name, why: FOREIGN });
  }
  return { leftovers, foreign };
}

async function foreignManifests(target: Target, here: readonly RecordedArchive[]): Promise<Erasure['left']> {
  const ours = new Set(here.map(({ id }) => `${MANIFESTS}${id}.json`));
  const foreign: { name: string; why: string }[] = [];
  for await (const { name } of target.list(MANIFESTS))
    if (!ours.has(name)) foreign.push({ name, why: FOREIGN });
  return foreign;
}

interface Replacement {
  readonly found: Found;
  /** What takes the place of each hit; undefined where no row is left. */
  readonly successors: ReadonlyMap<string, ArchivedObject | undefined>;
}

async function replace(
  { canonical, target, by }: EraseContext,
  manifest: Manifest,
  { found, successors }: Replacement,
): Promise<void> {
  const objects = manifest.objects.flatMap((object) =>
    successors.has(object.name) ? (successors.get(object.name) ?? []) : object,
  );
  const concerned = found.hits.filter(({ object }) =>
    manifest.objects.some(({ name }) => name === object.name),
  );
  const counts = { rows: concerned.reduce((sum, { rows }) => sum + rows, 0), objects: concerned.length };
  await replaceManifest({ target, canonical, by }, { ...manifest, objects, ...totalsOf(objects) }, counts);
}

/** One that cannot be removed (an object lock, a missing right) keeps no other from it. */
async function removeAll(target: Target, names: readonly string[]): Promise<Erasure['left']> {
  const left: { name: string; why: string }[] = [];
  for (const name of names) {
    try {
      await target.erase(name);
    } catch (error) {
      left.push({ name, why: messageOf(error) });
    }
  }
  return left;
}
