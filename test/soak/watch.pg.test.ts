import { expect, test } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import { createLogger } from '../../lib/log.ts';
import { SoakWatch } from '../../operations/soak/watch.ts';
import { until } from '../support/until.ts';
import { useSoaked } from './soaked.ts';

const soaked = useSoaked();

/** As beside a projector. There is no Kafka, so what the stream would tell is not known. */
function watchOn(url: string, everyMs?: number): { readonly watch: SoakWatch; readonly lines: string[] } {
  const lines: string[] = [];
  const watch = new SoakWatch({
    config: loadConfig({ DATABASE_URL: url, LEGACY_DATABASE_URL: url }, undefined, ['DATABASE_URL']),
    cluster: JSON.parse('{}') as KafkaCluster,
    logger: createLogger('info', (line) => lines.push(line)),
    ...(everyMs !== undefined && { everyMs }),
  });
  return { watch, lines };
}

const LOOK = 'SELECT at::text, conditions FROM history_cdc.soak_look';
interface Kept {
  readonly at: string;
  readonly conditions: Record<string, string>;
}
const kept = () => soaked().rows<Kept>(LOOK);

test('it keeps what a look came to, and what it could not see is not met', async () => {
  const { watch, lines } = watchOn(soaked().url);
  await soaked().execute('DELETE FROM history_cdc.soak_look');
  await watch.look();
  const [look] = await kept();
  expect(look?.conditions).toMatchObject({ archive: 'met', 'no-updates': 'unknown' });
  expect(lines).toEqual([]);
  expect(watch.readiness()).toEqual({ ready: true });
});

test('of two projectors, one looks for both; after half the time, the next look is due', async () => {
  const first = watchOn(soaked().url).watch;
  await soaked().execute('DELETE FROM history_cdc.soak_look');
  await first.look();
  const [look] = await kept();
  await watchOn(soaked().url).watch.look();
  expect(await kept()).toEqual([look]);
  await soaked().execute("UPDATE history_cdc.soak_look SET at = at - interval '3 minutes'");
  await watchOn(soaked().url).watch.look();
  expect((await kept())[0]?.at).not.toBe(look?.at);
});

test('a database that does not answer is said once, keeps nobody from anything, and leaves the last look as it was', async () => {
  const before = await kept();
  const { watch, lines } = watchOn('postgresql://app@127.0.0.1:1/app');
  await watch.look();
  await watch.look();
  expect(lines).toHaveLength(1);
  expect(watch.readiness()).toEqual({ ready: true });
  expect(await kept()).toEqual(before);
});

test('beside a projector it looks by itself, again and again, until it is stopped', async () => {
  const { watch } = watchOn(soaked().url, 50);
  await soaked().execute('DELETE FROM history_cdc.soak_look');
  void watch.run();
  await until('it has looked', async () => (await kept()).length === 1);
  const [first] = await kept();
  await until('it has looked again', async () => (await kept())[0]?.at !== first?.at);
  await watch.stop();
});
