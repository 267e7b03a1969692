/** A process that exports to a folder, and is killed where its arguments say: DATABASE_URL, folder, point, and the how many-eth. */
import { createPool } from '../../lib/postgres.ts';
import { exportArchive } from '../../operations/archive/export.ts';
import { folderTarget } from '../../operations/archive/folder-target.ts';
import type { Target } from '../../operations/archive/target.ts';

export const POINTS = ['write', 'finish', 'finished'] as const;

function doomed(target: Target, point: string, nth: number): Target {
  let met = 0;
  const meet = (here: (typeof POINTS)[number]) => {
    if (here === point && ++met === nth) process.kill(process.pid, 'SIGKILL');
  };
  return {
    ...target,
    write: async (name) => {
      const writer = await target.write(name);
      return {
        ...writer,
        write: async (bytes) => {
          await writer.write(bytes);
          meet('write');
        },
        finish: async () => {
          meet('finish');
          await writer.finish();
          meet('finished');
        },
      };
    },
  };
}

const [url = '', folder = '', point = '', nth = '1'] = process.argv.slice(2);
const pool = (copies: boolean) => createPool({ url, name: 'doomed', connections: 4, copies });
await exportArchive({
  canonical: pool(false),
  legacy: pool(true),
  target: doomed(folderTarget(folder), point, Number(nth)),
  signal: new AbortController().signal,
  progress: () => undefined,
});
process.stdout.write('not killed\n');
process.exit();
