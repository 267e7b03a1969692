import type { Safeguard } from '../mutant.ts';

export const DATA_ERRORS: Safeguard = {
  name: 'Only data goes into quarantine',
  mutants: [
    {
      id: 'quarantine-data-only',
      breaks: 'rows are put aside because a privilege is missing, one after the other, all of them',
      at: '../lib/postgres.ts',
      find: 'return state !== undefined && isDataState(state);',
      replace: 'return state !== undefined;',
      by: 'projector/refused.pg.test.ts',
    },
    {
      id: 'quarantine-alone',
      breaks: 'the rows around one that Postgres refuses are put aside with it',
      at: 'partition-session.ts',
      find: `if (others.length === 0) {
      // It is parked as bytes: what Postgres refuses of it is not in the record.
      if (only.kind === 'unusable') throw error;
      const detail = \`Postgres refused the row: SQLSTATE \${sqlState(error) ?? '?'}\`;
      const parked = unusable(only as KeyedEvent, 'rejected_by_postgres', detail);
      await this.project({ events: [parked], ...end }`,
      replace: `if (others.length >= 0) {
      const parked = events.map((event) => unusable(event as KeyedEvent, 'rejected_by_postgres', 'refused'));
      await this.project({ events: parked, ...end }`,
      by: 'projector/quarantine.pg.test.ts',
    },
    {
      id: 'breaker',
      breaks:
        'a topic that cannot be read, or a wrong placeholder, flows into the quarantine to its last record',
      at: 'quarantine-breaker.ts',
      find: 'if (excess !== undefined) throw this.#tripped(excess);',
      replace: 'if (excess !== undefined) void this.#tripped(excess);',
      by: 'projector/quarantine-breaker.test.ts',
    },
    {
      id: 'breaker-before-commit',
      breaks: 'the same: nobody asks the breaker',
      at: 'pipeline.ts',
      find: 'batch.admit(fatesOf(news));',
      replace: 'void fatesOf(news);',
      by: 'projector/quarantine-breaker.pg.test.ts',
    },
    {
      id: 'breaker-counts-once',
      breaks: 'a replay stops at what lies in quarantine already',
      at: 'pipeline.ts',
      find: 'const before = await parkedBefore(context.client, parked);',
      replace: 'const before = await parkedBefore(context.client, parked.slice(0, 0));',
      by: 'projector/quarantine-breaker.pg.test.ts',
    },
    {
      id: 'breaker-withdraws',
      breaks:
        'transactions that were given up count, and stop the projector for records that it never parked',
      at: 'partition-session.ts',
      find: '      breaker.withdraw(transaction);',
      replace: '',
      by: 'projector/quarantine-breaker.pg.test.ts',
    },
    {
      id: 'breaker-withdraws-what-was-shared',
      breaks: 'the same of a transaction of several partitions',
      at: 'partition-session.ts',
      find: '      options.breaker.withdraw(transaction);',
      replace: '',
      by: 'projector/shared-transaction.pg.test.ts',
    },
    {
      id: 'race-is-no-data',
      breaks: 'two sessions that wrote the same row at once end the projector',
      at: '../lib/postgres.ts',
      find: "return ENVIRONMENT_CLASSES.has(state.slice(0, 2)) || state === '23505';",
      replace: 'return ENVIRONMENT_CLASSES.has(state.slice(0, 2));',
      by: 'projector/refused.pg.test.ts',
    },
    {
      id: 'one-answer-a-row',
      breaks: 'a membership that is there twice makes every row behind it be judged by the facts of another',
      at: 'lookup.ts',
      find: 'assert(found.length === keys.length,',
      replace: 'assert(found.length >= keys.length,',
      by: 'projector/lookup.pg.test.ts',
    },
    {
      id: 'heals-what-came-before',
      breaks: 'an image that comes late heals what was parked behind it: that record is forgotten',
      at: 'sql/heal-quarantine.sql',
      find: 'AND (q.topic_id <> e.topic_id OR q.partition <> e.partition OR q."offset" <= e."offset")',
      replace: '',
      by: 'quarantine/retry-decoding.pg.test.ts',
    },
    {
      id: 'failed-retry-stays-open',
      breaks: 'a record whose retry failed is closed, and nobody looks at it again',
      at: 'sql/quarantine.sql',
      find: 'WHERE q.healed_at IS NOT NULL',
      replace: 'WHERE false',
      by: 'quarantine/retry-rules.pg.test.ts',
    },
    {
      id: 'delete-before-parked',
      breaks: 'a retry that mends a record before a delete, and none behind it, brings a deleted row back',
      at: 'sql/quarantine.sql',
      find: 'ON e.records_decision AND d.legacy_id = e.legacy_id',
      replace: 'ON false AND d.legacy_id = e.legacy_id',
      by: 'quarantine/retry.pg.test.ts',
    },
  ],
};
