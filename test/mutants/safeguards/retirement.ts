import type { Safeguard } from '../mutant.ts';

export const RETIREMENT: Safeguard = {
  name: 'The legacy table is dropped only as it was verified, and nobody writes behind the fence',
  mutants: [
    {
      id: 'drop-unchanged',
      breaks: 'a row that was written behind the fence, since the archive was verified, goes with the table',
      at: '../../operations/retire/drop.ts',
      find: ": since !== '0'",
      replace: ": since === ''",
      by: 'retire/drop.pg.test.ts',
    },
    {
      id: 'fence-behind',
      breaks: 'an archive counts that was verified while a writer of before the fence was still at work',
      at: '../../operations/retire/sql/closing-archive.sql',
      find: 'pg_snapshot_xmin(e.snapshot) > $1::xid8 IS TRUE AS "isBehind"',
      replace: '$1::xid8 IS NOT NULL AS "isBehind"',
      by: 'retire/drop.pg.test.ts',
    },
    {
      id: 'fence-always',
      breaks: 'a session that replicates writes through the fence',
      at: '../../operations/fence/sql/fence.sql',
      find: 'ENABLE ALWAYS TRIGGER',
      replace: 'ENABLE TRIGGER',
      by: 'retire/fence.pg.test.ts',
    },
  ],
};
