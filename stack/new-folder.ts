import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import path from 'node:path';

/**
 * Makes a folder that appears only when it is complete: it is filled under another name and then renamed. The other
 * name is never used twice, because after a kill, the program that fills the folder may still be writing.
 */
export async function newFolder(
  folder: string,
  fill: (fresh: string) => void | Promise<void>,
): Promise<void> {
  if (existsSync(folder)) return;
  const parent = path.dirname(folder);
  const prefix = `${path.basename(folder)}.new-`;
  mkdirSync(parent, { recursive: true });
  for (const entry of readdirSync(parent)) {
    if (entry.startsWith(prefix)) rmSync(path.join(parent, entry), { recursive: true, force: true });
  }
  const fresh = path.join(parent, `${prefix}${randomUUID()}`);
  mkdirSync(fresh, { mode: 0o700 });
  await fill(fresh);
  renameSync(fresh, folder);
}
