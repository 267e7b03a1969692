import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Pool } from '../../../lib/postgres.ts';

/** A place where runs happen: an agent as an organisation works with it, and a user of that organisation. */
export interface Place {
  readonly context: string;
  readonly organization: string;
  /** As the application compares it. */
  readonly agentUrl: string;
  readonly user: string;
}

/** A member of nothing. */
export const OUTSIDER = 'user_outsider';

/** The agents that the profile of each organisation lists. */
const LISTED = {
  north: ['north-1', 'north-2', 'north-3', 'shared-1', 'shared-2'],
  east: ['east-1', 'east-2', 'east-3', 'shared-1', 'shared-2'],
  south: ['south-1', 'south-2', 'south-3', 'private-1', 'private-2'],
  west: ['west-1', 'west-2', 'west-3', 'leaving-1', 'leaving-2', 'leaving-3', 'quiet-1'],
  strangers: ['strangers-1'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

type Organization = keyof typeof LISTED;
const ORGANIZATIONS = Object.keys(LISTED) as Organization[];

/** A version 4 UUID that is the same for the same parts. */
export function uuidOf(...parts: readonly (string | number)[]): string {
  const bytes = createHash('sha256').update(parts.join('/')).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function placeOf(organization: Organization, agent: string): Place {
  return {
    context: uuidOf('context', organization, agent),
    organization: `org_${organization}`,
    agentUrl: `https://${agent}.example/mcp`,
    user: `user_${organization}`,
  };
}

function listedPlaces(...prefixes: readonly string[]): Place[] {
  return ORGANIZATIONS.flatMap((organization) =>
    LISTED[organization]
      .filter((agent) => prefixes.some((prefix) => agent.startsWith(prefix)))
      .map((agent) => placeOf(organization, agent)),
  );
}

/** Where an owner's run is an ordinary one. */
export const OWNERS_PLACES = listedPlaces('north-', 'east-', 'south-', 'west-');
export const OPTED_OUT_PLACES = listedPlaces('private-');
/** Agents that opt out in the middle of the window. */
export const LEAVING_PLACES = listedPlaces('leaving-');
/** Nothing was ever live here: there is no verdict, and none may appear. */
export const QUIET_PLACES = listedPlaces('quiet-');
/** Agents that two organisations list, each with both of its places. */
export const SHARED_PLACES = ['shared-1', 'shared-2'].map(
  (agent) => [placeOf('north', agent), placeOf('east', agent)] as const,
);

const AGENTS = [...new Set(Object.values(LISTED).flat())];
const STRANGERS_PLACES = new Map(
  AGENTS.map((agent) => placeOf('strangers', agent)).map((place) => [place.agentUrl, place]),
);

/** The context in which strangers run the same agent. */
export function strangersPlace({ agentUrl }: Place): Place {
  const place = STRANGERS_PLACES.get(agentUrl);
  if (place === undefined) throw new Error(`${agentUrl} is no agent of this world`);
  return place;
}

const SEED = `
  WITH profile AS (
    INSERT INTO member_profiles (workos_organization_id, display_name, agents)
    SELECT 'org_' || key, key, (SELECT jsonb_agg(jsonb_build_object('url', 'https://' || agent || '.example/mcp'))
                                FROM jsonb_array_elements_text(value) AS agent)
    FROM jsonb_each($1::jsonb)
  ), member AS (
    INSERT INTO organization_memberships (workos_user_id, workos_organization_id, email)
    SELECT 'user_' || key, 'org_' || key, key || '@example.com' FROM jsonb_each($1::jsonb)
  ), registered AS (
    INSERT INTO agent_registry_metadata (agent_url, lifecycle_stage, compliance_opt_out)
    SELECT 'https://' || agent || '.example/mcp', 'testing', agent LIKE 'private-%'
    FROM unnest($2::text[]) AS agent WHERE agent NOT LIKE '%-3'
  ), verdict AS (
    INSERT INTO agent_compliance_status (agent_url, status, streak_days, headline)
    SELECT 'https://' || agent || '.example/mcp', 'degraded', 12, 'as it was'
    FROM unnest($2::text[]) AS agent WHERE agent LIKE '%-2' OR agent LIKE 'private-%'
  )
  INSERT INTO agent_contexts (id, organization_id, agent_url)
  SELECT context, organization, "agentUrl"
  FROM jsonb_to_recordset($3::jsonb) AS place (context uuid, organization text, "agentUrl" text)`;

/** The schema `truth`, and the application's tables before the first run. */
export async function seedWindow(pool: Pool): Promise<void> {
  await pool.query(readFileSync(new URL('truth.sql', import.meta.url), 'utf8'));
  const places = [...listedPlaces(''), ...STRANGERS_PLACES.values()];
  const contexts = new Map(places.map((place) => [place.context, place]));
  await pool.query(SEED, [JSON.stringify(LISTED), AGENTS, JSON.stringify([...contexts.values()])]);
  await pool.query(
    'INSERT INTO truth.status SELECT agent_url, xmin::text, s::text FROM agent_compliance_status s',
  );
}
