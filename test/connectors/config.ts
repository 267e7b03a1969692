import { loadConfig, type Environment } from '../../lib/config.ts';

/** A configuration as it would come from the environment, with every address that the connector needs. */
export function connectorSettings(environment: Environment = {}) {
  return loadConfig(
    {
      DATABASE_URL: 'postgresql://app@127.0.0.1:5432/app',
      CONNECTOR_DATABASE_URL: 'postgresql://history_cdc_connector@db.internal:5433/legacy',
      KAFKA_BROKERS: '127.0.0.1:9092',
      CONNECT_URL: 'http://127.0.0.1:8083',
      SCHEMA_REGISTRY_URL: 'http://127.0.0.1:8080/apis/ccompat/v7',
      CONNECTOR_SCHEMA_REGISTRY_URL: 'http://registry:8080/apis/registry/v2',
      ...environment,
    },
    undefined,
    ['CONNECT_URL', 'KAFKA_BROKERS', 'CONNECTOR_DATABASE_URL'],
  );
}
