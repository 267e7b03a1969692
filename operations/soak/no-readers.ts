import type { Config } from '../../lib/config.ts';
import { judgeClock } from './clock.ts';
import { notMet, unknown, type Judged } from './condition.ts';
import type { Dependant } from './dependants.ts';
import type { SoakFacts } from './facts.ts';
import { daysText, notKnown } from './quiet.ts';
import type { Reading, ReadingFacts } from './readers.ts';

/**
 * Nothing in the catalogs depends on the table, and nobody but us has read it for SOAK_QUIET_DAYS. The foreign key from the
 * table to agent_contexts is named and does not block: it is the table's own, and `DROP TABLE … RESTRICT` takes it along.
 * Until then it takes rows with each context that is deleted, which the archive must have by then.
 */
export function noReaders(facts: SoakFacts, config: Config): Judged {
  const { now, dependants, reading } = facts;
  if (!now.known) return notKnown(now.why, null);
  if (!dependants.known) return notKnown(dependants.why, null);
  const blocking = dependants.value.filter(({ blocks }) => blocks);
  const own = dependants.value.filter(({ blocks }) => !blocks);
  const evidence = `${named(own)}${daysText(config, 'SOAK_QUIET_DAYS')}`;
  if (blocking.length > 0)
    return notMet(`${named(blocking)}${evidence}`, {
      ids: blocking.slice(0, 100).map(({ kind, name }) => `${kind} ${name}`),
      missing: `${String(blocking.length)} objects depend on the table, or name it`,
      fix: 'change or drop each of them; `history-cdc retire check` lists them, too',
    });
  if (!reading.known) return notKnown(`${reading.why}; ${evidence}`, null);
  return judgeReading({ now: now.value, days: config.SOAK_QUIET_DAYS, evidence }, reading.value);
}

function named(dependants: readonly Dependant[]): string {
  return dependants.map(({ kind, name }) => `${kind}: ${name}; `).join('');
}

interface Quiet {
  readonly now: Date;
  readonly days: number;
  readonly evidence: string;
}

/** By what names readers if that is known, else by the scans of the table, ours among them. */
function judgeReading({ now, days, evidence }: Quiet, facts: ReadingFacts): Judged {
  const begin = new Date(now.getTime() - days * 86_400_000);
  const foreign = readersOf(facts).filter(({ changedAt }) => changedAt > begin);
  if (foreign.length > 0)
    return notMet(`read by ${foreign.map(readerText).join(', ')}; ${evidence}`, {
      ids: [...new Set(foreign.map(({ role }) => role))],
      since: latest(foreign),
      metAt: new Date(latest(foreign).getTime() + days * 86_400_000),
      missing: `${String(foreign.length)} readers within the last ${String(days)} days`,
      fix: 'let them read the canonical tables',
    });
  const scans = facts.readings.find(({ source }) => source === 'scans');
  if (scans !== undefined && scans.changedAt <= begin)
    return judgeClock({
      ...{ now, until: now, days, evidence },
      starts: [{ at: scans.changedAt, what: `no scan of the table since ${scans.changedAt.toISOString()}` }],
    });
  const blind = whyNotTold(facts, begin);
  if (blind !== null) return unknown(`who reads the table cannot be told: ${blind}; ${evidence}`, HELP);
  const [watched] = facts.readings.filter(isWatch);
  if (watched === undefined) return unknown(`statements were not sampled yet; ${evidence}`, HELP);
  const last = readersOf(facts).map(({ changedAt }) => changedAt);
  return judgeClock({
    ...{ now, until: now, days, evidence },
    starts: [watched.changedAt, ...last].map((at) => ({
      at,
      what: `statements of other programs are watched, and none has read the table, since ${at.toISOString()}`,
    })),
  });
}

const HELP = {
  missing: 'something that tells our reads from those of others',
  fix: 'load pg_stat_statements in the legacy database (shared_preload_libraries, CREATE EXTENSION), and GRANT pg_read_all_stats TO the role of LEGACY_DATABASE_URL',
};

/** The row that moves when statements may have been lost: a reset, or an eviction. */
function isWatch({ source, role, subject }: Reading): boolean {
  return source === 'statement' && role === '' && subject === 'since';
}

/** Statements without our mark, and sessions, of every role but the connector's. */
function readersOf({ ours, readings }: ReadingFacts): Reading[] {
  return readings.filter((one) => one.source !== 'scans' && !isWatch(one) && !ours.includes(one.role));
}

function whyNotTold({ ours, readings, statementsUnknown }: ReadingFacts, begin: Date): string | null {
  if (statementsUnknown !== null) return `${statementsUnknown}, and the table was scanned`;
  const shared = readings.find(
    ({ source, role, changedAt }) => source === 'session' && ours.includes(role) && changedAt > begin,
  );
  return shared === undefined
    ? null
    : `another program uses the connector's role ${shared.role} (${shared.subject || 'without a name'})`;
}

function readerText({ source, role, subject, changedAt }: Reading): string {
  const what = source === 'statement' ? `statement ${subject}` : `session of ${subject || 'a program'}`;
  return `${role} (${what}, ${changedAt.toISOString()})`;
}

function latest(readings: readonly Reading[]): Date {
  return new Date(Math.max(...readings.map(({ changedAt }) => changedAt.getTime())));
}
