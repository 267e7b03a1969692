import { describe, expect, test } from 'vitest';
import { desiredConnector } from '../../connectors/deploy/desired.ts';
import { printable } from '../../connectors/deploy/plan.ts';
import { HttpClient } from '../../lib/http-client.ts';
import { maskSetting, settingOf, SETTINGS, type SettingName } from '../../lib/settings.ts';
import { connectorSettings } from '../connectors/config.ts';
import { runInProcess } from '../support/run-in-process.ts';

/** Found anywhere in what is said, it shows that a secret is shown. */
const MARKER = 'marker-never-to-be-seen';

const names = Object.keys(SETTINGS) as SettingName[];
const secret = names.filter((name) => settingOf(name).secret === true);
const withCredentials = names.filter((name) => settingOf(name).credentials === true);

const ADDRESSES = [
  `postgresql://user:${MARKER}@host/db`,
  `postgresql://user:${MARKER}#x@host/db`,
  `postgresql://host/db?password=${MARKER}&sslpassword=${MARKER}`,
  `postgresql://user:${MARKER}@host:port/db`,
  `host=db password=${MARKER}`,
  `https://user:${MARKER}@host/path`,
  `ftp://user:${MARKER}@host/`,
  ` https://user:${MARKER}@host/`,
  MARKER,
];

test('every setting whose name says so is a secret', () => {
  const named = names.filter((name) => /PASSWORD|TOKEN|SECRET/.test(name));
  expect([...secret].sort()).toEqual([...named].sort());
  expect(withCredentials).toEqual(names.filter((name) => name.endsWith('_URL')));
});

describe('`config`', () => {
  test.each(withCredentials)(
    'shows no password in %s, however it is written, right or wrong',
    async (name) => {
      for (const value of ADDRESSES) {
        expect(maskSetting(name, value), value).not.toContain(MARKER);
        for (const args of [['config'], ['config', '--json']]) {
          const { stdout, stderr } = await runInProcess(args, { [name]: value });
          expect(stdout, value).toContain(name);
          expect(stdout + stderr, value).not.toContain(MARKER);
        }
      }
    },
  );

  test.each(secret)('shows nothing of %s', async (name) => {
    for (const value of [MARKER, `${MARKER}\n${MARKER}`]) {
      const { stdout, stderr } = await runInProcess(['config'], { [name]: value });
      expect(stdout).toContain(name);
      expect(stdout + stderr).not.toContain(MARKER);
    }
  });

  test('repeats no wrong value, of whatever setting, in its complaint', async () => {
    const wrong = Object.fromEntries(names.map((name) => [name, `${MARKER} `]));
    const { code, stderr } = await runInProcess(['config'], wrong);
    expect(code).toBe(2);
    expect(stderr.split('\n').length).toBeGreaterThan(20);
    expect(stderr).not.toContain(MARKER);
  });
});

test('the configuration that goes to Connect holds no secret of ours', () => {
  const login = `user:${MARKER}@`;
  const settings = connectorSettings({
    CONNECTOR_DATABASE_URL: `postgresql://${login}db/legacy?sslmode=verify-full`,
    DATABASE_URL: `postgresql://${login}db/app`,
    CONNECT_URL: `https://${login}connect`,
    CONNECT_TOKEN: MARKER,
    SCHEMA_REGISTRY_URL: `https://${login}registry`,
    SCHEMA_REGISTRY_TOKEN: MARKER,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: 'user',
    KAFKA_SASL_PASSWORD: MARKER,
  });
  expect(JSON.stringify(desiredConnector(settings))).not.toContain(MARKER);
});

test.each([
  ['database.password', MARKER],
  ['key.converter.apicurio.auth.password', MARKER],
  ['producer.override.sasl.jaas.config', `x required password="${MARKER}";`],
  ['some.token', MARKER],
  ['key.converter.apicurio.registry.url', `https://user:${MARKER}@registry`],
])('`plan` shows nothing of what somebody wrote into %s by hand', (key, value) => {
  expect(printable(key, value)).not.toContain(MARKER);
});

test('what a service repeats of its caller is blotted out, in every form', () => {
  const settings = { address: 'CONNECT_URL', token: 'CONNECT_TOKEN', ca: 'CONNECT_CA_FILE' } as const;
  const password = `p@ss ${MARKER}`;
  const url = `https://user:${encodeURIComponent(password)}@host`;
  const client = new HttpClient({ url, token: `t-${MARKER}` }, settings);
  const basic = Buffer.from(`user:${password}`).toString('base64');
  const clean = client.redact(`${password} ${encodeURIComponent(password)} ${basic} t-${MARKER}`);
  expect(clean).toBe('*** *** *** ***');
});
