import pRetry from 'p-retry';
import { FatalError, messageOf, TransientError } from './errors.ts';

/**
 * Gives the writer schema of a registry id, as parsed JSON, or undefined where the registry has no such id. A schema
 * never changes under its id.
 */
export type SchemaLookup = (id: number) => Promise<unknown>;

const REQUEST_TIMEOUT_MS = 5_000;

/**
 * A client of the Confluent-compatible registry API (`GET /schemas/ids/{id}`). A registry that is down is waited
 * for, then is fatal: without its answer no record can be told from garbage, so nothing may be quarantined for it.
 */
export function createSchemaLookup(registryUrl: string): SchemaLookup {
  const url = new URL(registryUrl);
  const headers = basicAuthentication(url);
  return async (id) => {
    const address = `${url.href.replace(/\/+$/, '')}/schemas/ids/${String(id)}`;
    try {
      return await pRetry(() => fetchSchema(address, headers), {
        retries: 6,
        minTimeout: 250,
        maxTimeout: 5_000,
        shouldRetry: ({ error }) => error instanceof TransientError,
      });
    } catch (error) {
      throw new FatalError({
        code: 'SCHEMA_REGISTRY',
        message: `schema ${String(id)} cannot be had from the registry: ${messageOf(error)}`,
        wayOut:
          'check SCHEMA_REGISTRY_URL, and that the registry kept the schemas that the topic was written with',
        facts: { schemaId: id },
        cause: error,
      });
    }
  };
}

async function fetchSchema(address: string, headers: Record<string, string>): Promise<unknown> {
  const { response, text } = await get(address, headers);
  if (response.status === 404) return undefined;
  if (response.status >= 500) throw new TransientError(`status ${String(response.status)}`);
  if (!response.ok) throw new Error(`status ${String(response.status)}`);
  const body = JSON.parse(text) as { readonly schema?: unknown };
  if (typeof body.schema !== 'string') throw new Error('the answer holds no schema');
  return JSON.parse(body.schema);
}

async function get(address: string, headers: Record<string, string>) {
  try {
    const response = await fetch(address, { headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    return { response, text: await response.text() };
  } catch (error) {
    // `fetch` hides what happened in `cause`.
    const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new TransientError(`no answer (${messageOf(reason)})`, { cause: error });
  }
}

/** How many subjects the registry has: the cheapest question that only a Confluent-compatible API answers. */
export async function listSubjects(registryUrl: string): Promise<number> {
  const subjects = await ask(registryUrl, '/subjects');
  if (!Array.isArray(subjects)) throw new Error('it is not the Confluent-compatible API of a registry');
  return subjects.length;
}

/** The newest schema of a subject, as parsed JSON; undefined where the registry has no such subject. */
export async function latestSchema(registryUrl: string, subject: string): Promise<unknown> {
  const answer = await ask(registryUrl, `/subjects/${encodeURIComponent(subject)}/versions/latest`);
  if (answer === undefined) return undefined;
  const { schema } = answer as { readonly schema?: unknown };
  if (typeof schema !== 'string') throw new Error('the answer holds no schema');
  return JSON.parse(schema);
}

/** Once, without patience; undefined where there is nothing. */
async function ask(registryUrl: string, path: string): Promise<unknown> {
  const url = new URL(registryUrl);
  const headers = basicAuthentication(url);
  const { response, text } = await get(`${url.href.replace(/\/+$/, '')}${path}`, headers);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`status ${String(response.status)}`);
  return JSON.parse(text);
}

function basicAuthentication(url: URL): Record<string, string> {
  if (url.username === '') return {};
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` };
}
