import { expect, test } from 'vitest';
import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { storedRecords } from '../support/faults.ts';
import { usePipeline } from '../support/pipeline.ts';
import { cutPartition, endServer, startServersAgain } from '../support/servers.ts';
import { until } from '../support/until.ts';

const ROWS = 60;
const pipeline = usePipeline({
  partitions: 1,
  seed: async (pool) => {
    await seedOrganisations(pool);
    await insertRuns(pool, 1, ROWS);
  },
});

const end = async () => (await pipeline().cluster.watermarks(pipeline().topic)).get(0)?.high ?? 0n;

test('a partition loses its end and grows again while nobody looks: a running projector stops, and so does every later one', async () => {
  const projector = pipeline().start(['project']);
  await projector.logged('partitions assigned');
  for (let n = 1; n <= 15; n++) await insertRuns(pipeline().pool, ROWS + n, ROWS + n);
  await pipeline().delivered();
  await projector.while('all is projected', async () => (await storedRecords(pipeline())) === ROWS + 15);
  projector.signal('SIGSTOP');

  await endServer('kafka', 'SIGKILL');
  const cutAt = cutPartition(pipeline().topic, 0, 12);
  expect(cutAt).toBeLessThanOrEqual(BigInt(ROWS + 3));
  await startServersAgain();
  await insertRuns(pipeline().pool, ROWS + 16, ROWS + 60);
  await until('it has grown beyond what was read', async () => (await end()) > BigInt(ROWS + 15));
  projector.signal('SIGCONT');

  const { code, stderr } = await projector.ended;
  expect({ code, error: /^error (\w+)/m.exec(stderr)?.[1] }).toEqual({ code: 2, error: 'TOPIC_CUT' });
  expect(await storedRecords(pipeline())).toBe(ROWS + 15);
  const again = await pipeline().run(['project', '--until-caught-up']);
  expect(again.code).toBe(2);
  expect(again.stderr).toContain('error TOPIC_CUT');
  expect(await storedRecords(pipeline())).toBe(ROWS + 15);
  const { stdout } = await pipeline().run(['doctor', '--only', 'offsets-in-range', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({ checks: [{ id: 'offsets-in-range', verdict: 'failed' }] });
});
