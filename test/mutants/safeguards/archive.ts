import type { Safeguard } from '../mutant.ts';

export const ARCHIVE: Safeguard = {
  name: 'An archive is only verified if all of it was read and every row of the table is in it',
  mutants: [
    {
      id: 'archive-differs',
      breaks: 'an archive that lacks rows, or has others, is called verified',
      at: '../../operations/archive/verify.ts',
      find: "const verdict = isWhole(compared) ? 'verified' : 'differs';",
      replace: "const verdict = damaged.length === 0 ? 'verified' : 'differs';",
      by: 'archive/verify.pg.test.ts',
    },
  ],
};
