import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import { aRow, type RowValues } from '../support/records.ts';
import { TOPIC_ID } from '../support/run-records.ts';
import { LIVE_VALUES, type LiveValues } from '../support/table-rows.ts';
import type { Setup } from './engine.ts';
import {
  LOOKS,
  PROFILES,
  TIMES,
  type AgentIndex,
  type History,
  type Image,
  type LiveScript,
  type User,
} from './history.ts';
import { isoOf } from './memory/tables.ts';

export const PARTITIONS = 2;

/** When the first run may have been. */
export const EPOCH_US = Date.UTC(2026, 2, 4, 5) * 1000;

const CONTEXTS = [0, 1, 2].map((agent) => ({
  id: `c000000${String(agent)}-0000-4000-8000-000000000000`,
  organizationId: `org_${String(agent)}`,
  agentUrl: `https://agent-${String(agent)}.example/mcp`,
}));

export function contextOf(agent: AgentIndex): (typeof CONTEXTS)[number] {
  const context = CONTEXTS[agent];
  if (context === undefined) throw new RangeError('no such agent');
  return context;
}

export function userIdOf(user: User): string | null {
  return user === 'nobody' ? null : `user_${user}`;
}

const idOf = (first: string, index: number) => `${first}0000000-0000-4000-8000-00000000000${String(index)}`;
export const legacyIdOf = (index: number) => idOf('a', index);
export const liveIdOf = (index: number) => idOf('b', index);

const ownRunIds: string[] = [];
export const ownRunIdOf = (index: number) => (ownRunIds[index] ??= canonicalRunId(legacyIdOf(index)));

export const startOf = (time: number) => EPOCH_US + (TIMES[time] ?? 0);

export function legacyRowOf(index: number, image: Image): RowValues {
  const look = LOOKS[image.look] ?? LOOKS[0];
  return aRow({
    id: legacyIdOf(index),
    agent_context_id: contextOf(image.agent).id,
    user_id: userIdOf(image.user),
    overall_passed: look.passing,
    total_duration_ms: look.durationMs,
    summary: look.headline,
    steps_passed: image.steps,
    agent_profile_json: PROFILES[image.profile] ?? null,
    steps_json: null,
    started_at: isoOf(startOf(image.time)),
  });
}

const OTHER_ORGANIZATION = 'org_of_others';

export function liveRowOf(index: number, live: LiveScript): LiveValues {
  const look = LOOKS[live.look] ?? LOOKS[0];
  const { organizationId, agentUrl } = contextOf(live.agent);
  return {
    ...LIVE_VALUES,
    id: liveIdOf(index),
    agent_url: agentUrl,
    overall_status: look.passing ? 'passing' : 'failing',
    headline: look.headline,
    // The legacy table stores a duration of 0 as NULL; the live path does not.
    total_duration_ms: look.durationMs ?? 0,
    tested_at: isoOf(startOf(live.time)),
    agent_profile_json: PROFILES[live.profile] ?? null,
    triggered_org_id: { none: null, same: organizationId, other: OTHER_ORGANIZATION }[live.organization],
  };
}

export function setupOf({ optedOut }: History): Setup {
  return {
    topicId: TOPIC_ID,
    partitions: PARTITIONS,
    contexts: CONTEXTS.map((context, agent) => ({
      ...context,
      isListed: true,
      isOptedOut: optedOut[agent] ?? false,
    })),
    members: ORGANIZATIONS.map((organizationId) => ({ userId: 'user_owner', organizationId })),
  };
}

/** Those whose agents the owner owns. */
export const ORGANIZATIONS = CONTEXTS.slice(0, 2).map(({ organizationId }) => organizationId);
