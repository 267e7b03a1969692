import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants, link, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { FatalError, messageOf } from '../../lib/errors.ts';
import type { Listed, ObjectWriter, Target } from './target.ts';

/** Objects that are not complete yet lie here, under names that nobody lists. */
const PARTIAL = '.partial';

/** A folder as a target. Its files are readable by their owner only, because they hold personal data. */
export function folderTarget(folder: string): Target {
  const root = path.resolve(folder);
  const fileOf = (name: string) => path.join(root, ...name.split('/'));
  const remove = async (name: string) => {
    await unlink(fileOf(name)).catch((error: unknown) => {
      throw named(error, name);
    });
  };
  return {
    place: root,
    check: async () => {
      const usable = await nearest(root);
      await access(usable, constants.R_OK | constants.W_OK | constants.X_OK).catch((error: unknown) => {
        throw named(error, usable);
      });
    },
    list: (prefix) => listBelow(root, prefix),
    read: (name) => readFile(fileOf(name), name),
    write: (name) => newFile(root, fileOf(name), name),
    removeUnfinished: async () => {
      const left = await readdir(path.join(root, PARTIAL)).catch(() => []);
      for (const file of left) await rm(path.join(root, PARTIAL, file), { force: true });
      return left;
    },
    remove,
    erase: remove,
    close: () => undefined,
  };
}

/** The folder, or the nearest one above it that exists. */
async function nearest(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined);
  if (found !== undefined || path.dirname(folder) === folder) return folder;
  return await nearest(path.dirname(folder));
}

async function* listBelow(root: string, prefix: string): AsyncGenerator<Listed> {
  const above = prefix.slice(0, prefix.lastIndexOf('/') + 1);
  const names: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(path.join(root, folder), { withFileTypes: true }).catch(
      (error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw named(error, folder);
      },
    );
    for (const entry of entries) {
      const name = `${folder}${entry.name}`;
      if (entry.isDirectory() && name !== PARTIAL) await walk(`${name}/`);
      else if (entry.isFile() && name.startsWith(prefix)) names.push(name);
    }
  };
  await walk(above);
  for (const name of names.sort()) {
    const { size } = await stat(path.join(root, ...name.split('/')));
    yield { name, bytes: size };
  }
}

/** Opened before it returns, so that a missing file is known at once. */
async function readFile(file: string, name: string): Promise<AsyncIterable<Buffer>> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw named(error, name);
  });
  return (async function* () {
    try {
      for await (const chunk of createReadStream(file, {
        fd: handle,
        autoClose: false,
        highWaterMark: 262_144,
      }))
        yield chunk as Buffer;
    } catch (error) {
      throw named(error, name);
    } finally {
      await handle.close();
    }
  })();
}

/**
 * Writes beside the place and links the complete file to it. A link fails where the name exists, and appears in one step,
 * also when the process is killed. The file and its folder are on the disk before `finish` returns.
 */
async function newFile(root: string, file: string, name: string): Promise<ObjectWriter> {
  const partial = path.join(root, PARTIAL, randomUUID());
  const naming = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw named(error, name);
    });
  await naming(mkdir(path.dirname(partial), { recursive: true, mode: 0o700 }));
  await naming(mkdir(path.dirname(file), { recursive: true, mode: 0o700 }));
  const handle = await naming(open(partial, 'wx', 0o600));
  let closed = false;
  const close = async () => {
    if (!closed) await handle.close();
    closed = true;
  };
  return {
    write: async (bytes) => {
      for (let at = 0; at < bytes.length;)
        at += (await naming(handle.write(bytes, at, bytes.length - at))).bytesWritten;
    },
    finish: async () => {
      await naming(handle.sync());
      await naming(close());
      await naming(link(partial, file));
      await naming(syncFolder(path.dirname(file)));
    },
    abort: async () => {
      await close().catch(() => undefined);
      await rm(partial, { force: true });
    },
  };
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** An error of the file system by its code. */
function named(error: unknown, name: string): Error {
  if (error instanceof FatalError) return error;
  const { code } = error as NodeJS.ErrnoException;
  const fatal = (meaning: Pick<FatalError, 'code' | 'message' | 'wayOut'>) =>
    new FatalError({ ...meaning, cause: error, facts: { object: name } });
  switch (code) {
    case 'ENOENT':
      return fatal({
        code: 'ARCHIVE_OBJECT_MISSING',
        message: `the archive has no object ${name}`,
        wayOut: 'check ARCHIVE_TARGET; `history-cdc archive list` shows what is there',
      });
    case 'EEXIST':
      return fatal({
        code: 'ARCHIVE_OBJECT_EXISTS',
        message: `the archive has an object ${name} already; nothing was overwritten`,
        wayOut: 'run the command again; if it says the same, look at who else writes to ARCHIVE_TARGET',
      });
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG': // the limit for the size of a file: of the file system, or of the process (`ulimit -f`)
      return fatal({
        code: 'ARCHIVE_TARGET_FULL',
        message: `there is no room for the object ${name} of the archive (${messageOf(error)})`,
        wayOut:
          'make room, or raise the limit that the message names, and run the command again: it keeps what is complete',
      });
    default:
      return fatal({
        code:
          code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
            ? 'ARCHIVE_DENIED'
            : 'ARCHIVE_TARGET_FAILED',
        message: `${name}: ${messageOf(error)}`,
        wayOut: 'check ARCHIVE_TARGET, and that this account may read and write there',
      });
  }
}
