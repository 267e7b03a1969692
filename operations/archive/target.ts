/** An object of a target. Names are relative to the target's folder or prefix, with `/` between their parts. */
export interface Listed {
  readonly name: string;
  readonly bytes: number;
}

/** Takes the bytes of one new object. It exists once `finish` has returned, and before that nothing of it can be seen. */
export interface ObjectWriter {
  write(bytes: Buffer): Promise<void>;
  /** Throws ARCHIVE_OBJECT_EXISTS if an object of this name exists: nothing is overwritten. */
  finish(): Promise<void>;
  /** Leaves nothing behind. Safe to call at any time, also after `finish`. */
  abort(): Promise<void>;
}

/**
 * Where an archive lies: a folder, or a bucket of S3. Every error has a code of its own (`ARCHIVE_…`) and names the object. An
 * implementation never overwrites an object, and shows no part of one.
 */
export interface Target {
  /** As people may see it: no credentials. */
  readonly place: string;
  /** Throws if the target cannot be used at all; it writes nothing. */
  check(): Promise<void>;
  /** All objects whose names begin with `prefix`, in the order of their names. */
  list(prefix: string): AsyncIterable<Listed>;
  /** The bytes of an object; throws ARCHIVE_OBJECT_MISSING. */
  read(name: string): Promise<AsyncIterable<Buffer>>;
  write(name: string): Promise<ObjectWriter>;
  /** Removes what writers that were killed have left; returns the names of their objects. Call it only while no other writes. */
  removeUnfinished(): Promise<string[]>;
  /** Removes an object, for `archive erase`. Nothing else removes anything. */
  remove(name: string): Promise<void>;
  /** The same with all versions that a bucket keeps of it. One that is locked stays, and stays listed. */
  erase(name: string): Promise<void>;
  close(): void;
}

/** A small object as a whole. */
export async function readWhole(target: Target, name: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await target.read(name)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function writeWhole(target: Target, name: string, bytes: Buffer): Promise<void> {
  const writer = await target.write(name);
  try {
    await writer.write(bytes);
    await writer.finish();
  } finally {
    await writer.abort();
  }
}
