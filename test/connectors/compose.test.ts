import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { SETTINGS } from '../../lib/settings.ts';
import { runInProcess } from '../support/run-in-process.ts';

/*
 * No Docker engine is at hand where these tests run: what can be checked without one is that the file is a compose
 * file, and that it agrees with everything in the tree that it stands on.
 */

interface Service {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string; readonly target?: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly configs?: readonly { readonly source: string }[];
  readonly profiles?: readonly string[];
  readonly healthcheck?: object;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}
interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: object;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

const repository = path.join(import.meta.dirname, '..', '..');
const read = (file: string) => readFileSync(path.join(repository, file), 'utf8');
const text = read('docker-compose.yml');
const compose = parse(text, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image.startsWith('agent-history-cdc/history-cdc:'));
const dockerfiles = [...new Set(services.flatMap(([, { build }]) => build?.dockerfile ?? []))];

/** A property of a Maven or a Java properties file. */
function pomProperty(name: string, folder = ''): string {
  const pom = read(`connectors/runtime/${folder}pom.xml`);
  const [, value] = new RegExp(`<${name}>([^<]+)</${name}>`).exec(pom) ?? [];
  if (value === undefined) throw new Error(`the pom has no property ${name}`);
  return value;
}

const workerProperties = Object.fromEntries(
  read('connectors/runtime/connect-distributed.properties')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
);

function service(name: string): Service {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
}

describe('docker-compose.yml', () => {
  let schema: object;
  beforeAll(() => {
    schema = JSON.parse(read('test/fixtures/compose-spec/compose-spec.json')) as object;
  });

  test('is a compose file', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
    // The specification names its draft by an address that ajv does not know it by.
    const validate = ajv.compile({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#' });
    const broken = { ...compose, services: { ...compose.services, x: { imagee: 'y' } } };
    expect(validate(broken)).toBe(false);
    validate(parse(text, { merge: true }));
    expect(validate.errors ?? []).toEqual([]);
  });

  test('pins every image, those that are built from pinned ones', () => {
    const bases = dockerfiles.flatMap((file) =>
      [...read(file).matchAll(/^FROM (\S+:\S+)/gm)].map(([, image]) => image ?? ''),
    );
    expect(bases.length).toBeGreaterThanOrEqual(4);
    const pulled = services.filter(([, { build }]) => build === undefined).map(([, { image }]) => image);
    for (const image of [...bases, ...pulled]) expect(image).toMatch(/:v?\d+\.\d+/);
  });

  test('has the versions of the local stack', () => {
    expect(service('kafka').image).toBe(`apache/kafka:${pomProperty('kafka.version')}`);
    const [major, minor] = pomProperty('postgres.version', 'postgres/').split('.');
    expect(service('postgres').image).toMatch(new RegExp(`^postgres:${major ?? ''}\\.${minor ?? ''}-`));
    for (const name of ['connect', 'registry']) {
      expect(service(name).build?.dockerfile).toBe('connectors/runtime/Dockerfile');
    }
  });

  test('publishes every port to loopback only', () => {
    const ports = services.flatMap(([, { ports: published }]) => published ?? []);
    expect(ports).toHaveLength(8);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\$\{[A-Z_]+:-\d+\}:\d+$/);
  });

  test('starts nothing before what it needs is healthy or done', () => {
    for (const [name, { depends_on: needs = {} }] of services) {
      for (const [needed, { condition }] of Object.entries(needs)) {
        const { healthcheck } = service(needed);
        const expected = healthcheck === undefined ? 'service_completed_successfully' : 'service_healthy';
        expect([name, needed, condition]).toEqual([name, needed, expected]);
      }
    }
    expect(Object.keys(service('deploy').depends_on ?? {}).sort()).toEqual(['connect', 'source']);
    expect(Object.keys(service('projector').depends_on ?? {}).sort()).toEqual(['deploy', 'migrate']);
  });

  test('keeps what must not be lost in named volumes, and mounts only files that exist', () => {
    const mounts = services.flatMap(([, { volumes = [] }]) =>
      volumes.map((volume) => volume.split(':')[0] ?? ''),
    );
    const named = mounts.filter((mount) => !mount.startsWith('./'));
    expect(named.sort()).toEqual(Object.keys(compose.volumes).sort());
    const files = mounts.filter((mount) => mount.startsWith('./'));
    expect(files).toHaveLength(8);
    for (const file of files) expect(existsSync(path.join(repository, file))).toBe(true);
    const configs = services.flatMap(([, { configs: used = [] }]) => used.map(({ source }) => source));
    expect(configs).toEqual(Object.keys(compose.configs));
  });

  test('holds no secret but the defaults for a developer', () => {
    for (const [, { environment = {} }] of services) {
      for (const [name, value] of Object.entries(environment).filter(([key]) => key.endsWith('PASSWORD'))) {
        expect([name, value]).toEqual([name, expect.stringMatching(/^\$\{[A-Z_]+:-local-development\}$/)]);
      }
    }
    const urls = [...text.matchAll(/:\/\/[^@\s]*@/g)].map(([url]) => url);
    expect(urls).toEqual(['://app:${APP_PASSWORD:-local-development}@', '://history_cdc_connector@']);
  });
});

describe('the services of ours', () => {
  test('run without rights: an unprivileged user, a read-only file system, no capabilities', () => {
    expect(ours.length).toBeGreaterThan(0);
    for (const [name, service] of ours)
      expect([name, service]).toEqual([
        name,
        expect.objectContaining({
          read_only: true,
          cap_drop: ['ALL'],
          security_opt: ['no-new-privileges:true'],
        }),
      ]);
    for (const file of dockerfiles) expect(read(file)).toMatch(/^USER (?!root)\S+$/m);
  });

  test('have settings that there are, and all that their commands need', () => {
    expect(ours.map(([name]) => name)).toEqual(['source', 'migrate', 'deploy', 'projector']);
    for (const [, { environment = {} }] of ours) {
      expect(Object.keys(SETTINGS)).toEqual(expect.arrayContaining(Object.keys(environment)));
      expect(Object.keys(environment)).toEqual(
        expect.arrayContaining([
          'DATABASE_URL',
          'CONNECTOR_DATABASE_URL',
          'KAFKA_BROKERS',
          'CONNECT_URL',
          'SCHEMA_REGISTRY_URL',
          'CONNECTOR_SCHEMA_REGISTRY_URL',
        ]),
      );
    }
  });

  test('run commands that there are, with options that they know', async () => {
    const commands = ours.map(([, { command = [] }]) => command);
    expect(commands.flat().filter((word) => !word.startsWith('--'))).toEqual([
      'connector',
      'sql',
      'migrate',
      'connector',
      'apply',
      'project',
    ]);
    for (const command of commands) {
      const words = command.filter((word) => !word.startsWith('--'));
      const { code, stdout } = await runInProcess([...words, '--help'], {});
      expect({ words, code }).toEqual({ words, code: 0 });
      for (const option of command.filter((word) => word.startsWith('--'))) expect(stdout).toContain(option);
    }
  });
});

describe('the profile observability', () => {
  test('starts nothing unless asked for, and scrapes services that are there, at ports that they open', () => {
    const watching = ['prometheus', 'alertmanager', 'grafana'];
    const inProfile = services.filter(([, { profiles }]) => profiles !== undefined);
    expect(inProfile.map(([name, { profiles }]) => [name, profiles])).toEqual(
      watching.map((name) => [name, ['observability']]),
    );
    const scraped = parse(read('observability/prometheus.yml')) as {
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    };
    const jobs = scraped.scrape_configs.map(({ job_name: job, static_configs: [first] }) => [
      job,
      first?.targets,
    ]);
    expect(jobs).toEqual([
      ['history-cdc', ['projector:9464']],
      ['kafka-connect', ['connect:9404']],
    ]);
    expect(service('projector').ports).toEqual(['127.0.0.1:${HTTP_PORT:-9464}:9464']);
    expect(read('connectors/runtime/Dockerfile')).toContain(
      '=0.0.0.0:9404:/etc/history-cdc/kafka-connect-jmx.yml',
    );
  });
});

describe('the images', () => {
  test('install packages by the lockfile, with .npmrc, and without running a script of theirs', () => {
    const lines = read('consumers/Dockerfile').split('\n');
    const installs = lines.flatMap((line, at) => (/\bnpm (ci|i|install)\b/.test(line) ? [at] : []));
    // What the image holds, and what only its build needs.
    expect(installs.map((at) => lines[at]?.includes(' --omit=dev '))).toEqual([true, false]);
    for (const at of installs) {
      expect(lines[at]).toMatch(/\bnpm ci (--omit=dev )?--ignore-scripts$/);
      expect(lines.slice(0, at).some((line) => /^COPY .*\.npmrc /.test(line))).toBe(true);
    }
    expect(read('.npmrc').split('\n')).toContain('ignore-scripts=true');
    // npx, and the package managers that npm brings, install as well.
    expect(read('consumers/Dockerfile')).not.toMatch(/\b(npx|yarn|pnpm|corepack)\b/);
  });

  test('are built from files that exist and that .dockerignore lets in', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = dockerfiles.flatMap((file) =>
      [...read(file).matchAll(/^COPY (?!--from)(.+)$/gm)].flatMap(([, files]) =>
        (files ?? '').split(' ').slice(0, -1),
      ),
    );
    expect(copied).toContain('connectors/runtime/pom.xml');
    for (const file of copied.filter((name) => name !== '.')) {
      expect(allowed).toContain(file.split('/')[0]);
      expect(() => readFileSync(path.join(repository, file))).not.toThrow(/ENOENT/);
    }
  });

  test('copy every part of the Maven build', () => {
    const modules = [...read('connectors/runtime/pom.xml').matchAll(/<module>([^<]+)<\/module>/g)];
    expect(modules.length).toBeGreaterThan(0);
    for (const [, module] of modules) {
      expect(read('connectors/runtime/Dockerfile')).toContain(
        `COPY connectors/runtime/${module ?? ''}/pom.xml`,
      );
    }
  });
});

describe('the Connect worker', () => {
  test('finds every variable that its configuration refers to, and hides all others', () => {
    const allowlist = new RegExp(workerProperties['config.providers.env.param.allowlist.pattern'] ?? '^$');
    const variables = [read('connectors/agent-test-history.json'), ...Object.values(workerProperties)]
      .flatMap((value) => [...value.matchAll(/\$\{env:([^}]+)\}/g)])
      .map(([, name]) => name ?? '');
    const given = Object.keys(service('connect').environment ?? {});
    expect([...new Set(variables)].sort()).toEqual(given.sort());
    for (const variable of given) expect(variable).toMatch(allowlist);
    expect('POSTGRES_PASSWORD').not.toMatch(allowlist);
  });

  test('allows what the connector overrides, and nothing else, here as in the local stack and the README', () => {
    const { config } = JSON.parse(read('connectors/agent-test-history.json')) as {
      config: Record<string, string>;
    };
    const overridden = Object.keys(config)
      .filter((key) => key.startsWith('producer.override.'))
      .map((key) => key.replace('producer.override.', ''));
    const allowlist = workerProperties['connector.client.config.override.allowlist'] ?? '';
    expect(allowlist.split(',').sort()).toEqual(overridden.sort());
    expect(read('stack/connect.ts')).toContain(`'${allowlist}'`);
    expect(read('connectors/README.md')).toContain(
      `connector.client.config.override.allowlist=${allowlist}\n`,
    );
  });
});
