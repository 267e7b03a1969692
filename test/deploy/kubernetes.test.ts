import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../lib/config.ts';
import { SETTINGS } from '../../lib/settings.ts';
import { desiredConnector } from '../../connectors/deploy/desired.ts';
import { kubernetesFiles } from '../../observability/build-kubernetes.ts';
import { runInProcess } from '../support/run-in-process.ts';

/*
 * deploy/kubernetes/ and `connector print --strimzi`, held against the schemas of Kubernetes, Strimzi and the Prometheus
 * operator (test/fixtures/kubernetes/README.md says where they come from), and against the files of this tree that they
 * repeat. Nothing here asks a cluster.
 */
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}
interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef: { readonly name: string; readonly key: string } };
}
interface Pod {
  readonly securityContext: object;
  readonly restartPolicy: string;
  readonly containers: readonly [
    {
      readonly name: string;
      readonly args: readonly string[];
      readonly env: readonly EnvVar[];
      readonly securityContext: object;
      readonly livenessProbe?: { readonly httpGet: { readonly path: string } };
      readonly readinessProbe?: { readonly httpGet: { readonly path: string } };
    },
  ];
}
interface Workload {
  readonly spec: { readonly template: { readonly spec: Pod } };
}
interface KafkaConnect {
  readonly spec: {
    readonly config: Readonly<Record<string, string | number>>;
    readonly build: {
      readonly plugins: readonly {
        readonly name: string;
        readonly artifacts: readonly { readonly url: string; readonly sha512sum: string }[];
      }[];
    };
  };
}

const repository = path.join(import.meta.dirname, '..', '..');
const folder = path.join(repository, 'deploy', 'kubernetes');
const read = (...file: string[]) => readFileSync(path.join(repository, ...file), 'utf8');
const documents = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as Manifest);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.yaml'),
);
const manifests = files.flatMap((file) => documents(readFileSync(path.join(folder, file), 'utf8')));
const kept = JSON.parse(read('test', 'fixtures', 'kubernetes', 'schemas.json')) as {
  readonly definitions: object;
  readonly schemas: Readonly<Record<string, object>>;
};
const ajv = new Ajv({ strict: false, allErrors: true });
const validators = new Map<string, ValidateFunction>();

function find(kind: string, name: string): Manifest {
  const found = manifests.find((each) => each.kind === kind && each.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

/** What the schema of its kind finds wrong. */
function problemsOf(manifest: Manifest): string[] {
  const kind = `${manifest.apiVersion} ${manifest.kind}`;
  const schema = kept.schemas[kind];
  if (schema === undefined) return [`there is no schema of ${kind}`];
  const validate = validators.get(kind) ?? ajv.compile({ ...schema, definitions: kept.definitions });
  validators.set(kind, validate);
  if (validate(manifest)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message ?? ''} ${JSON.stringify(params)}`,
  );
}

const SETTINGS_OF_CONNECTOR = {
  CONNECTOR_DATABASE_URL: 'postgresql://connector:hunter2-never-to-be-seen@db:5432/app',
  CONNECTOR_SCHEMA_REGISTRY_URL: 'http://registry:8080/apis/registry/v2',
  TOPIC_REPLICATION: '3',
  HISTORY_CDC_STATE_DIR: '/nonexistent',
};

describe('each manifest fits the schema of its kind', () => {
  test.each(manifests.map((manifest) => [manifest.kind, manifest.metadata.name, manifest] as const))(
    '%s %s',
    (_, __, manifest) => {
      expect(problemsOf(manifest)).toEqual([]);
    },
  );

  test('a misspelt field is found, in each of the three families', () => {
    for (const [kind, name] of [
      ['Deployment', 'history-cdc-projector'],
      ['KafkaConnect', 'history-cdc'],
      ['PodMonitor', 'history-cdc'],
    ] as const) {
      const manifest = find(kind, name);
      const wrong = { ...manifest, spec: { ...(manifest.spec as object), replica: 1 } };
      expect(problemsOf(wrong).join()).toContain('"replica"');
    }
  });
});

describe('connector print', () => {
  test('--strimzi gives the settings of `connector apply`, topics first, and no secret', async () => {
    const args = ['connector', 'print', '--strimzi', '--connect', 'other', '--topics', 'kafka'];
    const { code, stdout } = await runInProcess(args, SETTINGS_OF_CONNECTOR);
    expect(code).toBe(0);
    expect(stdout).not.toContain('hunter2');
    const printed = documents(stdout);
    expect(printed.flatMap(problemsOf)).toEqual([]);
    const desired = desiredConnector(
      loadConfig(SETTINGS_OF_CONNECTOR, undefined, ['CONNECTOR_DATABASE_URL']),
    );
    const { name, 'connector.class': connectorClass, 'tasks.max': tasksMax, ...config } = desired.config;
    expect(printed.at(-1)).toEqual({
      apiVersion: 'kafka.strimzi.io/v1beta2',
      kind: 'KafkaConnector',
      metadata: { name, labels: { 'strimzi.io/cluster': 'other' } },
      spec: { class: connectorClass, tasksMax: Number(tasksMax), autoRestart: { enabled: false }, config },
    });
    const topics = printed.slice(0, -1).map(({ spec }) => spec as Record<string, unknown>);
    expect(topics).toEqual(
      desired.topics.map(({ name: topicName, partitions, replication: replicas, config: of }) => ({
        ...{ topicName, partitions, replicas, config: of },
      })),
    );
  });

  test('without --strimzi it is what Connect is sent', async () => {
    const { stdout } = await runInProcess(['connector', 'print'], SETTINGS_OF_CONNECTOR);
    const desired = desiredConnector(
      loadConfig(SETTINGS_OF_CONNECTOR, undefined, ['CONNECTOR_DATABASE_URL']),
    );
    expect(JSON.parse(stdout)).toEqual({ name: desired.name, config: desired.config });
  });

  test('a name that no resource can have is refused', async () => {
    const settings = { ...SETTINGS_OF_CONNECTOR, CONNECTOR_NAME: 'agent_test' };
    const { code, stderr } = await runInProcess(['connector', 'print', '--strimzi'], settings);
    expect(code).toBe(2);
    expect(stderr).toContain('CONFIG_INVALID');
  });
});

describe('what is repeated is the same', () => {
  test.each(Object.entries(kubernetesFiles()))('generated/%s', (name, text) => {
    expect(read('deploy', 'kubernetes', 'generated', name)).toBe(text);
  });

  test('the rules are those of observability/', () => {
    expect(find('PrometheusRule', 'history-cdc').spec).toEqual(parse(read('observability', 'alerts.yml')));
  });

  test('the worker is configured as the image of Connect is', () => {
    const lines = read('connectors', 'runtime', 'connect-distributed.properties').split('\n');
    const pairs = lines.flatMap((line) => /^([a-z.]+)=(.*)$/.exec(line)?.slice(1, 3) ?? []);
    const image = new Map<string, string>();
    for (let at = 0; at < pairs.length; at += 2) image.set(pairs[at] ?? '', pairs[at + 1] ?? '');
    const ELSEWHERE = new Set(['bootstrap.servers', 'listeners', 'plugin.path', 'plugin.discovery']);
    const PLACE = /^(config|offset|status)\.storage\.(topic|replication\.factor)$/;
    const { config } = (find('KafkaConnect', 'history-cdc') as unknown as KafkaConnect).spec;
    for (const [key, value] of image) {
      if (ELSEWHERE.has(key) || PLACE.test(key)) continue;
      expect(`${key}=${String(config[key])}`).toBe(`${key}=${value}`);
    }
  });

  test('the plugins are the artifacts of connectors/runtime/, each with its checksum', () => {
    const { plugins } = (find('KafkaConnect', 'history-cdc') as unknown as KafkaConnect).spec.build;
    const artifacts = plugins.flatMap(({ name, artifacts }) =>
      artifacts.map(({ url, sha512sum }) => ({ file: `${name}/${path.posix.basename(url)}`, sha512sum })),
    );
    for (const { sha512sum } of artifacts) expect(sha512sum).toMatch(/^[0-9a-f]{128}$/);
    const debezium = /<debezium\.version>(.*)</.exec(read('connectors', 'runtime', 'pom.xml'))?.[1] ?? '';
    const jars = read('connectors', 'runtime', 'SHA256SUMS')
      .split('\n')
      .flatMap((line) => /^\S+ {2}(apicurio.*)$/.exec(line)?.[1] ?? []);
    expect(artifacts.map(({ file }) => file).sort()).toEqual(
      [...jars, `debezium-connector-postgres/debezium-connector-postgres-${debezium}-plugin.tar.gz`].sort(),
    );
  });

  test('the jobs of the monitors are those that the rules ask for', () => {
    const jobs = ['history-cdc', 'history-cdc-connect'].map((name) =>
      JSON.stringify(find('PodMonitor', name).spec),
    );
    expect(jobs.map((spec) => /"targetLabel":"job","replacement":"([^"]*)"/.exec(spec)?.[1])).toEqual([
      'history-cdc',
      'kafka-connect',
    ]);
  });
});

describe('the pods', () => {
  const deployment = (find('Deployment', 'history-cdc-projector') as unknown as Workload).spec.template.spec;
  const job = (find('Job', 'history-cdc-migrate') as unknown as Workload).spec.template.spec;

  test.each([
    ['projector', deployment],
    ['migrate', job],
  ])('%s: no root, no writable root folder, no privileges', (name, pod) => {
    const [container] = pod.containers;
    expect(container.name).toBe(name);
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('every variable is a setting, and one that may hold a secret is a reference', () => {
    const settings = find('ConfigMap', 'history-cdc').data ?? {};
    const variables = [...deployment.containers[0].env, ...job.containers[0].env];
    for (const name of [...Object.keys(settings), ...variables.map((one) => one.name)])
      expect(Object.keys(SETTINGS)).toContain(name);
    for (const { name, value, valueFrom } of variables)
      if (name.endsWith('DATABASE_URL'))
        expect({ name, value, of: valueFrom?.secretKeyRef.key }).toEqual({ name, of: name });
    for (const value of Object.values(settings)) expect(value).not.toMatch(/\/\/[^@/]*:[^@/]*@/);
    expect(() =>
      loadConfig(
        { ...settings, DATABASE_URL: 'postgresql://u:p@h/d', LEGACY_DATABASE_URL: 'postgresql://u:p@h/d' },
        undefined,
        ['DATABASE_URL', 'KAFKA_BROKERS', 'CONNECT_URL', 'CONNECTOR_DATABASE_URL'],
      ),
    ).not.toThrow();
  });

  test('the probes ask what the projector serves', () => {
    const [{ livenessProbe, readinessProbe }] = deployment.containers;
    expect([livenessProbe?.httpGet.path, readinessProbe?.httpGet.path]).toEqual(['/healthz', '/readyz']);
  });
});
