import pRetry from 'p-retry';
import type { Config } from './config.ts';
import { FatalError, messageOf, TransientError } from './errors.ts';
import { HttpClient, type Endpoint, type HttpAnswer } from './http-client.ts';

/**
 * Returns the writer schema of a registry id as parsed JSON, or undefined if the registry has no such id. A schema
 * never changes under its id.
 */
export type SchemaLookup = (id: number) => Promise<unknown>;

const REQUEST_TIMEOUT_MS = 5_000;

export type RegistrySettings = Pick<
  Config,
  'SCHEMA_REGISTRY_URL' | 'SCHEMA_REGISTRY_TOKEN' | 'SCHEMA_REGISTRY_CA_FILE'
>;

/** Undefined if no registry is configured. */
export function registryEndpoint(config: RegistrySettings): Endpoint | undefined {
  const { SCHEMA_REGISTRY_URL: url } = config;
  if (url === undefined) return undefined;
  return { url, token: config.SCHEMA_REGISTRY_TOKEN, caFile: config.SCHEMA_REGISTRY_CA_FILE };
}

/** Looks schemas up in the configured registry; undefined if none is configured, because records are JSON then. */
export function schemaLookupOf(config: RegistrySettings): SchemaLookup | undefined {
  const endpoint = registryEndpoint(config);
  return endpoint === undefined ? undefined : createSchemaLookup(endpoint);
}

/**
 * A client of the Confluent-compatible registry API (`GET /schemas/ids/{id}`). If the registry is down, the client
 * waits for it, and then fails. Without the registry's answer a good record cannot be told from a bad one, so no record
 * may be parked because of it.
 */
export function createSchemaLookup(endpoint: Endpoint): SchemaLookup {
  const client = registryClient(endpoint);
  return async (id) => {
    try {
      return await pRetry(() => fetchSchema(client, id), {
        retries: 6,
        minTimeout: 250,
        maxTimeout: 5_000,
        shouldRetry: ({ error }) => error instanceof TransientError,
      });
    } catch (error) {
      throw new FatalError({
        code: 'SCHEMA_REGISTRY',
        message: `the registry did not return schema ${String(id)}: ${messageOf(error)}`,
        wayOut:
          error instanceof NotLetIn
            ? error.wayIn
            : 'check SCHEMA_REGISTRY_URL, and that the registry kept the schemas that the topic was written with',
        facts: { schemaId: id },
        cause: error,
      });
    }
  };
}

/** The registry refused us, or we refused its certificate: no retry helps. */
class NotLetIn extends Error {
  override readonly name = 'NotLetIn';
  readonly wayIn: string;

  constructor(message: string, wayIn: string) {
    super(message);
    this.wayIn = wayIn;
  }
}

function registryClient(endpoint: Endpoint): HttpClient {
  return new HttpClient(endpoint, {
    address: 'SCHEMA_REGISTRY_URL',
    token: 'SCHEMA_REGISTRY_TOKEN',
    ca: 'SCHEMA_REGISTRY_CA_FILE',
  });
}

async function fetchSchema(client: HttpClient, id: number): Promise<unknown> {
  const { status, text } = await get(client, `/schemas/ids/${String(id)}`);
  if (status === 404) return undefined;
  if (status >= 500) throw new TransientError(`status ${String(status)}`);
  if (!isOk(status)) throw new Error(`status ${String(status)}`);
  const body = JSON.parse(text) as { readonly schema?: unknown };
  if (typeof body.schema !== 'string') throw new Error('the answer holds no schema');
  return JSON.parse(body.schema);
}

async function get(client: HttpClient, path: string): Promise<HttpAnswer> {
  let answer: HttpAnswer;
  try {
    answer = await client.ask({ method: 'GET', path, timeoutMs: REQUEST_TIMEOUT_MS });
  } catch (error) {
    const wayIn = client.wayIn({ error });
    const reason = `no answer (${client.redact(messageOf(error))})`;
    throw wayIn === undefined ? new TransientError(reason, { cause: error }) : new NotLetIn(reason, wayIn);
  }
  const { status } = answer;
  const wayIn = client.wayIn({ status });
  if (wayIn !== undefined) throw new NotLetIn(`status ${String(status)}`, wayIn);
  return answer;
}

const isOk = (status: number) => status >= 200 && status < 300;

/** The number of subjects in the registry: the cheapest question that only a Confluent-compatible API answers. */
export async function listSubjects(endpoint: Endpoint): Promise<number> {
  return (await subjectNames(endpoint)).length;
}

/** The names of all subjects. */
export async function subjectNames(endpoint: Endpoint): Promise<readonly string[]> {
  const subjects = await ask(endpoint, '/subjects');
  if (!Array.isArray(subjects)) throw new Error('it is not the Confluent-compatible API of a registry');
  return subjects.map(String);
}

/** Removes a subject with all its schemas. The API wants it marked as deleted first, and removed after that. */
export async function deleteSubject(endpoint: Endpoint, subject: string): Promise<void> {
  const client = registryClient(endpoint);
  for (const query of ['', '?permanent=true']) {
    const path = `/subjects/${encodeURIComponent(subject)}${query}`;
    const { status } = await client.ask({ method: 'DELETE', path, timeoutMs: REQUEST_TIMEOUT_MS });
    const wayIn = client.wayIn({ status });
    if (wayIn !== undefined) throw new Error(`status ${String(status)}: ${wayIn}`);
    if (status !== 404 && !isOk(status))
      throw new Error(`the registry answered ${String(status)} to DELETE ${path}`);
  }
}

/** The newest schema of a subject as parsed JSON; undefined if the registry has no such subject. */
export async function latestSchema(endpoint: Endpoint, subject: string): Promise<unknown> {
  return await versionOf(endpoint, subject, 'latest');
}

/** The schemas of a subject before the newest one, the newer first. */
export async function* olderSchemas(endpoint: Endpoint, subject: string): AsyncGenerator {
  const versions = await ask(endpoint, `/subjects/${encodeURIComponent(subject)}/versions`);
  if (!Array.isArray(versions)) return;
  for (const version of versions.slice(0, -1).reverse())
    yield await versionOf(endpoint, subject, String(version));
}

async function versionOf(endpoint: Endpoint, subject: string, version: string): Promise<unknown> {
  const answer = await ask(endpoint, `/subjects/${encodeURIComponent(subject)}/versions/${version}`);
  if (answer === undefined) return undefined;
  const { schema } = answer as { readonly schema?: unknown };
  if (typeof schema !== 'string') throw new Error('the answer holds no schema');
  return JSON.parse(schema);
}

/** Asks once, without retries; undefined if there is nothing. */
async function ask(endpoint: Endpoint, path: string): Promise<unknown> {
  const { status, text } = await get(registryClient(endpoint), path).catch((error: unknown) => {
    if (error instanceof NotLetIn) throw new Error(`${error.message}: ${error.wayIn}`, { cause: error });
    throw error;
  });
  if (status === 404) return undefined;
  if (!isOk(status)) throw new Error(`status ${String(status)}`);
  return JSON.parse(text);
}
