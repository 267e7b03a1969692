import { inDryRun, inTransaction, type Client } from '../../lib/postgres.ts';
import { blameOf } from '../../lib/postgres-errors.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import { withoutRefused, type SourceEvent } from '../../consumers/agent-test-history/record/event.ts';
import { withFacts, type LookUpContext } from '../../consumers/agent-test-history/batch/look-up-and-lock.ts';
import { currentTopic } from '../../consumers/agent-test-history/batch/current-topic.ts';
import { lockAllPartitions } from '../../consumers/agent-test-history/batch/offsets.ts';
import type { Decision } from '../../consumers/agent-test-history/rule/outcome.ts';
import { projectEvents, type PipelineContext } from '../../consumers/agent-test-history/pipeline.ts';
import { restoreUndone } from '../../consumers/agent-test-history/batch/restore.ts';
import { emptyResult } from '../../consumers/agent-test-history/batch/result.ts';
import type { Keyed } from '../../consumers/agent-test-history/batch/rounds.ts';
import { EARLIER_TOPIC, isWithheld, standingOf, type Standing, type Standpoint } from './standing.ts';
import { assertUnchanged, deleteOf, keyOf, spanOf, type Plan, type Story } from './stories.ts';

const ENTRIES = sqlFile(import.meta.url, './sql/entries.sql');
const REWIND = sqlFile(import.meta.url, './sql/rewind.sql');
const TAKE_OUT = sqlFile(import.meta.url, './sql/take-out.sql');
const ONLY_DELETED = sqlFile(import.meta.url, './sql/only-deleted.sql');
const OUTCOMES = sqlFile(import.meta.url, './sql/outcomes.sql');

/**
 * What became of a record. `decided`: the row of its key is decided with it. `superseded`: a later event made it
 * unimportant. `failed`: it stays parked. `waiting`: another record comes first.
 */
export type RetryOutcome = 'decided' | 'failed' | 'superseded' | 'waiting';

export interface Retried {
  readonly id: string;
  readonly partition: number;
  readonly offset: string;
  readonly legacyId: string | null;
  readonly outcome: RetryOutcome;
  /** The decision of the key after the retry; null if it has none. */
  readonly decision: Decision | null;
  readonly canonicalRunId: string | null;
  readonly reason: string;
  readonly detail: string;
  /** Includes this attempt. */
  readonly attempts: number;
}

export interface Attempt {
  readonly context: PipelineContext;
  readonly plan: Plan;
  readonly dryRun: boolean;
  /** Name of the person who asked for it; the user of the operating system if undefined. */
  readonly by?: string | undefined;
  /** True in the last attempt: what Postgres refuses now is the story's fault. */
  readonly isLastRace: boolean;
}

/**
 * Takes stories (all parked records of a key) through the projector's stages, all in one transaction. If Postgres
 * refuses a value of one story, tries halves until that story is alone, as the projector does.
 */
export async function attempt(how: Attempt, stories: readonly Story[]): Promise<Retried[]> {
  if (stories.length === 0) return [];
  try {
    return await transact(how, stories);
  } catch (error) {
    if (!isStorys(error, how)) throw error;
    const [only, ...others] = stories;
    if (others.length === 0 && only !== undefined)
      return await transact(how, [await withoutItsRefused(how, only)]);
    const middle = Math.ceil(stories.length / 2);
    const first = await attempt(how, stories.slice(0, middle));
    return [...first, ...(await attempt(how, stories.slice(middle)))];
  }
}

/**
 * If another session was in the way, another attempt may succeed. What is refused in the last attempt is the story's
 * fault.
 */
function isStorys(error: unknown, { isLastRace }: Attempt): boolean {
  const blame = blameOf(error);
  return blame === 'row' || (blame === 'race' && isLastRace);
}

/** The story, in which the records that Postgres refuses are replaced by unusable ones. */
async function withoutItsRefused(how: Attempt, story: Story): Promise<Story> {
  const events: SourceEvent[] = [];
  for (const event of story.events) events.push(await accepted(how, { ...story, events }, event));
  return { ...story, events };
}

/** The event, or an unusable record in its place, tried after the accepted events of the story. */
async function accepted(how: Attempt, story: Story, event: SourceEvent): Promise<SourceEvent> {
  try {
    await transact({ ...how, dryRun: true }, [{ ...story, events: [...story.events, event] }]);
    return event;
  } catch (error) {
    if (!isStorys(error, how)) throw error;
    return await accepted(how, story, withoutRefused(event, error));
  }
}

async function transact(
  { context, plan, dryRun, by }: Attempt,
  stories: readonly Story[],
): Promise<Retried[]> {
  const transaction = dryRun ? inDryRun : inTransaction;
  return await transaction(context.canonical, async (client) => {
    // All partitions are locked, as in a sweep, so that no projector decides a key while its position is moved back.
    await lockAllPartitions(client);
    await assertUnchanged(client, plan, stories);
    await restore({ ...context, client }, stories);
    const current = await currentTopic(client);
    const isEarlier = current !== undefined && current.topicId !== plan.topicId;
    const placed = await place(client, stories, isEarlier);
    const moving = placed.filter(({ standing }) => standing === 'apply' || standing === 'rewind');
    const taken = placed.filter(({ standing }) => standing !== 'waiting').flatMap(({ story }) => story.ids);
    await client.query(TAKE_OUT, [taken]);
    await rewind(client, placed);
    const events = moving.flatMap(eventsOf).sort((a, b) => (a.position.offset < b.position.offset ? -1 : 1));
    await projectEvents({ ...context, client }, { events, admit: () => undefined });
    await client.query(ONLY_DELETED, [moving.flatMap(({ key }) => key ?? [])]);
    const retried = await outcomes(client, placed, isEarlier ? EARLIER_TOPIC : WHY.waiting);
    const counts: Record<string, number> = {};
    for (const { outcome } of retried) counts[outcome] = (counts[outcome] ?? 0) + 1;
    const options = [`--id ${retried.map(({ id }) => id).join(' ')}`];
    await recordAction(client, {
      command: 'quarantine retry',
      options,
      counts,
      ...(by !== undefined && { by }),
    });
    return retried;
  });
}

/** A parked record finds its place by what the ledger has. So what `undo` removed of its key is restored first. */
async function restore(context: LookUpContext, stories: readonly Story[]): Promise<void> {
  const keyed = stories.flatMap((story) =>
    story.events
      .filter((event): event is Keyed => 'legacyId' in event && event.legacyId === keyOf(story))
      .slice(0, 1),
  );
  await restoreUndone(context, await withFacts(context, keyed), emptyResult());
}

/** A story, and how it relates to the ledger. */
interface Placed {
  readonly story: Story;
  readonly key: string | null;
  readonly entry: Standpoint | undefined;
  readonly standing: Standing;
}

async function place(client: Client, stories: readonly Story[], isEarlier: boolean): Promise<Placed[]> {
  const entries = await entriesOf(
    client,
    stories.flatMap((story) => keyOf(story) ?? []),
  );
  return stories.map((story) => {
    const key = keyOf(story);
    const entry = key === null ? undefined : entries.get(key);
    const standing = standingOf({ ...spanOf(story), parkedWithKey: story.parkedKey !== null }, entry);
    return { story, key, entry, standing: isWithheld(story, standing, isEarlier) ? 'waiting' : standing };
  });
}

interface EntryRow {
  readonly legacy_id: string;
  readonly decision: Decision;
  readonly topic_id: string;
  readonly partition: number;
  readonly offset: string;
  readonly op: string;
  readonly lsn: string | null;
  readonly snapshot: boolean;
  readonly deleted_at_ms: string | null;
}

async function entriesOf(client: Client, keys: readonly string[]): Promise<ReadonlyMap<string, Standpoint>> {
  const { rows } = await client.query<EntryRow>(ENTRIES, [keys]);
  return new Map(
    rows.map(({ legacy_id, decision, op, snapshot, ...row }) => [
      legacy_id,
      {
        decision,
        op,
        snapshot,
        position: { topicId: row.topic_id, partition: row.partition, offset: BigInt(row.offset) },
        lsn: row.lsn === null ? null : BigInt(row.lsn),
        deletedAtMs: row.deleted_at_ms === null ? null : Number(row.deleted_at_ms),
      },
    ]),
  );
}

async function rewind(client: Client, placed: readonly Placed[]): Promise<void> {
  const back = placed.filter(({ standing }) => standing === 'rewind');
  if (back.length === 0) return;
  await client.query(REWIND, [
    back.map(({ key }) => key),
    back.map(({ story }) => spanOf(story).first.offset),
  ]);
}

/** The records of a story, the deletes between them, and at the end the delete that the ledger already had. */
function eventsOf({ story, key, entry, standing }: Placed): SourceEvent[] {
  const events = [...story.events, ...story.deletes];
  if (standing !== 'rewind' || key === null || entry?.op !== 'd' || entry.deletedAtMs === null) return events;
  const { position, lsn, snapshot, deletedAtMs } = entry;
  return [...events, deleteOf(key, { position, lsn, snapshot, deletedAtMs })];
}

interface OutcomeRow {
  readonly id: string;
  readonly partition: number;
  readonly offset: string;
  readonly reason: string;
  readonly detail: string;
  readonly attempts: number;
  readonly closed: boolean;
  readonly legacy_id: string | null;
  readonly decision: Decision | null;
  readonly decision_reason: string | null;
  readonly canonical_run_id: string | null;
}

const WHY = {
  superseded: 'a later event of its row was applied',
  waiting: 'another parked record of its row, or a truncate of the table, must be settled first',
} as const;

async function outcomes(client: Client, placed: readonly Placed[], whyWaiting: string): Promise<Retried[]> {
  const records = placed.flatMap(({ story, key, standing }) =>
    story.ids.map((id) => ({ id, key, standing })),
  );
  const standings = new Map(records.map(({ id, standing }) => [id, standing]));
  const { rows } = await client.query<OutcomeRow>(OUTCOMES, [
    records.map(({ id }) => id),
    records.map(({ key }) => key),
  ]);
  return rows.map((row) => {
    const standing = standings.get(row.id);
    const why = standing === 'superseded' || standing === 'waiting' ? standing : undefined;
    const outcome = why ?? (row.closed ? 'decided' : 'failed');
    return {
      id: row.id,
      partition: row.partition,
      offset: row.offset,
      legacyId: row.legacy_id,
      outcome,
      decision: row.decision,
      canonicalRunId: row.canonical_run_id,
      reason: outcome === 'decided' ? (row.decision_reason ?? '') : row.reason,
      detail:
        why === undefined
          ? outcome === 'failed'
            ? row.detail
            : ''
          : why === 'waiting'
            ? whyWaiting
            : WHY[why],
      attempts: row.attempts,
    };
  });
}
