import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Environment } from '../lib/config.ts';
import { tlsFiles } from './certificates.ts';

/**
 * The additional state of a stack that `stack up --secure` made. Every server demands TLS and a login, and each user
 * has only the rights that its work needs. Only Debezium's worker may write to the connector's topics.
 */
export const secureSchema = z.object({
  /** The folder of the certificates. */
  tls: z.string(),
  passwords: z.object({
    /** The password of the projector's role in Postgres. */
    projector: z.string(),
    kafkaAdmin: z.string(),
    kafkaConnect: z.string(),
    kafkaOperator: z.string(),
    kafkaProjector: z.string(),
    /** The password of Connect's REST interface. */
    connect: z.string(),
    registry: z.string(),
    keystore: z.string(),
  }),
});

export type Secure = Readonly<z.output<typeof secureSchema>>;

/** Kafka's users. `operator` creates and reads topics; `projector` only reads the topic that it projects. */
export const KAFKA_USERS = {
  admin: 'admin',
  connect: 'connect',
  operator: 'operator',
  projector: 'projector',
} as const;
export type KafkaUser = keyof typeof KAFKA_USERS;

/** The user of Connect's REST interface and of the registry. */
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

/** Our settings with which a command logs in to Kafka as this user. */
export function kafkaSettings(secure: Secure, user: KafkaUser): Environment {
  return {
    KAFKA_TLS: 'true',
    KAFKA_TLS_CA_FILE: tlsFiles(secure.tls).ca,
    KAFKA_SASL_MECHANISM: SASL_MECHANISM.toLowerCase(),
    KAFKA_SASL_USERNAME: KAFKA_USERS[user],
    KAFKA_SASL_PASSWORD: kafkaPassword(secure, user),
  };
}

/** A login in the form that Java's clients and servers read. */
export function scramLogin(secure: Secure, user: KafkaUser): string {
  const login = `username="${KAFKA_USERS[user]}" password="${kafkaPassword(secure, user)}"`;
  return `org.apache.kafka.common.security.scram.ScramLoginModule required ${login};`;
}
