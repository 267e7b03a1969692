import type { Client } from '../../lib/postgres.ts';
import { messageOf } from '../../lib/errors.ts';
import type { OptOutPolicy } from '../../consumers/agent-test-history/rule/classify.ts';
import { decideImage, type RecordDecision } from '../../consumers/agent-test-history/rule/decide.ts';
import { rowOf } from '../../consumers/agent-test-history/record/decode.ts';
import { utf8, type ImageEvent } from '../../consumers/agent-test-history/record/event.ts';
import { lookUp, lookupKeyOf } from '../../consumers/agent-test-history/lookup/lookup.ts';
import type { RowFacts } from '../../consumers/agent-test-history/rule/row-facts.ts';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';
import { storyboardsOf } from '../../consumers/agent-test-history/record/storyboards.ts';
import { pendingSeed } from '../../consumers/agent-test-history/twins/match.ts';
import type { Seed } from '../../consumers/agent-test-history/twins/stretches.ts';
import type { CensusRow } from './legacy-rows.ts';
import type { Trial } from './trial.ts';

/** What the projector would decide on a legacy row that it has never seen. */
export interface Prediction {
  readonly legacyId: string;
  readonly decision: Exclude<Decision, 'gone'>;
  readonly reason: string;
  /** The live row of a twin. */
  readonly liveRunId: string | null;
  /** The fingerprint of an owner's run near a live row; null for every other row. */
  readonly fingerprint: string | null;
  /** Older than the retention of the canonical table. */
  readonly expired: boolean;
  /** In microseconds since 1970; null if no live row can have such a time. */
  readonly startedAtUs: bigint | null;
  /** The look-ups behind the decision; null if the row cannot be mapped. */
  readonly found: Found | null;
}

export interface Found {
  readonly agentContextId: string | null;
  readonly userId: string | null;
  readonly agentUrl: string | null;
  readonly isMember: boolean | null;
  readonly listsAgent: boolean | null;
  readonly optedOut: boolean | null;
}

/** An owner's run that may have a live twin. It is decided once all such runs are known. */
export interface Undecided {
  readonly prediction: Prediction;
  readonly seed: Seed;
  /** The reason why Postgres would refuse its canonical row. */
  readonly refused: string | null;
}

export interface Predicted {
  readonly decided: readonly Prediction[];
  readonly undecided: readonly Undecided[];
  /** How many copies the earlier script made of each row that it copied. */
  readonly copies: ReadonlyMap<string, number>;
}

interface Rules {
  readonly optOutPolicy: OptOutPolicy;
  /** Rows that started before this have no live twin; in microseconds since 1970. */
  readonly floorUs: bigint;
  /** Rows that started after this have no live twin either. */
  readonly ceilingUs: bigint;
  readonly trial: Trial;
}

/** Decides a chunk with the projector's own look-up and rule. `client` is a connection to the temporary schema. */
export async function predict(
  client: Client,
  rows: readonly CensusRow[],
  { optOutPolicy, floorUs, ceilingUs, trial }: Rules,
): Promise<Predicted> {
  const decided: Prediction[] = [];
  const undecided: Undecided[] = [];
  const copies = new Map<string, number>();
  const usable: { readonly row: CensusRow; readonly event: ImageEvent }[] = [];
  for (const row of rows) {
    const why = unmappable(row);
    if (why === undefined) usable.push({ row, event: imageOf(row) });
    else decided.push({ ...outsideMatching(row), decision: 'quarantined', reason: `unmappable: ${why}` });
  }
  const facts = await lookUp(
    client,
    usable.map(({ event }) => lookupKeyOf(event)),
    floorUs,
  );
  const effects = usable.map(({ row, event }, index) => {
    const known = facts[index];
    const effect = known === undefined ? undefined : decideImage(event, known, optOutPolicy);
    if (known === undefined || effect?.effect !== 'record')
      throw new TypeError(`nothing is decided on legacy row ${row.id}`);
    return { row, effect, known };
  });
  const refusals = await trial.refusals(effects.map(({ effect }) => effect));
  for (const { row, effect, known } of effects) {
    if (known.scriptCopies.length > 0) copies.set(row.id, known.scriptCopies.length);
    const { decision, reason } = effect;
    const prediction = { ...outsideMatching(row), decision, reason, found: foundIn(row, known) };
    const refused = refusals.get(row.id) ?? null;
    const seed = seedOf(effect, ceilingUs);
    if (seed !== undefined)
      undecided.push({ prediction: { ...prediction, fingerprint: seed.fingerprint }, seed, refused });
    else decided.push(refused === null ? prediction : { ...prediction, ...quarantinedFor(refused) });
  }
  return { decided, undecided, copies };
}

/** The decision for a row whose canonical row Postgres refuses. */
export function quarantinedFor(refused: string) {
  return { decision: 'quarantined', reason: `rejected_by_postgres: ${refused}` } as const;
}

function outsideMatching({ id: legacyId, expired, startedAtUs: us }: CensusRow) {
  const startedAtUs = us ?? null;
  return { legacyId, liveRunId: null, fingerprint: null, expired, startedAtUs, found: null };
}

function foundIn({ agent_context_id: agentContextId }: CensusRow, { userId, context }: RowFacts): Found {
  return {
    agentContextId,
    userId,
    agentUrl: context?.agentUrl ?? null,
    isMember: context?.isMember ?? null,
    listsAgent: context?.listsAgent ?? null,
    optedOut: context?.optedOut ?? null,
  };
}

function seedOf(effect: RecordDecision, ceilingUs: bigint): Seed | undefined {
  const [seed] = pendingSeed(effect);
  return seed === undefined || seed.atUs > ceilingUs ? undefined : seed;
}

/**
 * The reason why a row cannot be mapped. Every value that Postgres can hold in these columns can be mapped, including
 * any time from 4713 BC to infinity. A NULL in a column where the application writes none cannot be mapped.
 */
function unmappable(row: CensusRow): string | undefined {
  if (isAsExpected(row)) return undefined;
  try {
    rowOf({ ...row, started_at: row.started_at === null ? null : 'infinity' }, NO_PLACEHOLDER);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/**
 * True for nearly every row. Mapping each row a second time, only to see whether it can be mapped, took a tenth of the
 * census.
 */
function isAsExpected(row: CensusRow): boolean {
  return (
    row.agent_context_id !== null &&
    row.scenario !== null &&
    row.started_at !== null &&
    typeof row.overall_passed === 'boolean' &&
    isInt32(row.steps_passed) &&
    isInt32(row.steps_failed) &&
    (row.total_duration_ms === null || isInt32(row.total_duration_ms))
  );
}

function isInt32(count: number | null): boolean {
  return count !== null && (count | 0) === count;
}

/** No text contains a NUL character, so no value of the table looks like a placeholder. */
const NO_PLACEHOLDER = '\u0000';

const NO_TOPIC = '00000000-0000-0000-0000-000000000000';

/** The row as a snapshot would bring it. `steps_json` decides nothing; it is filled only if a constraint needs it. */
function imageOf(row: CensusRow): ImageEvent {
  return {
    kind: 'image',
    op: 'r',
    position: { topicId: NO_TOPIC, partition: 0, offset: 0n },
    legacyId: row.id,
    lsn: null,
    snapshot: true,
    record: { offset: 0n, key: null, value: null },
    committedAtMs: null,
    row: {
      agentContextId: row.agent_context_id ?? '',
      scenario: row.scenario ?? '',
      overallPassed: row.overall_passed === true,
      stepsPassed: row.steps_passed ?? 0,
      stepsFailed: row.steps_failed ?? 0,
      totalDurationMs: row.total_duration_ms,
      summary: row.summary,
      dryRun: row.dry_run,
      userId: row.user_id,
      agentProfileJson: utf8(row.agent_profile_json),
      startedAt: row.started_at ?? '',
      storyboards: storyboardsOf(utf8(row.steps_json)),
    },
  };
}
