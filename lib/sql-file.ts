import { readFileSync } from 'node:fs';

/** The text of an SQL file beside the module that names it: `sqlFile(import.meta.url, './sql/lookup.sql')`. */
export function sqlFile(moduleUrl: string, path: string): string {
  return readFileSync(new URL(path, moduleUrl), 'utf8');
}
