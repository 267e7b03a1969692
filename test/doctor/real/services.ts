import type { Settings } from '../carry-out.ts';

/** A setting that leads to the wrong place, or asks for what is not there. */
export interface SettingCase {
  readonly id: string;
  /** In words. */
  readonly brokenBy: string;
  readonly says: string;
  readonly settings: (good: Settings) => Settings;
  /** The setting that the fix prints; where there is none, the fix is in words: to put the setting right. */
  readonly mendedBy?: RegExp;
}

const NOBODY = 'http://127.0.0.1:1';

export const WRONG_SERVICES: readonly SettingCase[] = [
  {
    id: 'kafka-reachable',
    brokenBy: 'KAFKA_BROKERS of a port where nobody listens',
    says: 'no Kafka broker answers at 127.0.0.1:1',
    settings: () => ({ KAFKA_BROKERS: '127.0.0.1:1' }),
  },
  {
    id: 'kafka-brokers',
    brokenBy: 'TOPIC_REPLICATION=3 with one broker',
    says: '1 broker(s), and TOPIC_REPLICATION is 3',
    settings: () => ({ TOPIC_REPLICATION: '3' }),
    mendedBy: /^TOPIC_REPLICATION=1 /,
  },
  {
    id: 'topic-settings',
    brokenBy: 'TOPIC_PARTITIONS=4 of a topic with 3',
    says: 'partitions is 3, must be 4',
    settings: () => ({ TOPIC_PARTITIONS: '4' }),
    mendedBy: /^TOPIC_PARTITIONS=3 /,
  },
  {
    id: 'connect-reachable',
    brokenBy: 'CONNECT_URL of a port where nobody listens',
    says: 'Kafka Connect',
    settings: () => ({ CONNECT_URL: NOBODY }),
  },
  {
    id: 'registry-reachable',
    brokenBy: 'SCHEMA_REGISTRY_URL of a port where nobody listens',
    says: 'ECONNREFUSED',
    settings: () => ({ SCHEMA_REGISTRY_URL: NOBODY }),
  },
  {
    id: 'registry-reachable',
    brokenBy: 'SCHEMA_REGISTRY_URL of a server that is no registry',
    says: 'it is not the Confluent-compatible API of a registry',
    settings: ({ CONNECT_URL = '' }) => ({ SCHEMA_REGISTRY_URL: CONNECT_URL }),
  },
  {
    id: 'registry-pair',
    brokenBy: 'SCHEMA_REGISTRY_URL not set, CONNECTOR_SCHEMA_REGISTRY_URL set',
    says: 'SCHEMA_REGISTRY_URL is not set',
    settings: () => ({ SCHEMA_REGISTRY_URL: '' }),
  },
];
