/** Names of local stacks. A name becomes part of a path, and of what `down` removes. */
export const STACK_NAME = /^[a-z0-9][a-z0-9-]{0,40}$/;

/** The schema of the signal and heartbeat tables in the legacy database. The SQL script for the DBA creates it. */
export const SOURCE_SCHEMA = 'history_cdc_source';

/** The topics that the connector writes to, all derived from `topic.prefix`. */
export function topicNames(config: { readonly TOPIC_PREFIX: string }) {
  const prefix = config.TOPIC_PREFIX;
  return {
    data: `${prefix}.public.agent_test_history`,
    signal: `${prefix}.${SOURCE_SCHEMA}.signal`,
    heartbeatTable: `${prefix}.${SOURCE_SCHEMA}.heartbeat`,
    heartbeat: `__debezium-heartbeat.${prefix}`,
    notifications: `${prefix}.notifications`,
  } as const;
}
