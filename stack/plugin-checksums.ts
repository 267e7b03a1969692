import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { missing } from './prerequisites.ts';

/**
 * The only jar that our build makes: a service manifest. It has no fixed checksum, because it contains the time of the
 * build.
 */
const MADE_HERE = '-avro-converter-manifest.jar';

/**
 * Compares the jars in a folder with a file that `sha256sum` wrote. So Kafka Connect loads only the bytes that were
 * reviewed, whichever mirror they came from, and no further jar. Throws STACK_PREREQUISITE, which names the first jars
 * that differ.
 */
export function assertChecksums(folder: string, sums: string, what = 'the plugins for Kafka Connect'): void {
  const expected = readSums(sums);
  const jars = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.jar') && !file.endsWith(MADE_HERE))
    .map((file) => file.split(path.sep).join('/'));
  const wrong = [
    ...[...expected.keys()].filter((file) => !jars.includes(file)).map((file) => `${file} is missing`),
    ...jars.flatMap((file) => {
      const sum = expected.get(file);
      if (sum === undefined) return [`${file} is not among them`];
      return sum === sha256(path.join(folder, file)) ? [] : [`${file} is another`];
    }),
  ];
  if (wrong.length > 0) throw notTheSame(what, wrong, sums);
}

/** Compares one file with its line among those of other platforms. */
export function assertArchive(file: string, sums: string): void {
  const name = path.basename(file);
  if (readSums(sums).get(name) !== sha256(file))
    throw notTheSame('the programs of Postgres', [`${name} is another`], sums);
}

function readSums(sums: string): ReadonlyMap<string, string> {
  return new Map(
    readFileSync(sums, 'utf8')
      .split('\n')
      .flatMap((line) => {
        const [, sum, file] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
        return sum === undefined || file === undefined ? [] : [[file, sum] as const];
      }),
  );
}

function notTheSame(what: string, wrong: readonly string[], sums: string): Error {
  return missing(
    `${what} are not those of ${path.basename(sums)}: ${wrong.slice(0, 3).join('; ')}`,
    `look where Maven fetched them from (~/.m2/settings.xml), remove them from the local Maven repository and run it again; after a change of versions, write ${path.basename(sums)} anew, as connectors/README.md says`,
  );
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
