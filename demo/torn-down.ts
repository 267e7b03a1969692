import { z } from 'zod';
import { TABLE } from '../operations/retire/drop.ts';
import { ask } from './ask.ts';
import { checkOf, type Check } from './check.ts';
import type { Surroundings } from './phases.ts';

/** Asks Postgres and Kafka directly, without our own facts, which objects of ours they still have. */
async function leftOf({ pool, cluster, topic, stack }: Surroundings): Promise<number> {
  const { config } = stack;
  const { rows } = await pool.query<{ left: number }>(
    `SELECT (SELECT count(*) FROM pg_replication_slots WHERE slot_name = $1)::integer
          + (SELECT count(*) FROM pg_publication WHERE pubname = $2)::integer AS left`,
    [config.SLOT_NAME, config.PUBLICATION_NAME],
  );
  const topics = await cluster.listTopics();
  return (rows[0]?.left ?? 0) + topics.filter((name) => name === topic).length;
}

/** With the login of a DBA, because the application's role may drop no replication slot. */
export async function tearDown(run: Surroundings): Promise<Check> {
  const lookedAt = await leftOf(run);
  const dba = new URL(run.stack.running.addresses.superuserUrl);
  dba.pathname = new URL(run.stack.config.LEGACY_DATABASE_URL).pathname;
  const environment = { ...run.command.environment, LEGACY_DATABASE_URL: dba.href };
  await ask(
    { ...run, command: { ...run.command, environment } },
    ['teardown', '--apply', '--confirm', TABLE],
    z.unknown(),
  );
  return checkOf({
    id: 'torn-down',
    claim: 'slot, publication and topic are gone, as Postgres and Kafka say',
    expected: '0',
    found: String(await leftOf(run)),
    lookedAt,
  });
}
