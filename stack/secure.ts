import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Environment } from '../lib/config.ts';
import { tlsFiles } from './certificates.ts';

/**
 * What `stack up --secure` adds: every server wants TLS and a login, and everybody has no more rights than the work
 * needs. Debezium's worker alone may write the topics of the connector.
 */
export const secureSchema = z.object({
  /** The folder of the certificates. */
  tls: z.string(),
  passwords: z.object({
    /** Of the role that projectors log in to Postgres with. */
    projector: z.string(),
    kafkaAdmin: z.string(),
    kafkaConnect: z.string(),
    kafkaOperator: z.string(),
    kafkaProjector: z.string(),
    /** Of Connect's REST interface. */
    connect: z.string(),
    registry: z.string(),
    keystore: z.string(),
  }),
});

export type Secure = Readonly<z.output<typeof secureSchema>>;

/** Kafka's users. `operator` makes topics and reads them, `projector` only reads the one that it projects. */
export const KAFKA_USERS = {
  admin: 'admin',
  connect: 'connect',
  operator: 'operator',
  projector: 'projector',
} as const;
export type KafkaUser = keyof typeof KAFKA_USERS;

/** Who logs in to Connect's REST interface and to the registry. */
export const WEB_USER = 'history-cdc';

export const SASL_MECHANISM = 'SCRAM-SHA-512';

export function newSecure(tls: string): Secure {
  const password = () => randomBytes(18).toString('base64url');
  return {
    tls,
    passwords: {
      projector: password(),
      kafkaAdmin: password(),
      kafkaConnect: password(),
      kafkaOperator: password(),
      kafkaProjector: password(),
      connect: password(),
      registry: password(),
      keystore: password(),
    },
  };
}

export function kafkaPassword({ passwords }: Secure, user: KafkaUser): string {
  switch (user) {
    case 'admin':
      return passwords.kafkaAdmin;
    case 'connect':
      return passwords.kafkaConnect;
    case 'operator':
      return passwords.kafkaOperator;
    case 'projector':
      return passwords.kafkaProjector;
  }
}

/** Our own settings for Kafka, as one of its users. */
export function kafkaSettings(secure: Secure, user: KafkaUser): Environment {
  return {
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA_FILE: tlsFiles(secure.tls).ca,
    KAFKA_SASL_MECHANISM: SASL_MECHANISM.toLowerCase(),
    KAFKA_SASL_USERNAME: KAFKA_USERS[user],
    KAFKA_SASL_PASSWORD: kafkaPassword(secure, user),
  };
}

/** A login as Java's clients and servers read it. */
export function scramLogin(secure: Secure, user: KafkaUser): string {
  const login = `username="${KAFKA_USERS[user]}" password="${kafkaPassword(secure, user)}"`;
  return `org.apache.kafka.common.security.scram.ScramLoginModule required ${login};`;
}
