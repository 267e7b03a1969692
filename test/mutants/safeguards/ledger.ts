import type { Safeguard } from '../mutant.ts';

export const LEDGER: Safeguard = {
  name: 'What the ledger itself refuses',
  mutants: [
    {
      id: 'census-never-seen',
      breaks: 'a lost row that is dated in the future counts as on its way, until its date comes',
      at: '../../operations/census/compare.ts',
      find: ' || startedAtUs > futureUs) return false;',
      replace: ' || startedAtUs < futureUs - futureUs) return false;',
      by: 'census/differences.pg.test.ts',
    },
    {
      id: 'unique-claim',
      breaks: 'one canonical row stands for two legacy rows: a run is lost, and counted as there',
      at: 'schema/migrations/0002-twins.sql',
      find: 'ADD CONSTRAINT ledger_canonical_run_id_key UNIQUE (canonical_run_id) DEFERRABLE INITIALLY IMMEDIATE;',
      replace: 'ALTER COLUMN canonical_run_id DROP DEFAULT;',
      by: 'schema/ledger.pg.test.ts',
    },
    {
      id: 'unique-at-the-end',
      breaks: 'runs cannot hand live rows on to each other: the sweep that has to do so fails for ever',
      at: 'schema/migrations/0002-twins.sql',
      find: 'UNIQUE (canonical_run_id) DEFERRABLE INITIALLY IMMEDIATE;',
      replace: 'UNIQUE (canonical_run_id);',
      by: 'twins/links.pg.test.ts',
    },
    {
      id: 'owner-proof',
      breaks: 'a fault of the code can give a stranger’s run a canonical row',
      at: 'schema/migrations/0001-ledger.sql',
      find: "CHECK (canonical_run_id IS NULL OR decision = 'adopted' OR (is_member IS TRUE AND lists_agent IS TRUE))",
      replace: 'CHECK (true)',
      by: 'schema/ledger.pg.test.ts',
    },
    {
      id: 'canonical-row-by-decision',
      breaks: 'an owner’s decision can be without a canonical row, and the books still add up',
      at: 'schema/migrations/0001-ledger.sql',
      find: "CHECK ((decision IN ('projected', 'twin', 'adopted')) = (canonical_run_id IS NOT NULL)),",
      replace: 'CHECK (true),',
      by: 'schema/ledger.pg.test.ts',
    },
    {
      id: 'derived-id',
      breaks: 'a retry mints a second canonical row',
      at: 'rule/canonical-run-id.ts',
      find: 'return uuidV5(legacyId, CANONICAL_RUN_NAMESPACE);',
      replace: 'return uuidV5(legacyId + String(Math.random()), CANONICAL_RUN_NAMESPACE);',
      by: 'rule/canonical-id.test.ts',
    },
    {
      id: 'conflict',
      breaks: 'a link that somebody changed by hand meanwhile is taken for done, and half of it is',
      at: 'twins/relink.ts',
      find: 'if (row.ledger_written !== applied.length) throw new Conflict(',
      replace: 'if (row.ledger_written > applied.length) throw new Conflict(',
      by: 'schema/own-rows-only.pg.test.ts',
    },
  ],
};
