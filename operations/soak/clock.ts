import { spanText } from '../../lib/figures.ts';
import { met, notMet, unknown, type ConditionId, type Judged } from './condition.ts';
import { clockFrom, counts, MEANINGS, type Incident } from './incidents.ts';

const DAY_MS = 86_400_000;

/** A moment at which a clock begins anew, and why. */
export interface Start {
  readonly at: Date;
  readonly what: string;
  readonly ids?: readonly string[];
}

export interface Clock {
  readonly now: Date;
  /** The clock runs up to here: behind it, nothing is known. */
  readonly until: Date;
  readonly days: number;
  /** What the clock begins with; the latest of them counts. */
  readonly starts: readonly Start[];
  /** What is shown whatever the clock says. */
  readonly evidence: string;
}

/** Days since the latest start, by the clock of the canonical database. A start in the future makes nothing met. */
export function judgeClock({ now, until, days, starts, evidence }: Clock): Judged {
  const last = starts.reduce((latest, start) => (start.at > latest.at ? start : latest));
  const since = last.at;
  const text = `${evidence}; ${last.what}`;
  const ids = last.ids ?? [];
  if (since > now)
    return unknown(text, {
      ids,
      since,
      missing: `this is dated in the future (${since.toISOString()}): a clock is wrong`,
      fix: 'set the clock of the server right whose time it is, and wait until that moment is over',
    });
  const metAt = new Date(since.getTime() + days * DAY_MS);
  if (until >= metAt) return met(text, { since, metAt, ids });
  return notMet(text, {
    since,
    metAt,
    ids,
    missing: `${spanText((metAt.getTime() - until.getTime()) / 1000)} of ${String(days)} days`,
    fix: null,
  });
}

/** The incidents that stop the clock of a condition: those that go on, and the moments at which the others let it run again. */
export function stoppedBy(
  id: ConditionId,
  incidents: readonly Incident[],
): { readonly open: readonly Incident[]; readonly starts: readonly Start[] } {
  const stopping = incidents.filter(
    (incident) => MEANINGS[incident.kind].stops.includes(id) && counts(incident),
  );
  return {
    open: stopping.filter((incident) => clockFrom(incident) === null),
    starts: stopping.flatMap((incident) => {
      const at = clockFrom(incident);
      if (at === null) return [];
      const what = `the last incident is ${incident.kind} ${incident.id} of ${at.toISOString()}`;
      return [{ at, what, ids: [incident.id] }];
    }),
  };
}

/** What still goes on keeps every clock from running. */
export function stillOpen(open: readonly Incident[], evidence: string): Judged {
  return notMet(evidence, {
    ids: open.slice(0, 100).map(({ id }) => id),
    missing: `${String(open.length)} incidents go on: ${[...new Set(open.map(({ kind }) => kind))].join(', ')}`,
    fix: 'history-cdc soak  # lists them; each ends with its cause: a closed gap, a proven run, a healed record',
  });
}
