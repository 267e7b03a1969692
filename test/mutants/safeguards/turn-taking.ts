import type { Safeguard } from '../mutant.ts';

export const AGENT_LOCK: Safeguard = {
  name: 'The lock on agents',
  mutants: [
    {
      id: 'agent-lock',
      breaks:
        'two partitions match runs of one agent at a time, each without seeing what the other links or unlinks: a live row stays unlinked beside its twin, which is projected too',
      at: 'twins/agent-locks.ts',
      find: "SELECT pg_advisory_xact_lock(hashtext('history_cdc.agent'), slot) FROM slot",
      replace: 'SELECT slot FROM slot',
      by: 'batch/turns.pg.test.ts',
    },
    {
      id: 'agent-lock-after-lookup',
      breaks:
        'a batch decides by what it looked up before it waited for the lock: an image is dropped without a word, because the row it is for has another canonical row by then',
      at: 'batch/look-up-and-lock.ts',
      find: `const [locked, known] = await lockThenRead(
    client,
    (locking) => lockAgentsOf(locking, named),
    () => withFacts(context, events),
  );`,
      replace:
        'const [known, locked] = await Promise.all([withFacts(context, events), lockThenRead && lockAgentsOf(client, named)]);',
      by: 'batch/turns.pg.test.ts',
    },
    {
      id: 'agent-lock-of-the-decided',
      breaks:
        'a run that is being moved to another agent is matched at the one that it leaves, and ends up linked to a live row there',
      at: 'batch/look-up-and-lock.ts',
      find: 'legacyIds: keys.map(({ legacyId }) => legacyId),',
      replace: 'legacyIds: [],',
      by: 'batch/turns.pg.test.ts',
    },
    {
      id: 'agent-lock-of-the-renamed',
      breaks:
        'a run whose context gets another agent in the moment of the lock is matched at an agent that is not locked',
      at: 'batch/look-up-and-lock.ts',
      find: 'if (!known.flatMap(matchableAgents).every((agentUrl) => locked.has(agentUrl)))',
      replace:
        'if (!known.flatMap(matchableAgents).every((agentUrl) => locked.has(agentUrl) || agentUrl !== null))',
      by: 'batch/turns.pg.test.ts',
    },
    {
      id: 'agent-lock-of-the-sweeper',
      breaks:
        'a sweep links runs while the first batch of a partition that nobody held before links them too',
      at: 'twins/match.ts',
      find: 'await lockAgents(client, [...new Set(seeds.map(({ agentUrl }) => agentUrl))]);',
      replace: 'await Promise.resolve(lockAgents);',
      by: 'sweep/sweep-turns.pg.test.ts',
    },
    {
      id: 'agent-lock-of-late-owners',
      breaks: 'the same, for runs whose membership came late',
      at: 'sweep/decide-again.ts',
      find: 'await lockAgents(client, [...new Set(records.flatMap(agentsOf))]);',
      replace: 'await Promise.resolve(lockAgents);',
      by: 'sweep/sweep-turns.pg.test.ts',
    },
  ],
};

export const PARTITION_LOCK: Safeguard = {
  name: 'The lock on partitions',
  mutants: [
    {
      id: 'claim-before-look-up',
      breaks: 'a batch decides by what it looked up before it waited for its partition',
      at: '../../lib/lock-then-read.ts',
      find: '  const locking = lock({ query } as unknown as Client);',
      replace:
        '  const reading = read();\n  read = () => reading;\n  const locking = lock({ query } as unknown as Client);',
      by: 'lib/lock-then-read.test.ts',
    },
    {
      id: 'claim-is-sent-first',
      breaks: 'the same, where a lock is asked for behind an await',
      at: '../../lib/lock-then-read.ts',
      find: 'assert(sent > 0,',
      replace: 'assert(sent >= 0,',
      by: 'lib/lock-then-read.test.ts',
    },
    {
      id: 'replay-lock',
      breaks: 'a replay decides on what a projector of the partition is changing',
      at: 'pipeline.ts',
      find: ': lockPartition(client, mode, context.undoGeneration);',
      replace: ': Promise.resolve(void lockPartition);',
      by: 'sweep/sweep-turns.pg.test.ts',
    },
    {
      id: 'sweeper-lock-to-link',
      breaks: 'a sweep moves links on which a batch is deciding',
      at: 'sweep/sweep.ts',
      find: `await lockAllPartitions(client);
    const parts`,
      replace: 'const parts',
      by: 'sweep/sweep-turns.pg.test.ts',
    },
    {
      id: 'sweeper-lock-to-settle',
      breaks: 'a sweep settles a pair that a batch is taking apart, whose own canonical row is then lost',
      at: 'sweep/sweep.ts',
      find: `await lockAllPartitions(client);
    return (await client.query(SETTLE`,
      replace: 'return (await client.query(SETTLE',
      by: 'sweep/sweep-turns.pg.test.ts',
    },
    {
      id: 'sweeper-lock-for-late-owners',
      breaks: 'a sweep decides a run anew while a batch brings a later event of it',
      at: 'sweep/decide-again.ts',
      find: 'await lockAllPartitions(client);',
      replace: 'await Promise.resolve(lockAllPartitions);',
      by: 'sweep/sweep-turns.pg.test.ts',
    },
    {
      id: 'lock-that-rows-refer-to',
      breaks:
        'a row that begins to refer to ours while a live row takes over is deleted with it (ON DELETE CASCADE), silently',
      at: 'schema/migrations/0002-twins.sql',
      find: 'WHERE r.id = ANY (run_ids) ORDER BY r.id FOR UPDATE;',
      replace: 'WHERE r.id = ANY (run_ids) ORDER BY r.id;',
      by: 'sweep/sweep-turns.pg.test.ts',
    },
  ],
};

export const FENCE: Safeguard = {
  name: 'The fence',
  mutants: [
    {
      id: 'fence-epoch',
      breaks: 'a projector that lost its partition goes on committing to it',
      at: 'batch/offsets.ts',
      find: 'AND epoch = $3 AND next_offset = $4',
      replace: 'AND $3::bigint IS NOT NULL AND next_offset = $4',
      by: 'batch/fencing.pg.test.ts',
    },
    {
      id: 'fence-offset',
      breaks:
        'a projector commits from an offset at which the partition does not stand, and so skips records',
      at: 'batch/offsets.ts',
      find: 'AND epoch = $3 AND next_offset = $4',
      replace: 'AND epoch = $3 AND $4::bigint IS NOT NULL',
      by: 'batch/fencing.pg.test.ts',
    },
    {
      id: 'fence-answer',
      breaks: 'effects are committed although the offset did not move',
      at: 'batch/offsets.ts',
      find: 'if (rowCount !== 1)',
      replace: 'if (rowCount === null)',
      by: 'batch/fencing.pg.test.ts',
    },
    {
      id: 'fence-of-one-in-a-shared-transaction',
      breaks: 'a partition that was lost is committed to as long as another of the transaction was not',
      at: 'pipeline.ts',
      find: `await Promise.all(
    inOrder.map(`,
      replace: `await Promise.any(
    inOrder.map(`,
      by: 'stream/shared-transaction.pg.test.ts',
    },
    {
      id: 'partitions-in-one-order',
      breaks: 'a transaction of several partitions and a sweep that stops them all wait for each other',
      at: 'pipeline.ts',
      find: 'steps.toSorted((a, b) => a.claim.partition - b.claim.partition)',
      replace: 'steps.toSorted(() => 0)',
      by: 'stream/shared-transaction.pg.test.ts',
    },
    {
      id: 'fence-take-over',
      breaks: 'a take-over leaves the last projector its right to commit',
      at: 'batch/offsets.ts',
      find: 'SET epoch = o.epoch + 1,',
      replace: 'SET epoch = o.epoch,',
      by: 'batch/fencing.pg.test.ts',
    },
    {
      id: 'lost-commit-answer',
      breaks: 'a COMMIT whose answer was lost ends the projector as fenced, though it was its own',
      at: 'stream/commit.ts',
      find: 'const isCommitted = tried && steps.length > 0 && (await this.#isCommitted(steps));',
      replace: 'const isCommitted = !tried && steps.length > 0 && (await this.#isCommitted(steps));',
      by: 'batch/fencing.pg.test.ts',
    },
    {
      id: 'lost-answer-of-a-shared-commit',
      breaks: 'the same of partitions that shared the transaction',
      at: 'stream/commit.ts',
      find: 'return parts.map((part) => ({ ...part, tried: true }));',
      replace: 'return parts;',
      by: 'stream/shared-transaction.pg.test.ts',
    },
    {
      id: 'dry-run-shares-nothing',
      breaks: 'a dry run over several partitions is committed',
      at: 'stream/turns.ts',
      find: "session.mode.kind === 'commit' && !session.pace.isReduced;",
      replace: '!session.pace.isReduced;',
      by: 'stream/shared-transaction.pg.test.ts',
    },
  ],
};
