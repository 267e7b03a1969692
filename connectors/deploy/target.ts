import type { Config, ConfigWith } from '../../lib/config.ts';
import { ConnectClient } from './connect-client.ts';

export type ConnectorSettings = ConfigWith<'CONNECT_URL' | 'KAFKA_BROKERS' | 'CONNECTOR_DATABASE_URL'>;

/** Connect's messages must not contain the connector's password, which this process may know. */
export function connectClient(config: Config & { readonly CONNECT_URL: string }): ConnectClient {
  const password =
    config.CONNECTOR_DATABASE_URL === undefined ? '' : new URL(config.CONNECTOR_DATABASE_URL).password;
  const secrets = password === '' ? [] : [password, decodeURIComponent(password)];
  const { CONNECT_URL: url, CONNECT_TOKEN: token, CONNECT_CA_FILE: caFile } = config;
  return new ConnectClient({ url, token, caFile, secrets });
}
