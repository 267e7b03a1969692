import type { Config } from '../../lib/config.ts';
import { SETTINGS } from '../../lib/settings.ts';
import { judgeClock, stillOpen, stoppedBy, type Start } from './clock.ts';
import { unknown, type ConditionId, type Judged } from './condition.ts';
import type { SoakFacts } from './facts.ts';
import { writtenAt, type LegacyWrite } from './legacy-writes.ts';
import { spanText } from '../../lib/figures.ts';

const DAY_SETTINGS = ['SOAK_LIVE_DAYS', 'SOAK_READ_DAYS', 'SOAK_QUIET_DAYS'] as const;
type DaySetting = (typeof DAY_SETTINGS)[number];

/** Every report names them, so that a gate with a faster clock is never taken for the usual one. */
export function loweredIn(config: Config): readonly string[] {
  return DAY_SETTINGS.flatMap((setting) =>
    config[setting] < Number(SETTINGS[setting].default) ? [daysText(config, setting)] : [],
  );
}

export function daysText(config: Config, setting: DaySetting): string {
  const days = config[setting];
  const usual = SETTINGS[setting].default;
  return days < Number(usual)
    ? `${setting} is ${String(days)}, LOWER than the usual ${usual}`
    : `${setting} is ${String(days)}`;
}

export function notKnown(why: string, fix: string | null): Judged {
  return unknown(`not known: ${why}`, { missing: 'the answer', fix });
}

/** Behind a longer silence of the live path, no row shows that it works. */
const LIVE_SILENCE_MS = 7 * 86_400_000;

export function canonicalLive(facts: SoakFacts, config: Config): Judged {
  const { now, seenUntil, livePath, recorded, incidents } = facts;
  if (!now.known) return notKnown(now.why, null);
  if (!livePath.known) return notKnown(livePath.why, null);
  if (!recorded.known) return notKnown(`incidents cannot be recorded: ${recorded.why}`, GRANT);
  if (!incidents.known) return notKnown(incidents.why, null);
  const { first, last, inFuture, unnamed } = livePath.value;
  const future = inFuture === 0 ? '' : `; ${String(inFuture)} rows of the live path are dated in the future`;
  if (first === null || last === null)
    return unknown(`the live path has written no row${future}`, {
      missing: 'rows of the live path',
      fix: 'deploy the release that writes owners’ runs to the canonical table',
    });
  const evidence = `live rows from ${first.toISOString()} to ${last.toISOString()}${future}; ${daysText(config, 'SOAK_LIVE_DAYS')}`;
  const { open, starts } = stoppedBy('canonical-live', incidents.value);
  if (open.length > 0) return stillOpen(open, evidence);
  if (!seenUntil.known) return notKnown(`${seenUntil.why}; ${evidence}`, STATUS);
  if (unnamed)
    return notKnown(
      `projected rows wait for a sweep that says whether they are stragglers; ${evidence}`,
      'history-cdc sweep',
    );
  const silentMs = now.value.getTime() - last.getTime();
  if (silentMs > LIVE_SILENCE_MS)
    return notKnown(
      `the live path has written nothing for ${spanText(silentMs / 1000)}, so that no row shows that it works; ${evidence}`,
      'run a test as an owner',
    );
  const begin: Start = { at: first, what: `the first live row is of ${first.toISOString()}` };
  const days = config.SOAK_LIVE_DAYS;
  return judgeClock({ now: now.value, until: seenUntil.value, days, starts: [begin, ...starts], evidence });
}

const STATUS = 'history-cdc status  # what keeps the stream from being seen';
const GRANT = 'history-cdc migrate --grant-to ROLE  # as the owner of the schema history_cdc';

interface Quiet {
  readonly id: Extract<ConditionId, 'no-owner-writes' | 'no-updates'>;
  readonly last: (writes: {
    readonly ownerInsert: LegacyWrite | null;
    readonly update: LegacyWrite | null;
  }) => LegacyWrite | null;
  readonly none: string;
  readonly fix: string;
}

export const OWNER_WRITES: Quiet = {
  id: 'no-owner-writes',
  last: ({ ownerInsert }) => ownerInsert,
  none: "no owner's run was written to the legacy table since it is watched",
  fix: "end the pods of the releases that still write owners' runs to the legacy table",
};
export const UPDATES: Quiet = {
  id: 'no-updates',
  last: ({ update }) => update,
  none: 'no row of the legacy table was updated since it is watched',
  fix: 'change what updates rows: merges of contexts do, if the column is agent_context_id',
};

/** No such write for SOAK_QUIET_DAYS, while the stream was seen. */
export function quiet({ id, last, none, fix }: Quiet, facts: SoakFacts, config: Config): Judged {
  const { now, seenUntil, writes, recorded, incidents } = facts;
  if (!now.known) return notKnown(now.why, null);
  if (!writes.known) return notKnown(writes.why, null);
  if (!recorded.known) return notKnown(`incidents cannot be recorded: ${recorded.why}`, GRANT);
  if (!incidents.known) return notKnown(incidents.why, null);
  const { watchedSince } = writes.value;
  const write = last(writes.value);
  const evidence = `${write === null ? none : writeText(write)}; ${daysText(config, 'SOAK_QUIET_DAYS')}`;
  const { open, starts } = stoppedBy(id, incidents.value);
  if (open.length > 0) return stillOpen(open, evidence);
  if (watchedSince === null)
    return notKnown(
      `not every partition is projected by a projector that keeps the last writes; ${evidence}`,
      'history-cdc project  # of this release, on all partitions',
    );
  if (!seenUntil.known) return notKnown(`${seenUntil.why}; ${evidence}`, STATUS);
  const begin: Start = {
    at: watchedSince,
    what: `the stream is watched since ${watchedSince.toISOString()}`,
  };
  const written: Start[] =
    write === null
      ? []
      : [{ at: writtenAt(write), what: 'the clock runs since that write', ids: [write.legacyId] }];
  const judged = judgeClock({
    now: now.value,
    until: seenUntil.value,
    days: config.SOAK_QUIET_DAYS,
    starts: [begin, ...written, ...starts],
    evidence,
  });
  return judged.state === 'not_met' && written.length > 0 ? { ...judged, fix } : judged;
}

function writeText({ legacyId, columns, sourceAt, seenAt }: LegacyWrite): string {
  const of = columns.length === 0 ? '' : ` (${columns.join(', ')})`;
  const source = sourceAt === null ? 'at a time that the record does not say' : sourceAt.toISOString();
  return `the last one is ${legacyId}${of}, ${source}, read ${seenAt.toISOString()}`;
}
