import type { SecureStack } from '../support/secure-stack.ts';

/** A command with settings that a secure stack does not accept: the error's code, and what the error names. */
export interface Refusal {
  readonly what: string;
  readonly args: readonly string[];
  readonly settings: (stack: SecureStack) => Readonly<Record<string, string>>;
  readonly code: string;
  readonly names: string;
}

const database = (stack: SecureStack, change: (url: URL) => void) => {
  const url = new URL(stack.addresses.databaseUrl);
  change(url);
  return { DATABASE_URL: url.href };
};
const connect = (stack: SecureStack, change: (url: URL) => void) => {
  const url = new URL(stack.addresses.connectUrl);
  change(url);
  return { CONNECT_URL: url.href };
};
const withoutLogin = (url: URL) => {
  url.username = '';
  url.password = '';
};
const wrongPassword = (url: URL) => {
  url.password = 'wrong-password';
};
/** The certificates are for 127.0.0.1 alone. */
const otherName = (url: URL) => {
  url.hostname = 'localhost';
};

export const REFUSALS: readonly Refusal[] = [
  {
    what: 'Kafka without TLS',
    args: ['connector', 'status'],
    settings: () => ({ KAFKA_TLS: 'false', KAFKA_SASL_MECHANISM: '' }),
    code: 'KAFKA_UNREACHABLE',
    names: 'KAFKA_TLS=true',
  },
  {
    what: 'Kafka without a login',
    args: ['connector', 'status'],
    settings: () => ({ KAFKA_SASL_MECHANISM: '' }),
    code: 'KAFKA_UNREACHABLE',
    names: 'KAFKA_SASL_MECHANISM',
  },
  {
    what: 'Kafka with a wrong password',
    args: ['connector', 'status'],
    settings: () => ({ KAFKA_SASL_PASSWORD: 'wrong-password' }),
    code: 'KAFKA_UNREACHABLE',
    names: 'KAFKA_SASL_PASSWORD',
  },
  {
    what: 'Kafka by another authority',
    args: ['connector', 'status'],
    settings: (stack) => ({ KAFKA_TLS_CA_FILE: stack.otherCa }),
    code: 'KAFKA_UNREACHABLE',
    names: 'KAFKA_TLS_CA_FILE',
  },
  {
    what: 'Kafka by another name',
    args: ['connector', 'status'],
    settings: (stack) => ({ KAFKA_BROKERS: stack.addresses.kafkaBrokers.replace('127.0.0.1', 'localhost') }),
    code: 'KAFKA_UNREACHABLE',
    names: 'in KAFKA_BROKERS, use a host name',
  },
  {
    what: 'Postgres without TLS',
    args: ['census'],
    settings: (stack) =>
      database(stack, (url) => {
        url.search = '?sslmode=disable';
      }),
    code: 'DATABASE_UNREACHABLE',
    names: 'add sslmode=verify-full to DATABASE_URL',
  },
  {
    what: 'Postgres by another authority',
    args: ['census'],
    settings: (stack) =>
      database(stack, (url) => {
        url.searchParams.set('sslrootcert', stack.otherCa);
      }),
    code: 'DATABASE_UNREACHABLE',
    names: 'sslrootcert in DATABASE_URL',
  },
  {
    what: 'Postgres by another name',
    args: ['census'],
    settings: (stack) => database(stack, otherName),
    code: 'DATABASE_UNREACHABLE',
    names: 'in DATABASE_URL, use a host name',
  },
  {
    what: 'Postgres with a wrong password',
    args: ['census'],
    settings: (stack) => database(stack, wrongPassword),
    code: 'DATABASE_UNREACHABLE',
    names: 'DATABASE_URL',
  },
  {
    what: 'Connect without a login',
    args: ['connector', 'pause'],
    settings: (stack) => connect(stack, withoutLogin),
    code: 'CONNECT_REFUSED',
    names: 'CONNECT_TOKEN',
  },
  {
    what: 'Connect with a wrong password',
    args: ['connector', 'pause'],
    settings: (stack) => connect(stack, wrongPassword),
    code: 'CONNECT_REFUSED',
    names: 'user:password@ into CONNECT_URL',
  },
  {
    what: 'Connect by another authority',
    args: ['connector', 'pause'],
    settings: (stack) => ({ CONNECT_CA_FILE: stack.otherCa }),
    code: 'CONNECT_UNREACHABLE',
    names: 'CONNECT_CA_FILE',
  },
  {
    what: 'Connect by another name',
    args: ['connector', 'pause'],
    settings: (stack) => connect(stack, otherName),
    code: 'CONNECT_UNREACHABLE',
    names: 'in CONNECT_URL, use a host name',
  },
  {
    what: 'Connect without TLS',
    args: ['connector', 'pause'],
    settings: (stack) => ({ CONNECT_URL: stack.addresses.connectUrl.replace('https:', 'http:') }),
    code: 'CONNECT_UNREACHABLE',
    names: 'CONNECT_URL',
  },
  {
    what: 'the connector at Postgres without TLS',
    args: ['connector', 'apply'],
    settings: (stack) => ({
      CONNECTOR_DATABASE_URL: stack.addresses.connectorDatabaseUrl.replace(/\?.*/, '?sslmode=disable'),
    }),
    code: 'CONNECTOR_REJECTED',
    names: 'no encryption',
  },
];

/** What the projector's user lacks in groups of another name than the stack's rules have. */
export const GROUP_RULE =
  'kafka-acls.sh --add --allow-principal User:projector --group elsewhere --resource-pattern-type prefixed --operation Read --operation Delete';
