import { schemaProblem } from '../../consumers/agent-test-history/record/avro.ts';
import type { Endpoint } from '../../lib/http-client.ts';
import {
  latestSchema,
  listSubjects,
  olderSchemas,
  registryEndpoint,
  type RegistrySettings,
} from '../../lib/registry.ts';

/** `none`: no registry is configured, records are JSON. */
export type RegistryFacts =
  | { readonly kind: 'none' }
  | { readonly kind: 'answers'; readonly subjects: number; readonly schemas: readonly SubjectFacts[] };

export interface SubjectFacts {
  readonly subject: string;
  readonly there: boolean;
  /** Why the projector cannot read what is written with it; undefined where it can. */
  readonly problem: string | undefined;
}

/**
 * What the registry has for the data topic, and whether the projector can read it. The newest schema tells, unless a change of
 * the table was undone: then the connector writes with an older schema again, and registers nothing.
 */
export async function readRegistry(
  config: RegistrySettings,
  { topic, tableFits }: { readonly topic: string; readonly tableFits: boolean },
): Promise<RegistryFacts> {
  const registry = registryEndpoint(config);
  if (registry === undefined) return { kind: 'none' };
  const subjects = await listSubjects(registry);
  const schemas = await Promise.all([
    subjectFacts(registry, { subject: `${topic}-key`, kind: 'key', tableFits }),
    subjectFacts(registry, { subject: `${topic}-value`, kind: 'envelope', tableFits }),
  ]);
  return { kind: 'answers', subjects, schemas };
}

interface Subject {
  readonly subject: string;
  readonly kind: 'key' | 'envelope';
  readonly tableFits: boolean;
}

async function subjectFacts(
  registry: Endpoint,
  { subject, kind, tableFits }: Subject,
): Promise<SubjectFacts> {
  const schema = await latestSchema(registry, subject);
  if (schema === undefined) return { subject, there: false, problem: undefined };
  const problem = schemaProblem(kind, schema);
  if (problem !== undefined && tableFits) {
    for await (const older of olderSchemas(registry, subject))
      if (schemaProblem(kind, older) === undefined) return { subject, there: true, problem: undefined };
  }
  return { subject, there: true, problem };
}
