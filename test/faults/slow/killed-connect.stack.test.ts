import { beforeAll, expect, test } from 'vitest';
import { CONTEXTS, insertRuns, OWNER, seedOrganisations } from '../../support/application-rows.ts';
import { expectInvariants, type Seen } from '../../support/invariants/check.ts';
import { usePipeline } from '../../support/pipeline.ts';
import { endServer, startServersAgain } from '../../support/servers.ts';
import { allStreamed, topicEvents } from '../../support/streamed.ts';
import { until } from '../../support/until.ts';

/*
 * Kafka Connect is killed where Debezium's positions are hard: inside rows that share one LSN, between the broker's
 * acknowledgement and the flush of the stored offset, and where a COMMIT ends at the LSN of the next change. One story.
 */
const ROWS = 40;
const GROUP = 2000;
const pipeline = usePipeline({
  partitions: 2,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});

beforeAll(async () => {
  await pipeline().project();
});

/**
 * Postgres writes the rows of a COPY by the page, in one WAL record, so they share an LSN. Only if no column has a default
 * that is computed for each row: so the ids come with the rows.
 */
const copy = (rows: number, group: number) => {
  const values = ['storyboard:copied', 't', '1', '0', 'copied %d', OWNER, '2026-02-01 10:00:00+00'];
  const line = [`${String(group)}%07d-0000-4000-8000-000000000021`, CONTEXTS.shop, ...values].join('\\t');
  return `
    COPY agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed, summary, user_id, started_at)
    FROM PROGRAM $program$seq ${String(rows)} | awk '{printf "${line}\\n", $1, $1}'$program$`;
};

const missing = () =>
  pipeline().value<number>(
    'SELECT count(*)::integer FROM agent_test_history WHERE id NOT IN (SELECT legacy_id FROM history_cdc.ledger)',
  );

/** Everything arrives, at least once; what came twice changed nothing. */
async function allThere(): Promise<Seen> {
  await allStreamed(pipeline());
  const seen = await expectInvariants(pipeline());
  expect(await missing()).toBe(0);
  return seen;
}

test.each([
  [1, 1],
  [2, 700],
  [3, 1600],
])(
  'F21: COPY %i, whose rows share LSNs, and Kafka Connect is killed after %i of them: no row is missing',
  async (group, acknowledged) => {
    const before = await pipeline().records();
    const rows = pipeline().asDba(copy(GROUP, group));
    await until('a part of the group is in the topic', async () => {
      return (await pipeline().records()) >= before + acknowledged;
    });
    await endServer('connect', 'SIGKILL');
    await rows;
    await startServersAgain();
    await allThere();
    const lsns = (await topicEvents(pipeline())).flatMap(({ lsn }) => (lsn === null ? [] : [lsn]));
    expect(new Set(lsns).size, 'rows that share an LSN').toBeLessThan(lsns.length - GROUP / 2);
  },
);

test('F23: Kafka Connect is killed before it has stored what the broker acknowledged: records come twice, and change nothing', async () => {
  const before = await pipeline().records();
  await insertRuns(pipeline().pool, ROWS + 1, ROWS + 200);
  await until('all of it is acknowledged', async () => (await pipeline().records()) >= before + 200);
  // Offsets are stored every two seconds: it is killed before, or the next loop meets it before.
  await endServer('connect', 'SIGKILL');
  await startServersAgain();
  const { replayed } = await allThere();
  expect(replayed.duplicate + replayed.stale).toBeGreaterThan(0);
  expect(await pipeline().records()).toBeGreaterThanOrEqual(before + 200);
});

test('F22: a long transaction ends behind a short one while Connect is down: all rows arrive, whatever LSN their COMMITs share', async () => {
  const long = await pipeline().pool.connect();
  await long.query('BEGIN');
  await long.query(
    `INSERT INTO agent_test_history (agent_context_id, scenario, overall_passed, steps_passed, steps_failed, user_id, started_at)
     SELECT $1, 'storyboard:long', true, 1, 0, $2, '2026-02-02 10:00:00+00' FROM generate_series(1, 20)`,
    [CONTEXTS.shop, OWNER],
  );
  await insertRuns(pipeline().pool, ROWS + 201, ROWS + 210);
  await until('the short one is projected', async () => {
    await pipeline().project();
    return (await missing()) === 0;
  });
  await endServer('connect', 'SIGTERM');
  await insertRuns(pipeline().pool, ROWS + 211, ROWS + 220);
  await long.query('COMMIT');
  long.release();
  // One transaction right behind the other: the first one's end is the next one's beginning.
  for (let n = 221; n <= 240; n++) await insertRuns(pipeline().pool, ROWS + n, ROWS + n);
  await startServersAgain();
  await allThere();
});
