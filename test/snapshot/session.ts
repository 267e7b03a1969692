import { afterAll, beforeAll } from 'vitest';
import { connectClient } from '../../connectors/deploy/target.ts';
import type { Scope } from '../../operations/snapshot/scope.ts';
import { withSession, type Session } from '../../operations/snapshot/session.ts';
import { askConnect } from '../support/ask-connect.ts';
import type { Pipeline } from '../support/pipeline.ts';
import { startServersAgain } from '../support/servers.ts';
import { until } from '../support/until.ts';

/** One session for all tests of a file, as an operator of least rights has it, over a connector that reads small chunks. */
export function useSession(pipeline: () => Pipeline, chunk: number): () => Session {
  let session: Session | undefined;
  let close: () => void = () => undefined;
  let closed: Promise<void> = Promise.resolve();
  beforeAll(async () => {
    await pipeline().asDba(`
      GRANT USAGE ON SCHEMA history_cdc_source TO app;
      GRANT SELECT, INSERT ON history_cdc_source.signal TO app;
      GRANT SELECT ON history_cdc_source.heartbeat TO app`);
    await configured(pipeline(), { 'incremental.snapshot.chunk.size': String(chunk) });
    session = await new Promise<Session>((resolve, reject) => {
      closed = withSession(pipeline().config, async (opened) => {
        const end = new Promise<void>((ended) => (close = ended));
        resolve(opened);
        await end;
      });
      closed.catch(reject);
    });
  });
  afterAll(async () => {
    close();
    await closed;
    await startServersAgain();
  });
  return () => {
    if (session === undefined) throw new Error('there is no session before the first test');
    return session;
  };
}

/** Changes settings of the connector past our own commands, and returns when its task runs with them. */
export async function configured(
  { config, cluster }: Pipeline,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const connect = connectClient(config);
  const name = config.CONNECTOR_NAME;
  await connect.putConfig(name, { ...(await connect.config(name)), ...settings });
  const topic = `${config.TOPIC_PREFIX}.history_cdc_source.heartbeat`;
  const beats = async () => (await cluster.watermarks(topic)).get(0)?.high ?? 0n;
  // Two, because one may be of the old task.
  const enough = (await beats()) + 2n;
  await until('the connector reads on', async () => (await beats()) >= enough);
}

export async function told({ config }: Pipeline, verb: 'stop' | 'resume'): Promise<void> {
  await askConnect(`${config.CONNECT_URL}/connectors/${config.CONNECTOR_NAME}/${verb}`, 'PUT');
}

const GATE = 7_260_402;

/** All rows; Debezium's statements wait for the gate. */
export function gated(): Scope {
  return { kind: 'where', condition: `pg_advisory_xact_lock_shared(${String(GATE)}) IS NOT NULL` };
}

/** Shut until what it gives is called. */
export async function gate({ pool }: Pipeline): Promise<() => Promise<void>> {
  const client = await pool.connect();
  await client.query('SELECT pg_advisory_lock($1)', [GATE]);
  return async () => {
    await client.query('SELECT pg_advisory_unlock($1)', [GATE]);
    client.release();
  };
}
