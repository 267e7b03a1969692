import { advice, checksOf, error } from './check.ts';
import { UNIQUE_KEYS } from '../facts/canonical.ts';
import { judgeProjectorExcess, judgeProjectorLacks } from './projector-role.ts';
import { NO_TABLES } from './legacy-table.ts';
import { failed, notYet, ok, STEPS, warning } from './verdict.ts';
import { constant, lines } from '../../lib/quoting.ts';

export const CANONICAL_CHECKS = checksOf('canonical', {
  'canonical-reachable': error('the canonical database answers', ['canonical'], () => ok('it answers'), {
    unreached: (why) =>
      failed(
        `DATABASE_URL: ${why}`,
        'check DATABASE_URL (`history-cdc config`), pg_hba.conf, and that the server runs',
      ),
  }),
  'canonical-server': error(
    'the canonical database is a primary that may be written, Postgres 14 or later, with UTF8',
    ['canonical'],
    ({ canonical: { inRecovery, mayWrite, serverProblems } }) => {
      const readOnly =
        'a database that may be written; default_transaction_read_only is on, as hosts set it when the disk is full';
      const problems = [
        ...(inRecovery ? ['a primary; this is a standby'] : mayWrite ? [] : [readOnly]),
        ...serverProblems,
      ];
      return problems.length === 0
        ? ok('it is')
        : failed(
            `needed: ${problems.join('; ')}`,
            'DATABASE_URL must name the primary of a server that fits',
          );
    },
  ),
  'canonical-tables': error(
    'the canonical tables and the dimensions have the columns that are used, and take our rows',
    ['canonical'],
    ({ canonical: { missing, obstacles } }) => {
      if (missing.length > 0 && missing.every((each) => each.startsWith('table ')))
        return failed(`missing: ${missing.join(', ')}`, NO_TABLES);
      if (missing.length > 0)
        return failed(
          `missing: ${missing.join(', ')}`,
          "check that DATABASE_URL names the application's database, and that it is migrated",
        );
      return obstacles.length === 0
        ? ok('all there')
        : failed(obstacles.join('; '), 'change the table: as it is, no row can be projected');
    },
  ),
  'canonical-index': advice(
    'an index finds the runs of an agent by time',
    ['canonical'],
    ({ canonical: { runsByAgent } }) =>
      runsByAgent
        ? ok('agent_compliance_runs (agent_url, tested_at)')
        : warning(
            'none: looking for live twins reads the whole table each time',
            'CREATE INDEX CONCURRENTLY ON public.agent_compliance_runs (agent_url, tested_at DESC);',
          ),
    { on: 'canonical' },
  ),
  'ledger-schema': error(
    'the schema history_cdc is of this release',
    ['ledgerSchema'],
    ({ ledgerSchema: schema }) => {
      switch (schema.kind) {
        case 'current':
          return ok('up to date');
        case 'absent':
          return notYet('there is no schema history_cdc', 'migrate');
        case 'outdated':
          return failed(schema.why, STEPS.migrate);
        case 'foreign':
          return failed(schema.why, 'use the release that migrated this database, or a later one');
      }
    },
  ),
  'unique-keys': error(
    'the unique keys are there that keep a run from being recorded twice',
    ['ledgerSchema', 'missingKeys'],
    ({ ledgerSchema, missingKeys }) => {
      const missing = missingKeys.filter(
        (key) => ledgerSchema.kind !== 'absent' || !key.startsWith('history_cdc.'),
      );
      if (missing.length > 0)
        return failed(
          `missing: ${missing.join('; ')}`,
          lines(...missing.map((key) => constant(UNIQUE_KEYS[key]))),
        );
      return ledgerSchema.kind === 'absent'
        ? notYet('those of the ledger are not there', 'migrate')
        : ok(`${String(Object.keys(UNIQUE_KEYS).length)} keys`);
    },
    { on: 'canonical' },
  ),
  'projector-grants': error(
    'the role of DATABASE_URL has every grant that a projector needs',
    ['projectorRole'],
    ({ projectorRole }) => judgeProjectorLacks(projectorRole),
    { on: 'canonical' },
  ),
  'projector-excess': advice(
    'the role of DATABASE_URL may do no harm',
    ['projectorRole'],
    ({ projectorRole: { rights } }, { config }) => judgeProjectorExcess(rights, config.DATABASE_URL),
  ),
});
