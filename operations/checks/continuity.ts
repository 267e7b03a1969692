import { judgeContinuity, type Present } from '../continuity/judge.ts';
import { recordedFor } from '../continuity/identity-store.ts';
import type { Gap } from '../continuity/gaps.ts';
import { valueOf } from '../facts/answer.ts';
import type { Answers, FactName } from '../facts/facts.ts';
import type { PublicationFacts, SlotFacts } from '../facts/postgres.ts';
import { lsnOf } from '../facts/wal.ts';
import { checksOf, error, type Stream } from './check.ts';
import { behindBreak } from './remedies.ts';
import { lostReason, slotFaults } from './slot.ts';
import { failed, ok, unknown } from './verdict.ts';

/** What the stream rests on. A fact that is not known leaves its part out, which is never a break. */
export const STREAM_RESTS_ON = [
  'server',
  'slot',
  'publication',
  'storedOffset',
  'dataTopic',
] as const satisfies readonly FactName[];

/** The stream as it is now, as far as it is known. */
export function presentOf(answers: Pick<Answers, (typeof STREAM_RESTS_ON)[number]>): Present {
  const { server, publication, storedOffset, dataTopic } = answers;
  const found = slotOf(answers);
  const stored = valueOf(storedOffset);
  const unpublished = publication.known ? publicationFault(publication.value) : undefined;
  const { system = null, timeline = null } = valueOf(server) ?? {};
  return {
    ...(dataTopic.known && { topicId: dataTopic.value?.topicId ?? null }),
    ...(system !== null && { system }),
    ...(timeline !== null && { timeline }),
    ...(publication.known && { publication: publication.value?.identity ?? null }),
    ...(found !== undefined && { slot: found.identity }),
    ...(found !== undefined &&
      stored !== undefined && { position: { confirmed: found.confirmed, stored: stored.lsn } }),
    unfit: {
      ...(unpublished !== undefined && { publication: unpublished }),
      ...(found?.fault !== undefined && { slot: found.fault }),
    },
  };
}

interface FoundSlot {
  /** Null where there is no slot of ours that has all its WAL. */
  readonly identity: string | null;
  readonly confirmed: bigint | null;
  readonly fault: string | undefined;
}

/** Undefined where it is not known. A standby has slots of its own, and not those of its primary. */
function slotOf({ server, slot }: Pick<Answers, 'server' | 'slot'>): FoundSlot | undefined {
  if (!server.known || !slot.known || server.value.inRecovery) return undefined;
  const { database } = server.value;
  const fault = slotFault(slot.value, database);
  if (slot.value === null || fault !== undefined) return { identity: null, confirmed: null, fault };
  const { name, plugin, confirmed } = slot.value;
  return {
    identity: `${name}, ${plugin ?? ''}, database ${database}`,
    // A slot that has confirmed nothing yet is behind everything.
    confirmed: confirmed === null ? 0n : lsnOf(confirmed),
    fault,
  };
}

function slotFault(slot: SlotFacts | null, database: string): string | undefined {
  if (slot === null) return 'there is none';
  return slotFaults(slot, database)[0] ?? lostReason(slot);
}

/** Why rows are not streamed by this publication; undefined where it publishes every change of our table. */
function publicationFault(publication: PublicationFacts | null): string | undefined {
  if (publication === null) return 'there is no such publication';
  if (!publication.ofTable) return 'it does not publish public.agent_test_history';
  if (!publication.everyOperation) return 'it leaves out some of insert, update, delete, truncate';
  return publication.tableNarrowed ? 'its row filter or column list leaves changes out' : undefined;
}

/** Compared with what the ledger has recorded of the topic that it belongs to. */
export function streamOf(answers: Answers): Stream {
  const { gaps = [], recorded = [] } = valueOf(answers.continuity) ?? {};
  const topicId = valueOf(answers.projection)?.topics.at(-1)?.topicId;
  return {
    topicId,
    breaks: judgeContinuity(topicId, recordedFor(topicId, recorded), presentOf(answers)),
    gaps,
  };
}

export const CONTINUITY_CHECKS = checksOf('stream', {
  continuity: error(
    'what the stream rests on is what it was, and no gap in it is open',
    ['continuity', 'projection'],
    ({ continuity }, circumstances, answers) => {
      const { breaks, gaps } = circumstances.stream;
      const found = [...breaks.map(({ kind, evidence }) => `${kind}: ${evidence}`), ...gaps.map(gapText)];
      if (found.length > 0) return failed(found.join('; '), behindBreak(circumstances));
      const unseen = STREAM_RESTS_ON.filter((name) => !answers[name].known);
      const notCompared = [
        ...(unseen.length === 0 ? [] : [`${unseen.join(', ')} gave no answer`]),
        ...(continuity.recorded === null
          ? ['what was recorded may not be read (SELECT on history_cdc.source_identity)']
          : []),
      ];
      return notCompared.length === 0
        ? ok('no gap is open')
        : unknown(`no gap is recorded, but the stream was not compared: ${notCompared.join('; ')}`);
    },
    { also: STREAM_RESTS_ON },
  ),
});

export function gapText({ id, kind, openedAt, acceptedAt, evidence }: Gap): string {
  const state = acceptedAt === null ? 'not accepted' : 'accepted, and not proven closed';
  return `gap ${id} (${kind}) since ${openedAt.toISOString()}, ${state}: ${evidence}`;
}
