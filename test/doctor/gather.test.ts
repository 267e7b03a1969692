import { expect, test } from 'vitest';
import { gather } from '../../operations/facts/gather.ts';
import { Services } from '../../operations/facts/services.ts';
import { loadConfig } from '../../lib/config.ts';
import type { KafkaCluster } from '../../lib/kafka-cluster.ts';
import type { Pool } from '../../lib/postgres.ts';

/** Answers nothing, and notes who was asked, and when that had its answer. */
class Noting extends Services {
  readonly notes: string[] = [];

  override canonical(): Pool {
    const query = async () => {
      this.notes.push('offsets asked');
      await new Promise((resolve) => setImmediate(resolve));
      this.notes.push('offsets answered');
      throw new Error('nothing there');
    };
    return { query } as unknown as Pool;
  }

  override kafka(): Promise<KafkaCluster> {
    this.notes.push('ends asked');
    return Promise.reject(new Error('nothing there'));
  }
}

test('the ends of the topic are asked once the stored offsets are answered, which a projector moves on', async () => {
  const config = loadConfig({}, undefined);
  const services = new Noting(config, { name: 'test' });
  await gather({ services, config }, ['dataTopic', 'projection']);
  expect(services.notes).toEqual(['offsets asked', 'offsets answered', 'ends asked']);
});

test('and are asked all the same where nobody wants the offsets', async () => {
  const config = loadConfig({}, undefined);
  const services = new Noting(config, { name: 'test' });
  const facts = await gather({ services, config }, ['dataTopic']);
  expect(services.notes).toEqual(['ends asked']);
  expect(facts.projection).toEqual({ known: false, why: 'it was not asked' });
});
