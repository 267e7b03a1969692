import type { ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { checkContinuity, type Continuity } from '../continuity/identity-store.ts';
import { judgeContinuity, type Present } from '../continuity/judge.ts';
import { ifMigrated } from '../facts/postgres.ts';
import { withServices, type Services } from '../facts/services.ts';
import { UNWATCHED } from '../watchdog/blind-spots.ts';
import { gapOpen, streamBroken } from '../watchdog/break-errors.ts';
import { look, STREAM } from '../watchdog/look.ts';
import { unseenSource } from './apply-errors.ts';

/** The longest wait for an answer. There is only one look, so it waits longer than the watchdog does. */
const WITHIN_MS = 60_000;

export interface GuardOptions {
  /** Writes a line about the work. */
  readonly note: (line: string) => void;
  /** A person takes it upon himself that nothing is wrong with what cannot be asked. */
  readonly unseen?: boolean;
}

interface Guarded {
  readonly services: Services;
  readonly config: ConfigWith<'CONNECT_URL'>;
}

/**
 * Checks whether a connector may be resumed. Refuses if its slot is ahead of its stored offset, if server, timeline,
 * publication or slot differ from what the projector has recorded, or if a gap is open that nobody has accepted. Without
 * this check, slot and offset would look well again after the resume, and the rows in between would be missing unnoticed.
 * So it also refuses if one of these cannot be asked, unless `unseen` is given. Returns what it saw.
 */
export async function assertContinuous(
  config: Guarded['config'],
  options: GuardOptions,
  opened?: Services,
): Promise<Present> {
  const guard = (services: Services) => assertWith({ services, config }, options);
  return await (opened === undefined
    ? withServices(config, { name: 'history-cdc connector' }, guard)
    : guard(opened));
}

async function assertWith(
  guarded: Guarded,
  { note, unseen: accepted = false }: GuardOptions,
): Promise<Present> {
  const { config } = guarded;
  const { present, blind } = await look({ ...guarded, facts: STREAM, withinMs: WITHIN_MS });
  const topicId = present.topicId ?? undefined;
  const { continuity, ledgerUnseen } = await compared(guarded, topicId, present);
  const unseen = [...blind, ...(ledgerUnseen === undefined ? [] : [['ledger', ledgerUnseen] as const])];
  const unchecked = unseen.map(([spot, reason]) => `${UNWATCHED[spot]} (${reason})`);
  const { breaks, gaps } = continuity;
  const unaccepted = gaps.filter(({ acceptedAt }) => acceptedAt === null);
  if (breaks.length > 0) throw streamBroken({ breaks, gaps: unaccepted }, config);
  if (unaccepted.length > 0) throw gapOpen(unaccepted, config);
  if (unchecked.length > 0 && !accepted) throw unseenSource(unchecked);
  for (const line of unchecked) note(`not checked: ${line}`);
  return present;
}

interface Compared {
  readonly continuity: Continuity;
  /** Why the ledger could not be asked; undefined where it was, or where there is none yet. */
  readonly ledgerUnseen?: string;
}

async function compared(
  { config, services }: Guarded,
  topicId: string | undefined,
  present: Present,
): Promise<Compared> {
  const withoutLedger = { breaks: judgeContinuity(undefined, new Map(), present), gaps: [] };
  if (config.DATABASE_URL === undefined)
    return { continuity: withoutLedger, ledgerUnseen: 'DATABASE_URL is not set' };
  if (topicId === undefined) return { continuity: withoutLedger };
  try {
    const found = await ifMigrated(() => checkContinuity(services.canonical(), { topicId, present }));
    return { continuity: found ?? withoutLedger };
  } catch (error) {
    return { continuity: withoutLedger, ledgerUnseen: messageOf(error) };
  }
}
