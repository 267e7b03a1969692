import { schemaProblem } from '../../consumers/agent-test-history/record/avro.ts';
import type { Endpoint } from '../../lib/http-client.ts';
import { latestSchema, listSubjects, registryEndpoint, type RegistrySettings } from '../../lib/registry.ts';

/** `none`: no registry is configured, records are JSON. */
export type RegistryFacts =
  | { readonly kind: 'none' }
  | { readonly kind: 'answers'; readonly subjects: number; readonly schemas: readonly SubjectFacts[] };

export interface SubjectFacts {
  readonly subject: string;
  readonly there: boolean;
  /** Why the projector cannot read what was written with it; undefined where it can. */
  readonly problem: string | undefined;
}

/** What the registry has for the data topic, and whether the projector can read it. */
export async function readRegistry(config: RegistrySettings, topic: string): Promise<RegistryFacts> {
  const registry = registryEndpoint(config);
  if (registry === undefined) return { kind: 'none' };
  const subjects = await listSubjects(registry);
  const schemas = await Promise.all([
    subjectFacts(registry, `${topic}-key`, 'key'),
    subjectFacts(registry, `${topic}-value`, 'envelope'),
  ]);
  return { kind: 'answers', subjects, schemas };
}

async function subjectFacts(
  registry: Endpoint,
  subject: string,
  kind: 'key' | 'envelope',
): Promise<SubjectFacts> {
  const schema = await latestSchema(registry, subject);
  if (schema === undefined) return { subject, there: false, problem: undefined };
  return { subject, there: true, problem: schemaProblem(kind, schema) };
}
