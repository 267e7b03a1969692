import { z } from 'zod';
import { changes, count, countByName, id, rowTime, seconds, text, time } from './parts.ts';

export const actions = z.strictObject({
  actions: z.array(
    z.strictObject({
      id,
      at: time,
      role: text,
      address: text.nullable(),
      by: text,
      command: text,
      options: z.array(text),
      counts: countByName,
    }),
  ),
});

export const console = z.strictObject({
  url: text,
  signInUrl: text.nullable().describe('with the token; null if nobody signs in with one'),
  actions: z.boolean(),
});

const lookUp = z.strictObject({
  agentContextId: id.nullable(),
  userId: id.nullable(),
  organizationId: id.nullable(),
  agentUrl: text.nullable(),
  isMember: z.boolean().nullable(),
  listsAgent: z.boolean().nullable(),
  optedOut: z.boolean().nullable(),
  lifecycleStage: text.nullable(),
});
const decision = { decision: text, reason: text };
const position = { topicId: id, partition: count, offset: id };

export const explain = z.strictObject({
  id,
  known: z.boolean(),
  identity: z.strictObject({
    kind: text,
    text,
    legacyId: id.nullable(),
    canonicalRunId: id.nullable(),
  }),
  legacyRow: z
    .strictObject({
      id,
      agentContextId: id,
      scenario: text,
      overallPassed: z.boolean(),
      stepsPassed: count,
      stepsFailed: count,
      totalDurationMs: count.nullable(),
      summary: text.nullable(),
      dryRun: z.boolean().nullable(),
      userId: id.nullable(),
      startedAt: rowTime,
      agentProfileBytes: count.nullable(),
      stepsBytes: count.nullable(),
    })
    .nullable(),
  ledger: z
    .strictObject({
      ...decision,
      ...position,
      canonicalRunId: id.nullable(),
      ruleVersion: count,
      lsn: id.nullable(),
      op: text,
      snapshot: z.boolean(),
      startedAt: rowTime.nullable(),
      decidedAt: time,
      sourceDeletedAt: rowTime.nullable(),
      fingerprint: text.nullable(),
      profileHash: text.nullable(),
      unsettled: z.boolean(),
      keptRunId: id.nullable(),
    })
    .nullable(),
  undone: z
    .strictObject({
      ...position,
      undoneAt: time,
      canonicalRunId: id,
      reason: text,
      decidedAt: time,
      sourceDeletedAt: rowTime.nullable(),
    })
    .nullable(),
  lookUps: z
    .strictObject({
      then: lookUp.nullable(),
      now: lookUp.extend({ contextKnown: z.boolean(), owner: z.boolean(), scriptCopies: z.array(id) }),
      changed: z.array(text).describe('the names of the fields that have changed since the decision'),
    })
    .nullable(),
  canonicalRun: z
    .strictObject({
      id,
      whose: z.enum(['ours', 'script', 'live', 'other']),
      agentUrl: text,
      canonicalAgentUrl: text.nullable(),
      lifecycleStage: text,
      overallStatus: text,
      headline: text.nullable(),
      totalDurationMs: count.nullable(),
      testedAt: rowTime,
      tracksPassed: count,
      tracksFailed: count,
      triggeredBy: text,
      dryRun: z.boolean(),
      triggeredOrgId: id.nullable(),
      agentProfileBytes: count.nullable(),
      observationsBytes: count.nullable(),
      profileHash: text.nullable(),
      sourceLegacyId: id.nullable(),
      linkedLegacyId: id.nullable(),
    })
    .nullable(),
  referredBy: text.nullable(),
  candidates: z.array(
    z.strictObject({
      id,
      distanceSeconds: seconds,
      is: z.enum(['linked', 'taken', 'match', 'weak', 'different', 'not_comparable']),
      differsIn: z.array(text),
      why: text,
    }),
  ),
  quarantine: z.array(
    z.strictObject({
      ...position,
      id,
      reason: text,
      detail: text,
      quarantinedAt: time,
      healedAt: time.nullable(),
      waivedAt: time.nullable(),
      waivedBy: text.nullable(),
      waiveReason: text.nullable(),
    }),
  ),
  today: z
    .strictObject({
      ...decision,
      canonicalRunId: id.nullable(),
      changes,
      rule: z.strictObject(decision),
    })
    .nullable(),
  events: z
    .array(
      z.strictObject({
        partition: count,
        offset: id,
        timestamp: time,
        op: z.enum(['r', 'c', 'u', 'd', 'tombstone', 'unreadable']),
        snapshot: z.boolean(),
        lsn: id.nullable(),
        bytes: count,
        leftOut: z.array(text),
        ledger: z.enum(['before', 'newest', 'quarantined', 'not_applied', 'nothing_to_apply']),
        passed: z.boolean(),
      }),
    )
    .nullable(),
  notes: z.array(text),
  verdict: z.strictObject({ text, next: text.nullable() }),
});

export const find = z.strictObject({
  rows: z.array(
    z.strictObject({
      startedAt: rowTime.nullable(),
      legacyId: id.nullable(),
      agentUrl: text.nullable(),
      organizationId: id.nullable(),
      userId: id.nullable(),
      ...decision,
      canonicalRunId: id.nullable(),
      sourceDeletedAt: rowTime.nullable(),
    }),
  ),
  next: text.nullable().describe('the cursor for --after; null on the last page'),
  agents: z.array(text).nullable().describe('the agents that --agent or --agent-part stands for'),
  notes: z.array(text).describe('what this answer does not cover'),
});
