import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { examineWith } from '../../operations/doctor/doctor.ts';
import { Services } from '../../operations/facts/services.ts';
import { Lookout } from '../../operations/status/lookout.ts';
import { look, WATCHED } from '../../operations/watchdog/look.ts';
import { SNAPSHOT_NEEDS } from '../../operations/snapshot/session.ts';
import { loadConfig } from '../../lib/config.ts';
import type { Pool } from '../../lib/postgres.ts';
import { useCheckup } from './checkup.ts';

/* A look asks each question once: what goes over the connections is counted, of each command. */

const the = useCheckup(true);
let connect: Server;
let asked: string[] = [];

beforeAll(async () => {
  await the().script();
  connect = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.writeHead(request.url === '/' ? 200 : 404);
    response.end(JSON.stringify({ version: '4.3.1', kafka_cluster_id: 'k', error_code: 404 }));
  });
  await new Promise<void>((resolve) => connect.listen(0, '127.0.0.1', resolve));
});
afterAll(() => void connect.close());
beforeEach(() => {
  asked = [];
});

class Counting extends Services {
  override legacy(): Pool {
    return this.#counting('legacy', super.legacy());
  }

  override canonical(): Pool {
    return this.#counting('canonical', super.canonical());
  }

  #counting(name: string, pool: Pool): Pool {
    const query = async (...statement: [string, unknown[]?]) => {
      asked.push(`${name} ${JSON.stringify(statement)}`);
      return await (pool.query as (...all: unknown[]) => Promise<unknown>)(...statement);
    };
    return new Proxy(pool, { get: (of, key) => (key === 'query' ? query : Reflect.get(of, key)) as unknown });
  }
}

const configured = () =>
  loadConfig(
    {
      ...the().settings,
      LEGACY_DATABASE_URL: the().open.database.superuserUrl,
      CONNECT_URL: `http://127.0.0.1:${String((connect.address() as AddressInfo).port)}`,
      ...{ KAFKA_BROKERS: '127.0.0.1:1', LOG_LEVEL: 'silent' },
    },
    undefined,
    SNAPSHOT_NEEDS,
  );

/** What measures a pace or a clock asks twice on purpose. */
const TWICE = /pg_current_wal_lsn\(\)::text AS lsn|clock_timestamp\(\) AS now|GET \/$/;

function repeated(): string[] {
  const others = asked.filter((question) => !TWICE.test(question));
  return others.filter((question, index) => others.indexOf(question) !== index);
}

test.each(['doctor', 'status', 'watchdog'])('%s asks each question once', async (command) => {
  const config = configured();
  const services = new Counting(config, { name: 'test' });
  try {
    if (command === 'doctor') await examineWith(services, config, CHECKS);
    else if (command === 'status') await new Lookout(config, services).look();
    else await look({ services, config, facts: WATCHED });
  } finally {
    await services.close();
  }
  expect(asked.length).toBeGreaterThan(5);
  expect(repeated()).toEqual([]);
});
