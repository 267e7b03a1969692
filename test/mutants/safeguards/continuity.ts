import type { Safeguard } from '../mutant.ts';

export const CONTINUITY: Safeguard = {
  name: 'A stream that was broken does not go on unseen, and only a proof closes the gap',
  mutants: [
    {
      id: 'slot-ahead',
      breaks:
        'a slot that somebody advanced past the stored offset is taken for sound: the rows in between are lost',
      at: '../../operations/continuity/judge.ts',
      find: 'if (ahead <= 0n) return undefined;',
      replace: 'if (ahead <= 0n || ahead > 0n) return undefined;',
      by: 'watchdog/judge.test.ts',
    },
    {
      id: 'another-source',
      breaks: 'another server, timeline, publication or slot goes unseen',
      at: '../../operations/continuity/judge.ts',
      find: 'if (was === undefined || is === undefined || was === is) return [];',
      replace: 'if (was === undefined || is === undefined || was === is || was !== is) return [];',
      by: 'watchdog/judge.test.ts',
    },
    {
      id: 'unknown-is-no-break',
      breaks: 'a service that is out of reach stops the projector',
      at: '../../operations/continuity/judge.ts',
      find: 'if (was === undefined || is === undefined || was === is) return [];',
      replace: 'if (was === undefined || was === is) return [];',
      by: 'watchdog/judge.test.ts',
    },
    {
      id: 'unfit-base-line',
      breaks:
        'a publication that does not publish the table is recorded as good, and mending it is the break',
      at: '../../operations/continuity/judge.ts',
      find: 'if (reason === undefined || !inUse) return undefined;',
      replace: 'if (reason !== inUse) return undefined;',
      by: 'watchdog/base-line.pg.test.ts',
    },
    {
      id: 'broken-again',
      breaks: 'a new break behind an accepted gap is accepted with it',
      at: '../../operations/continuity/gaps.ts',
      find: 'accepted_at = NULL, accepted_xmax = NULL',
      replace: 'accepted_at = g.accepted_at, accepted_xmax = g.accepted_xmax',
      by: 'watchdog/gaps.pg.test.ts',
    },
    {
      id: 'only-a-proof-closes',
      breaks: 'a comparison that found differences closes the gap',
      at: '../../operations/continuity/gaps.ts',
      find: "r.verdict = 'proven' AND ",
      replace: '',
      by: 'watchdog/gaps.pg.test.ts',
    },
    {
      id: 'proof-after-older-transactions',
      breaks: 'a row that was written before the break and commits behind the proof is missing for ever',
      at: '../../operations/continuity/gaps.ts',
      find: "coalesce(accepted_xmax <= $1::xid8, kind <> 'publication')",
      replace: '$1::xid8 IS NOT NULL',
      by: 'watchdog/gaps.pg.test.ts',
    },
    {
      id: 'unread-slot',
      breaks:
        'teardown removes a connector whose slot it cannot see: the server keeps WAL for it until its disk is full',
      at: '../../operations/teardown/teardown.ts',
      find: 'if (!found.known) return { why: `the ${other} was not seen, and would be left without a reader` };',
      replace: 'if (!found.known) continue;',
      by: 'teardown/order.test.ts',
    },
  ],
};
