import type { Config, ConfigWith } from '../../lib/config.ts';
import { ConnectClient } from './connect-client.ts';

export type ConnectorSettings = ConfigWith<'CONNECT_URL' | 'KAFKA_BROKERS' | 'CONNECTOR_DATABASE_URL'>;

/** The one password that this process may know must not come back in a message of Connect's. */
export function connectClient(config: Config & { readonly CONNECT_URL: string }): ConnectClient {
  const password =
    config.CONNECTOR_DATABASE_URL === undefined ? '' : new URL(config.CONNECTOR_DATABASE_URL).password;
  const secrets = password === '' ? [] : [password, decodeURIComponent(password)];
  const { CONNECT_URL: url, CONNECT_TOKEN: token, CONNECT_CA_FILE: caFile } = config;
  return new ConnectClient({ url, token, caFile, secrets });
}
