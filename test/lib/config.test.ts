import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { resolveSettings } from '../../lib/setting-sources.ts';
import { maskSetting, SETTINGS } from '../../lib/settings.ts';

const DATABASE_URL = 'postgresql://app:hunter2@db.example:5432/app';

/** The problems that a configuration is refused with, a line each. */
function problemsOf(work: () => unknown): string[] {
  try {
    work();
  } catch (error) {
    if (error instanceof FatalError && error.code === 'CONFIG_INVALID')
      return error.message
        .split('\n')
        .slice(1)
        .map((line) => line.replace('  - ', ''));
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('a configuration', () => {
  test('with nothing set has its defaults, typed, and is frozen', () => {
    const config = loadConfig({}, undefined);
    expect(config).toMatchObject({
      KAFKA_TLS: false,
      TOPIC_PREFIX: 'aao',
      BATCH_ROWS: Number(SETTINGS.BATCH_ROWS.default),
      BATCH_BYTES: Number(SETTINGS.BATCH_BYTES.default),
      OPT_OUT_POLICY: 'respect',
      QUARANTINE_MAX_SHARE: 0.1,
      QUARANTINE_WINDOW: 1000,
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: 9464,
      LOG_LEVEL: 'info',
    });
    expect(config.DATABASE_URL).toBeUndefined();
    expect(Object.isFrozen(config)).toBe(true);
  });

  test('reads every kind of value', () => {
    const config = loadConfig(
      {
        DATABASE_URL,
        KAFKA_BROKERS: 'one:9092, two:9093',
        KAFKA_TLS: 'true',
        BATCH_ROWS: '1',
        SCHEMA_REGISTRY_URL: 'http://registry:8080/apis/ccompat/v7//',
      },
      undefined,
    );
    expect(config).toMatchObject({
      DATABASE_URL,
      KAFKA_BROKERS: ['one:9092', 'two:9093'],
      KAFKA_TLS: true,
      BATCH_ROWS: 1,
      SCHEMA_REGISTRY_URL: 'http://registry:8080/apis/ccompat/v7',
    });
  });

  test('takes the legacy database from DATABASE_URL where it has none of its own', () => {
    expect(loadConfig({ DATABASE_URL }, undefined, ['LEGACY_DATABASE_URL']).LEGACY_DATABASE_URL).toBe(
      DATABASE_URL,
    );
    const own = 'postgres://other/legacy';
    expect(loadConfig({ DATABASE_URL, LEGACY_DATABASE_URL: own }, undefined).LEGACY_DATABASE_URL).toBe(own);
  });

  test('names all problems at once, what is missing among them, and shows no value', () => {
    const wrong = {
      LEGACY_DATABASE_URL: 'mysql://hunter2@db/app',
      KAFKA_TLS: 'yes hunter2',
      BATCH_ROWS: '0',
      BATCH_BYTES: 'hunter2',
      PARTITIONS_AT_ONCE: '1.5',
      QUARANTINE_MAX_SHARE: '10%',
      HTTP_PORT: '70000',
      TOPIC_PREFIX: 'Hunter2',
      OPT_OUT_POLICY: 'hunter2',
      LOG_LEVEL: 'hunter2',
      UNAVAILABLE_PLACEHOLDER: 'hunter2',
      CONNECT_URL: 'hunter2',
      KAFKA_SASL_MECHANISM: 'hunter2',
    };
    const problems = problemsOf(() => loadConfig(wrong, undefined, ['DATABASE_URL', 'KAFKA_BROKERS']));
    const named = problems.map((problem) => problem.split(' ')[0]).sort();
    expect(named).toEqual([...Object.keys(wrong), 'DATABASE_URL', 'KAFKA_BROKERS'].sort());
    expect(problems.join('\n').toLowerCase()).not.toContain('hunter2');
  });

  test.each([
    ['KAFKA_BROKERS', 'host', 'must be host:port'],
    ['KAFKA_BROKERS', 'http://host:9092', 'must be host:port'],
    ['KAFKA_BROKERS', 'one:9092,,two:9092', 'must be host:port'],
    ['KAFKA_BROKERS', 'one:9092,[::1]:9092', 'cannot be [::1]:9092'],
    ['KAFKA_BROKERS', 'one:65536', 'must be host:port'],
    ['DATABASE_URL', 'postgres://app:50%off@db/app', 'contains a % that'],
    ['CONNECT_URL', 'http://app:50%off@connect', 'contains a % that'],
    ['DATABASE_URL', 'postgres://app:%ff@db/app', 'contains a % sequence'],
    ['DATABASE_URL', 'postgres://app:a#b@db/app', 'contains a #'],
    ['SCHEMA_REGISTRY_URL', 'http://app:a/b@registry', 'is not a URL'],
    ['CONNECT_URL', 'http://app:1/b@connect', 'has an @ behind the host'],
    ['DATABASE_URL', 'postgres://app:x@one,two/app', 'names several hosts'],
    ['DATABASE_URL', 'postgres://one:5432,two:5432/app', 'names several hosts'],
    ['DATABASE_URL', 'postgres://app:x@one/app?host=one,two', 'names several hosts'],
    ['DATABASE_URL', 'postgres://db/app?target_session_attrs=read-write', 'has target_session_attrs'],
    ['BATCH_ROWS', '20001', 'must be at most 20000'],
    ['BATCH_BYTES', '65535', 'must be at least 65536'],
    ['BATCH_ROWS', ' ', 'must be at least 1'],
    ['QUARANTINE_MAX_SHARE', '1.01', 'must be at most 1'],
    ['QUARANTINE_MAX_SHARE', '-0.1', 'must be at least 0'],
    ['QUARANTINE_WINDOW', '0', 'must be at least 1'],
    ['TOPIC_PARTITIONS', 'many', 'must be a whole number'],
    ['SLOT_NAME', 'with-dash', 'must be lower-case'],
    ['PUBLICATION_NAME', '1st', 'must be lower-case'],
    ['HISTORY_CDC_STACK', '-x', 'must be lower-case'],
    ['CONNECTOR_NAME', 'a/b', 'must be letters'],
    ['DATABASE_URL', 'http://db/app', 'must be a URL that begins with postgres:// or postgresql://'],
  ])('refuses %s=%s', (name, value, problem) => {
    const problems = problemsOf(() => loadConfig({ [name]: value }, undefined));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`${name} ${problem}`);
  });

  test('a variable of libpq that asks for TLS is refused by name, unless the address asks for TLS itself', () => {
    const environment = { PGSSLMODE: 'require', DATABASE_URL: 'postgres://db/app' };
    const [problem, ...others] = problemsOf(() => loadConfig(environment, undefined));
    expect(others).toEqual([]);
    expect(problem).toContain('PGSSLMODE');
    const own = { ...environment, DATABASE_URL: 'postgres://db/app?sslmode=verify-full' };
    expect(loadConfig(own, undefined).DATABASE_URL).toBe(own.DATABASE_URL);
    expect(loadConfig({ PGSSLMODE: 'require' }, { DATABASE_URL: 'postgres://db/app' }).DATABASE_URL).toBe(
      'postgres://db/app',
    );
  });

  test.each([
    [{ KAFKA_SASL_MECHANISM: 'plain' }, 'KAFKA_SASL_USERNAME'],
    [{ KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'u' }, 'KAFKA_SASL_PASSWORD'],
    [{ KAFKA_TLS_CERT_FILE: '/c' }, 'KAFKA_TLS_KEY_FILE'],
    [{ KAFKA_TLS_KEY_FILE: '/k' }, 'KAFKA_TLS_CERT_FILE'],
  ])('refuses %j, which goes together with something', (environment, other) => {
    expect(problemsOf(() => loadConfig(environment, undefined)).join()).toContain(other);
  });
});

describe('where a setting comes from', () => {
  const stack = { DATABASE_URL: 'postgres://stack/app', KAFKA_BROKERS: 'stack:1' };

  test.each([
    {
      from: 'a variable, before the local stack',
      environment: { DATABASE_URL },
      localStack: stack,
      expected: { text: DATABASE_URL, source: 'environment' },
    },
    {
      from: 'the local stack',
      environment: {},
      localStack: stack,
      expected: { text: stack.DATABASE_URL, source: 'local stack' },
    },
    {
      from: 'the local stack, where the variable is empty',
      environment: { DATABASE_URL: '' },
      localStack: stack,
      expected: { text: stack.DATABASE_URL, source: 'local stack' },
    },
    {
      from: 'nowhere',
      environment: {},
      localStack: undefined,
      expected: { text: undefined, source: 'unset' },
    },
  ])('$from', ({ environment, localStack, expected }) => {
    expect(resolveSettings(environment, localStack).DATABASE_URL).toEqual(expected);
  });

  test('the default, where a variable is empty or not there', () => {
    expect(resolveSettings({ TOPIC_PREFIX: '' }, undefined).TOPIC_PREFIX).toEqual({
      text: 'aao',
      source: 'default',
    });
  });

  test('an empty variable is an unset one, for what is needed too', () => {
    expect(problemsOf(() => loadConfig({ DATABASE_URL: '' }, undefined, ['DATABASE_URL']))).toEqual([
      `DATABASE_URL is not set: ${SETTINGS.DATABASE_URL.meaning}`,
    ]);
  });

  test('one variable overrides its part of the local stack, and no other', () => {
    const config = loadConfig({ DATABASE_URL }, stack, ['DATABASE_URL', 'KAFKA_BROKERS']);
    expect(config).toMatchObject({
      DATABASE_URL,
      LEGACY_DATABASE_URL: DATABASE_URL,
      KAFKA_BROKERS: ['stack:1'],
    });
  });
});

describe('a setting that is shown', () => {
  test.each([
    ['DATABASE_URL', 'postgres://app:hunter2@db/app', 'postgres://app:***@db/app'],
    ['DATABASE_URL', 'postgres://db/app?password=hunter2&x=1', 'postgres://db/app?password=***&x=1'],
    ['DATABASE_URL', 'postgres://db/app?sslpassword=hunter2', 'postgres://db/app?sslpassword=***'],
    ['DATABASE_URL', 'postgres://app@db/app', 'postgres://app@db/app'],
    ['SCHEMA_REGISTRY_URL', 'https://u:hunter2@registry/', 'https://u:***@registry/'],
    ['CONNECT_URL', 'https://u:hunter2@connect/', 'https://u:***@connect/'],
    ['KAFKA_SASL_PASSWORD', 'hunter2', '***'],
    ['KAFKA_SASL_USERNAME', 'user', 'user'],
    ['TOPIC_PREFIX', 'aao', 'aao'],
  ] as const)('%s = %s is %s', (name, value, shown) => {
    expect(maskSetting(name, value)).toBe(shown);
  });

  test.each([
    'app:hunter2@db/app',
    'host=db password=hunter2',
    'hunter2',
    'postgres://app:1#hunter2@db/app',
    'postgres://app:hunter2@db:port/app',
  ])('and is no URL, though it should be one, may hold a password anywhere: %s', (value) => {
    expect(maskSetting('DATABASE_URL', value)).toBe('***');
  });
});
