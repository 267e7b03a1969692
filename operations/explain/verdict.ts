/** Says in one sentence what is known of a row, and what to do next: a pure function of what was found. */
import { parkedNext, parkedText } from './parked.ts';
import type { CandidateTwin, CanonicalRun, LedgerView, Report, UndoneView, RowVerdict } from './report.ts';

type Found = Omit<Report, 'verdict'>;

export function verdictOf(found: Found): RowVerdict {
  const { identity, ledger } = found;
  if (!found.known) return unknown(found);
  if (identity.legacy_id === null) return aloneOf(found);
  if (ledger === null) return found.undone === null ? neverSeen(found) : takenBack(found.undone);
  const { text, next } = decided(found, ledger);
  const deleted =
    ledger.source_deleted_at === null || ledger.decision === 'gone'
      ? ''
      : `; the legacy row was deleted at ${ledger.source_deleted_at}`;
  const parked = parkedText(found.quarantine);
  const missed =
    parked === null || ledger.decision === 'quarantined'
      ? ''
      : `; a record of it is in quarantine: ${parked}`;
  const also = [deleted, missed, differenceToday(found, ledger)].join('');
  const retry = parkedNext(identity.legacy_id, found.quarantine);
  return { text: `${text}${also}`, next: next ?? retry ?? openEvents(found.events) };
}

function unknown({ id, events }: Found): RowVerdict {
  const topic = events === null ? '; the topic was not read' : ' and no event of it is in the topic';
  return {
    text: `${id} is unknown: no legacy row, ledger entry, canonical row or quarantined record has this id${topic}`,
    next: 'check the id; a canonical row of ours that a live row has replaced is not kept under its own id',
  };
}

/** A canonical row without a legacy row. */
function aloneOf({ identity, candidates }: Found): RowVerdict {
  if (identity.kind !== 'live_run') {
    return { text: `it is ${identity.text}: no legacy row belongs to it`, next: null };
  }
  const match = candidates.find(({ is }) => is === 'match');
  if (match !== undefined) {
    return {
      text: `it is a live row to which no legacy row is linked, although legacy row ${match.id} looks like it`,
      next: `history-cdc explain ${match.id} says why; history-cdc sweep links what came late`,
    };
  }
  const nearest = candidates[0];
  const why =
    nearest === undefined
      ? 'the ledger has no legacy row of its agent that started within the match window'
      : `of ${String(candidates.length)} legacy row(s) around it none matches; the nearest, ${nearest.id}: ${nearest.why}`;
  return { text: `it is a live row to which no legacy row is linked: ${why}`, next: null };
}

function takenBack({ undone_at: at, canonical_run_id: run, reason }: UndoneView): RowVerdict {
  return {
    text: `it was projected as canonical row ${run} (${reason}), and \`undo\` removed both at ${at}; the next event of the row restores them as they were`,
    next: 'history-cdc replay restores everything that undo removed',
  };
}

function neverSeen({ legacy_row: row, canonical_run: run, events, quarantine, today }: Found): RowVerdict {
  const waiting = events?.some(({ ledger }) => ledger === 'not_applied') === true;
  const where = [
    row === null ? 'the legacy table has no such row' : 'the legacy table has the row',
    ...(run === null ? [] : [`canonical row ${run.id} (${run.whose}) names it as its source`]),
    ...(quarantine.length > 0 ? [`${String(quarantine.length)} record(s) of it are in quarantine`] : []),
    ...(events !== null && events.length > 0
      ? [`${String(events.length)} event(s) of it are in the topic`]
      : []),
    ...(events?.length === 0 ? ['no event of it is in the topic'] : []),
  ];
  const then = today === null ? '' : `; if it came now, it would be ${today.decision} (${today.reason})`;
  return {
    text: `it was never seen: the ledger has no decision on it, ${where.join(', ')}${then}`,
    next: waiting
      ? openEvents(events)
      : run?.whose === 'ours'
        ? 'we wrote that canonical row, so the ledger must have lost its entry: history-cdc replay brings it back'
        : row === null
          ? null
          : 'history-cdc connector status: is the connector running, and past this row? then history-cdc project --until-caught-up',
  };
}

interface Sentence {
  readonly text: string;
  readonly next?: string;
}

function decided(found: Found, ledger: LedgerView): Sentence {
  switch (ledger.decision) {
    case 'projected':
      return projected(found, ledger);
    case 'twin':
      return twin(found, ledger);
    case 'adopted':
      return {
        text: `it is linked to the earlier script's copy, canonical row ${runName(found, ledger)}, because the script had copied it before (${ledger.reason})`,
      };
    case 'third_party':
      return thirdParty(found, ledger);
    case 'anonymous':
      return { text: `it has no canonical row, because no user is named in it (${ledger.reason})` };
    case 'opted_out':
      return {
        text: `it has no canonical row, because its agent opted out of monitoring (${ledger.reason})`,
      };
    case 'orphaned':
      return {
        text: `it has no canonical row, because its context, which names the agent, was gone when the row was seen (${ledger.reason})`,
      };
    case 'gone':
      return {
        text: `it has no canonical row, because it was deleted (at ${ledger.source_deleted_at ?? 'an unknown time'}) before the projector saw it`,
      };
    case 'quarantined':
      return quarantined(found, ledger);
  }
}

const PROJECTED_BECAUSE: Readonly<Record<string, string>> = {
  owner: 'because its user owned the agent, and no live row records the run',
  history: 'because its user owned the agent, and the live path did not write yet when it ran',
  straggler: 'because its user owned the agent, and the live path was up but did not record the run',
  late_owner: 'because its user became an owner when the membership arrived, and no live row records the run',
  weak_fingerprint:
    'because its user owned the agent; a live row is near to it, but without headline, duration and equal profiles nobody can tell whether it is the same run',
  twin_blocked:
    'because its user owned the agent; a live row now matches it, but another table refers to our row, so the live row cannot replace it',
  moved_to_agent_not_owned:
    'because its user owned the first agent of the row; the row was then moved to an agent that the user does not own, and an owner decision is never taken back silently',
};

const WAITS_FOR_A_PERSON: ReadonlySet<string> = new Set([
  'weak_fingerprint',
  'twin_blocked',
  'moved_to_agent_not_owned',
]);

function projected(found: Found, ledger: LedgerView): Sentence {
  const { candidates, canonical_run: run } = found;
  const because = PROJECTED_BECAUSE[ledger.reason] ?? `with the reason ${ledger.reason}`;
  if (run === null) {
    return {
      text: `it was projected, ${because}; our canonical row ${ledger.canonical_run_id ?? ''} has been removed since (by retention, or by hand), and is not written again`,
    };
  }
  const text = `it is projected as canonical row ${run.id}, ${because}`;
  const match = candidates.find(({ is }) => is === 'match');
  if (WAITS_FOR_A_PERSON.has(ledger.reason)) return { text, next: 'a person has to look at it' };
  if (match === undefined) return { text };
  return {
    text: `${text} so far; live row ${match.id}, ${distanceOf(match)}, matches it`,
    next: 'history-cdc sweep links the live row in its place',
  };
}

function twin(found: Found, ledger: LedgerView): Sentence {
  const linked = found.candidates.find(({ is }) => is === 'linked');
  const gone =
    found.canonical_run === null ? ', which has been removed since (by retention, or by hand)' : '';
  const because =
    linked === undefined
      ? 'the live path had recorded the run'
      : linked.differs_in.length === 0
        ? `agent, headline, duration and verdict agree, and its time is ${distanceOf(linked)}`
        : `the live path had recorded the run, ${distanceOf(linked)}; by now they differ in ${linked.differs_in.join(', ')}`;
  const settled = ledger.unsettled ? 'the pair may still change' : 'the pair is settled';
  return {
    text: `it is linked to the live row ${ledger.canonical_run_id ?? ''}${gone}, because ${because}; ${settled}`,
  };
}

const NOT_OWNER: Readonly<Record<string, string>> = {
  not_a_member: "is no member of the context's organisation",
  agent_not_listed: "is a member, but the organisation's profile does not list the agent",
  'not_a_member,agent_not_listed':
    'is no member of the organisation, and its profile does not list the agent either',
  no_agent_url: 'cannot own an agent that has no valid URL',
};

function thirdParty({ look_ups: lookUps }: Found, { reason }: LedgerView): Sentence {
  const copied = reason.endsWith(',script_copy_elevated');
  const why = NOT_OWNER[reason.replace(',script_copy_elevated', '')] ?? `does not own the agent (${reason})`;
  const text = `it has no canonical row of ours, because its user ${why}${copied ? '; the earlier script wrongly copied it' : ''}`;
  if (copied) return { text, next: 'the copy is wrongly elevated: a person has to look at it' };
  if (lookUps?.now.owner !== true) return { text };
  return {
    text: `${text}; the user now owns it`,
    next: 'history-cdc sweep decides it again inside the grace window (OWNERSHIP_GRACE_HOURS), and reports it after that',
  };
}

/** The next step is printed with its parked records. */
function quarantined({ quarantine }: Found, { reason }: LedgerView): Sentence {
  const parked = parkedText(quarantine);
  return {
    text: `it is quarantined, because its record could not be used (${reason})${parked === null ? '' : `: ${parked}`}`,
  };
}

function runName({ canonical_run: run }: Found, { canonical_run_id: id }: LedgerView): string {
  const name: CanonicalRun['id'] = id ?? '';
  return run === null ? `${name} (gone since)` : name;
}

function distanceOf({ distance_seconds: seconds }: CandidateTwin): string {
  if (seconds === 0) return 'at the same time';
  return `${String(Math.abs(seconds))} s ${seconds < 0 ? 'before' : 'after'} it`;
}

/** Mentioned only if a new event would change something, because most rows would stay as they are. */
function differenceToday({ today }: Found, ledger: LedgerView): string {
  if (today === null) return '';
  if (today.decision === ledger.decision && today.canonical_run_id === ledger.canonical_run_id) {
    return ledger.canonical_run_id !== null && NO_OWNERS.has(today.rule.decision)
      ? `; by today's look-ups it would be ${today.rule.decision} (${today.rule.reason}), and an owner decision is not taken back silently`
      : '';
  }
  return `; if it came now, it would be ${today.decision} (${today.reason})`;
}

/** opted_out is not among them: a run that was recorded before an opt-out stays recorded. */
const NO_OWNERS: ReadonlySet<string> = new Set(['third_party', 'anonymous', 'orphaned']);

function openEvents(events: Report['events']): string | null {
  const open = events?.filter(({ ledger }) => ledger === 'not_applied') ?? [];
  if (open.length === 0) return null;
  const count = `${String(open.length)} event(s) of it are in the topic and not applied`;
  return open.some(({ passed }) => passed)
    ? `${count}, although the projectors have read past them: history-cdc replay`
    : `${count} yet: history-cdc project --until-caught-up`;
}
