import { FatalError } from '../../lib/errors.ts';
import { inTransaction, type Client, type Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import { markAccepted, openGaps, openGapsFor, type Gap } from './gaps.ts';
import {
  acceptedParts,
  identitiesOf,
  judgeContinuity,
  positionText,
  type Break,
  type Part,
  type Present,
  type Recorded,
} from './judge.ts';

/** A judgement and an acceptance take turns: a judgement by what was recorded before would reopen an accepted gap. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('history_cdc.continuity', 0))";
const RECORDED = 'SELECT part, identity FROM history_cdc.source_identity WHERE topic_id = $1';

const ALL_RECORDED = 'SELECT topic_id AS "topicId", part, identity FROM history_cdc.source_identity';
const UNDEFINED_TABLE = '42P01';
const INSUFFICIENT_PRIVILEGE = '42501';

/** What the ledger knows of the stream. */
export interface ContinuityFacts {
  /** Open ones, of every topic. */
  readonly gaps: readonly Gap[];
  /** Null where the role may not read what was recorded. */
  readonly recorded:
    readonly { readonly topicId: string; readonly part: Part; readonly identity: string }[] | null;
}

/** Nothing, where there is no ledger yet, or one that is older. */
export async function readContinuity(client: Client): Promise<ContinuityFacts> {
  const gaps = await unless(() => openGaps(client), new Map([[UNDEFINED_TABLE, []]]));
  type Row = NonNullable<ContinuityFacts['recorded']>[number];
  const recorded = await unless(
    async () => (await client.query<Row>(ALL_RECORDED)).rows,
    new Map([
      [UNDEFINED_TABLE, []],
      [INSUFFICIENT_PRIVILEGE, null],
    ]),
  );
  return { gaps, recorded };
}

async function unless<T>(ask: () => Promise<T>, answers: ReadonlyMap<string, T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const state = sqlState(error);
    const answer = state === undefined ? undefined : answers.get(state);
    if (answer === undefined) throw error;
    return answer;
  }
}

export function recordedFor(topicId: string | undefined, recorded: ContinuityFacts['recorded']): Recorded {
  const ours = (recorded ?? []).filter((row) => row.topicId === topicId);
  return new Map(ours.map(({ part, identity }) => [part, identity]));
}

async function recordedOf(client: Client, topicId: string): Promise<Recorded> {
  const { rows } = await client.query<{ part: Part; identity: string }>(RECORDED, [topicId]);
  return new Map(rows.map(({ part, identity }) => [part, identity]));
}

/** Records parts of a topic. It records nothing of a topic that the ledger does not know, because that may yet be refused. */
const RECORD = `
  INSERT INTO history_cdc.source_identity (topic_id, part, identity)
  SELECT t.topic_id, p.part, p.identity FROM history_cdc.topic t CROSS JOIN unnest($2::text[], $3::text[]) AS p (part, identity)
  WHERE t.topic_id = $1
  ON CONFLICT (topic_id, part) DO UPDATE SET identity = excluded.identity`;

async function record(client: Client, topicId: string, parts: ReadonlyMap<Part, string>): Promise<void> {
  await client.query(RECORD, [topicId, [...parts.keys()], [...parts.values()]]);
}

export interface Continuity {
  readonly breaks: readonly Break[];
  /** Open gaps of the topic, those of these breaks among them. */
  readonly gaps: readonly Gap[];
}

/** One look at the stream. */
interface Look {
  /** The topic that is projected. Undefined where nobody can tell which one that is: then nothing is recorded. */
  readonly topicId: string | undefined;
  readonly present: Present;
  /** What this process saw before the ledger knew the topic. It counts where nothing is recorded yet. */
  readonly seenBefore?: Recorded;
}

/**
 * Compares what is there with what was recorded. Records what is fit and not recorded yet, once nothing is broken. Opens a
 * gap for each break.
 */
export async function checkContinuity(
  canonical: Pool,
  { topicId, present, seenBefore = new Map() }: Look,
): Promise<Continuity> {
  if (topicId === undefined) return { breaks: judgeContinuity(undefined, new Map(), present), gaps: [] };
  return await inTransaction(canonical, async (client) => {
    await client.query(LOCK);
    const recorded = await recordedOf(client, topicId);
    const breaks = judgeContinuity(topicId, new Map([...seenBefore, ...recorded]), present);
    if (breaks.length > 0) await openGapsFor(client, topicId, breaks);
    else await record(client, topicId, notYetIn(recorded, identitiesOf(present)));
    const gaps = (await openGaps(client)).filter((gap) => gap.topicId === topicId);
    return { breaks, gaps };
  });
}

/** Nothing is broken: what differs is missing, or was recorded as an older text of the same. */
function notYetIn(recorded: Recorded, found: ReadonlyMap<Part, string>): Map<Part, string> {
  return new Map([...found].filter(([part, identity]) => recorded.get(part) !== identity));
}

const FORGET = 'DELETE FROM history_cdc.source_identity WHERE topic_id = $1 AND part = ANY ($2)';

interface Acceptance {
  readonly topicId: string;
  /** Ids of open gaps. */
  readonly ids: readonly string[];
  readonly present: Present;
  /** Of the legacy database; null where it is not known. */
  readonly xmax: string | null;
}

/**
 * What is there now takes the place of what was recorded, for the parts of these gaps and no others. What cannot be seen is
 * not accepted; `blind` says why it cannot.
 */
export async function acceptGaps(
  canonical: Pool,
  { topicId, ids, present, xmax }: Acceptance,
  blind: readonly string[] = [],
): Promise<void> {
  await inTransaction(canonical, async (client) => {
    await client.query(LOCK);
    const gaps = await openGaps(client);
    for (const id of ids) {
      const gap = gaps.find((open) => open.id === id);
      if (gap === undefined) throw noSuchGap(id, gaps);
      if (acceptedParts(gap.kind).some((part) => present[part] === undefined)) throw notSeen(id, blind);
      // Of a topic that another one has followed nothing is compared any more.
      if (gap.topicId === topicId) {
        const [broken] = judgeContinuity(topicId, new Map(), present).filter(
          ({ kind, mendFirst }) => kind === gap.kind && mendFirst === true,
        );
        if (broken !== undefined) throw mendFirst(id, broken);
        await replace(client, topicId, { parts: acceptedParts(gap.kind), present });
      }
      await markAccepted(client, id, xmax);
    }
    if (ids.length > 0)
      await recordAction(client, {
        command: 'project',
        options: [`--accept-gap ${ids.join(' ')}`],
        counts: { gaps: ids.length },
      });
  });
}

async function replace(
  client: Client,
  topicId: string,
  { parts, present }: { readonly parts: readonly Part[]; readonly present: Present },
): Promise<void> {
  await client.query(FORGET, [topicId, parts]);
  const { position } = present;
  const found = new Map<Part, string>([
    ...identitiesOf(present),
    ...(position === undefined ? [] : [['position', positionText(position)] as const]),
  ]);
  await record(client, topicId, new Map([...found].filter(([part]) => parts.includes(part))));
}

function noSuchGap(id: string, gaps: readonly Gap[]): FatalError {
  const open = gaps.map((gap) => `${gap.id} (${gap.kind})`).join(', ');
  return new FatalError({
    code: 'GAP_OPEN',
    message: `no gap ${id} is open; ${open === '' ? 'none is' : `open are ${open}`}`,
    wayOut: 'accept the gaps that the message of the projector names, or leave --accept-gap out',
    facts: { gap: id },
  });
}

/** What is there now carries no stream: accepted, it would be the base line of the rows that are lost from now on. */
function mendFirst(id: string, { kind, evidence }: Break): FatalError {
  return new FatalError({
    code: 'GAP_OPEN',
    message: `gap ${id} cannot be accepted before the ${kind} is mended: ${evidence}`,
    wayOut: '`history-cdc doctor --only continuity` prints the lines that mend it, and what comes after',
    facts: { gap: id },
  });
}

function notSeen(id: string, blind: readonly string[]): FatalError {
  return new FatalError({
    code: 'GAP_OPEN',
    message: `gap ${id} cannot be accepted, because what is there now cannot be seen: ${blind.join('; ')}`,
    wayOut:
      'let legacy database, Kafka and Kafka Connect be in reach of `history-cdc project` (`history-cdc config`)',
    facts: { gap: id },
  });
}
