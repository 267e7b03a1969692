/** Ways to break what is before the topic, each as it happens, and to mend it. */
import { resumeConnector } from '../../operations/connector/resume.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { askConnect } from '../support/ask-connect.ts';
import type { Pipeline } from '../support/pipeline.ts';
import { until } from '../support/until.ts';

const OBJECT_IN_USE = '55006';

export async function stopConnector(pipeline: Pipeline): Promise<void> {
  const { CONNECT_URL, CONNECTOR_NAME, SLOT_NAME } = pipeline.config;
  await askConnect(`${CONNECT_URL}/connectors/${CONNECTOR_NAME}/stop`, 'PUT');
  const active = 'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active';
  await until('the slot is free', async () => (await pipeline.asDba(active, [SLOT_NAME])).length === 0);
}

export async function resumed(pipeline: Pipeline): Promise<void> {
  await resumeConnector(pipeline.config, { note: () => undefined });
}

/** A topic that takes no record of the size that a row has makes the task fail. */
export async function limitMessages(pipeline: Pipeline, bytes: string): Promise<void> {
  await pipeline.cluster.alterTopicConfig(pipeline.topic, {
    ...{ 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' },
    'max.message.bytes': bytes,
  });
}

/** As a person does it, or a failover: what was written while the connector was stopped is read by nobody. */
export async function advanceSlot(pipeline: Pipeline): Promise<void> {
  const end = await pipeline.value<string>('SELECT pg_current_wal_insert_lsn()::text');
  await until('the rows are on disk', () =>
    pipeline.value<boolean>('SELECT pg_current_wal_flush_lsn() >= $1::pg_lsn', [end]),
  );
  // The slot's restart_lsn comes to lie beyond the stored offset, too: Debezium refuses to start from that offset then.
  for (let times = 0; times < 3; times += 1) await pipeline.asDba('SELECT pg_log_standby_snapshot()');
  await pipeline.asDba('CHECKPOINT');
  // A task that was about to start when its connector was stopped takes the slot once more.
  await until('nobody reads the slot, and it is advanced', async () => {
    try {
      const advance = 'SELECT pg_replication_slot_advance($1, pg_current_wal_lsn())';
      return (await pipeline.asDba(advance, [pipeline.config.SLOT_NAME])).length === 1;
    } catch (error) {
      if (sqlState(error) === OBJECT_IN_USE) return false;
      throw error;
    }
  });
}
