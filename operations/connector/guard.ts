import type { ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { checkContinuity } from '../continuity/identity-store.ts';
import { judgeContinuity, type Present } from '../continuity/judge.ts';
import { ifMigrated } from '../facts/postgres.ts';
import { withServices, type Services } from '../facts/services.ts';
import { UNWATCHED } from '../watchdog/blind-spots.ts';
import { gapOpen, streamBroken } from '../watchdog/break-errors.ts';
import { look, STREAM } from '../watchdog/look.ts';

/** It is looked at once, so the look is waited for. */
const WITHIN_MS = 60_000;

interface Guarded {
  readonly services: Services;
  readonly config: ConfigWith<'CONNECT_URL'>;
  readonly note: (line: string) => void;
}

/**
 * Before a connector is told to go on: refuses where its slot is ahead of its stored offset, where what it rests on is
 * not what the projector has recorded, or where a gap is open that nobody has accepted. Once it goes on, the slot and the
 * offset look well again, and the rows in between are missing without a word. What cannot be asked is noted and passes. Gives what it saw.
 */
export async function assertContinuous(
  config: Guarded['config'],
  note: Guarded['note'],
  opened?: Services,
): Promise<Present> {
  const guard = (services: Services) => assertWith({ services, config, note });
  return await (opened === undefined
    ? withServices(config, { name: 'history-cdc connector' }, guard)
    : guard(opened));
}

async function assertWith(guarded: Guarded): Promise<Present> {
  const { config, note } = guarded;
  const { present, blind } = await look({ ...guarded, facts: STREAM, withinMs: WITHIN_MS });
  for (const [spot, reason] of blind) note(`not checked (${reason}): ${UNWATCHED[spot]}`);
  const topicId = present.topicId ?? undefined;
  const { breaks, gaps } = (await compared(guarded, topicId, present)) ?? {
    breaks: judgeContinuity(undefined, new Map(), present),
    gaps: [],
  };
  const unaccepted = gaps.filter(({ acceptedAt }) => acceptedAt === null);
  if (breaks.length > 0) throw streamBroken({ breaks, gaps: unaccepted }, config);
  if (unaccepted.length > 0) throw gapOpen(unaccepted, config);
  return present;
}

/** Undefined where there is no ledger, or it cannot be asked. */
async function compared({ config, services, note }: Guarded, topicId: string | undefined, present: Present) {
  if (config.DATABASE_URL === undefined || topicId === undefined) return undefined;
  try {
    return await ifMigrated(() => checkContinuity(services.canonical(), { topicId, present }));
  } catch (error) {
    note(`not checked (${messageOf(error)}): ${UNWATCHED.ledger}`);
    return undefined;
  }
}
