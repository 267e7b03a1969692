import type { Safeguard } from '../mutant.ts';

export const VERIFICATION: Safeguard = {
  name: 'The verification in the background never calls good what it did not look at',
  mutants: [
    {
      id: 'verification-silent',
      breaks: 'a verification that no projector carries out any more says that nothing is wrong',
      at: '../../operations/facts/verification.ts',
      find: 'if (aliveSecondsAgo > SILENT_SECONDS)',
      replace: 'if (aliveSecondsAgo < 0)',
      by: 'verification/standing.pg.test.ts',
    },
    {
      id: 'verification-in-flight',
      breaks: 'a row that the stream has not brought yet counts as wrong',
      at: '../../operations/verification/sql/confirm.sql',
      find: "WHEN f.kind IN ('unseen', 'different', 'vanished') THEN f.suspected_at < $3::timestamptz",
      replace: "WHEN f.kind IN ('unseen', 'different', 'vanished') THEN $3::timestamptz IS NULL OR true",
      by: 'verification/steps.pg.test.ts',
    },
  ],
};
