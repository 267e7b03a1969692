/**
 * What must come out, by the words of the specification and by nothing of the projector: who owns a run, what a row's
 * events make of it, and what a live twin is.
 */
import type { RunRow } from './memory/tables.ts';
import { FOREIGN, LOOKS, PROFILES, WINDOW_US, type Image, type User } from './history.ts';
import { contextOf, startOf } from './names.ts';
import type { Change } from './topic.ts';

/** A run as twins are compared. */
export interface Described {
  readonly agentUrl: string;
  readonly headline: string | null;
  readonly durationMs: number | null;
  readonly isPassing: boolean;
  readonly profile: string | null;
  readonly organizationId: string | null;
  readonly atUs: number;
}

export function describe(image: Image): Described {
  const look = LOOKS[image.look] ?? LOOKS[0];
  const { agentUrl, organizationId } = contextOf(image.agent);
  return {
    ...{ agentUrl, organizationId },
    headline: look.headline,
    durationMs: look.durationMs,
    isPassing: look.passing,
    profile: PROFILES[image.profile] ?? null,
    atUs: startOf(image.time),
  };
}

export function describeRun(run: RunRow): Described {
  const { agentUrl, headline, durationMs, profile, organizationId, testedAtUs } = run;
  const isPassing = run.overallStatus === 'passing';
  return { agentUrl, headline, durationMs, isPassing, profile, organizationId, atUs: testedAtUs };
}

/** Whether a live row is the live twin of a run, each by itself. */
export function areTwins(run: Described, live: Described): boolean {
  const isSame =
    run.agentUrl === live.agentUrl &&
    run.headline === live.headline &&
    (run.durationMs ?? 0) === (live.durationMs ?? 0) &&
    run.isPassing === live.isPassing &&
    (live.organizationId === null || run.organizationId === live.organizationId) &&
    Math.abs(run.atUs - live.atUs) <= WINDOW_US;
  const isWeak = run.headline === null && (run.durationMs ?? 0) === 0;
  const haveProfiles = run.profile !== null && live.profile !== null;
  if (!isSame || (isWeak && !haveProfiles)) return false;
  return !haveProfiles || run.profile === live.profile;
}

export function owns({ agent, user }: Pick<Image, 'agent' | 'user'>, hasJoined: boolean): boolean {
  return agent !== FOREIGN && (user === 'owner' || (user === 'late' && hasJoined));
}

/** What the events of a row make of it. */
export type Expected =
  /** No canonical row: this decision. */
  | { readonly kind: 'plain'; readonly decision: string }
  /** An owner's run, as this image has it; `isAway` where the row itself stands on an agent that is not its owner's by now. */
  | { readonly kind: 'owned'; readonly image: Image; readonly isAway: boolean }
  /** An owner's run on an agent that opted out: no row of ours. */
  | { readonly kind: 'opted out'; readonly image: Image };

/** Folds the events of a row, in the order of its partition. Links of live rows are not in it. */
export function expected(
  changes: readonly Change[],
  optedOut: readonly boolean[],
  hasJoined: boolean,
): Expected {
  let state: Expected = { kind: 'plain', decision: 'gone' };
  for (const { image } of changes) {
    if (image === null) continue;
    state = state.kind === 'owned' ? later(state, image, hasJoined) : decided(image, optedOut, hasJoined);
  }
  return state;
}

function decided(image: Image, optedOut: readonly boolean[], hasJoined: boolean): Expected {
  if (image.user === 'nobody') return { kind: 'plain', decision: 'anonymous' };
  if (!owns(image, hasJoined)) return { kind: 'plain', decision: 'third_party' };
  return optedOut[image.agent] === true
    ? { kind: 'opted out', image }
    : { kind: 'owned', image, isAway: false };
}

/** An owner decision is never taken back. */
function later(state: Expected & { kind: 'owned' }, image: Image, hasJoined: boolean): Expected {
  const isMoved = image.agent !== state.image.agent || image.user !== state.image.user;
  return isMoved && !owns(image, hasJoined)
    ? { ...state, isAway: true }
    : { kind: 'owned', image, isAway: false };
}

/** The membership of such a user comes at a time that the history does not fix. */
export const isUncertain = (user: User) => user === 'late';
