import { checkContinuity } from '../continuity/identity-store.ts';
import { judgeContinuity, type Present } from '../continuity/judge.ts';
import type { Config, ConfigWith } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { Services } from '../facts/services.ts';
import { UNWATCHED } from '../watchdog/blind-spots.ts';
import { gapOpen, streamBroken } from '../watchdog/break-errors.ts';
import { look, type Eyes } from '../watchdog/look.ts';

const UNDEFINED_TABLE = '42P01';
/** It is looked at once, so the look is waited for. */
const WITHIN_MS = 60_000;

/**
 * Before a connector is told to go on: refuses where its slot is ahead of its stored offset, where what it stands on is
 * not what the projector has recorded, or where a gap is open that nobody has accepted. Once it goes on, the slot and the
 * offset look well again, and the rows in between are missing without a word. What cannot be asked is noted and passes.
 * Gives what it saw.
 */
export async function assertContinuous(
  config: ConfigWith<'CONNECT_URL'>,
  note: (line: string) => void,
  eyes?: Eyes,
): Promise<Present> {
  const services = new Services(config);
  try {
    const { present, blind } = await look(eyes ?? eyesOf(config, services), config, WITHIN_MS);
    for (const [spot, reason] of blind) note(`not checked (${reason}): ${UNWATCHED[spot]}`);
    const topicId = present.topicId ?? undefined;
    const { breaks, gaps } =
      (await compared({ config, services, note }, topicId, present)) ?? withoutLedger(present);
    const unaccepted = gaps.filter(({ acceptedAt }) => acceptedAt === null);
    if (breaks.length > 0) throw streamBroken(breaks, unaccepted);
    if (unaccepted.length > 0) throw gapOpen(unaccepted);
    return present;
  } finally {
    services.close();
  }
}

/** What cannot be opened is blind for its own reason. */
function eyesOf(config: Config, services: Services): Eyes {
  return {
    legacy: config.LEGACY_DATABASE_URL === undefined ? undefined : services.legacy(),
    connect: services.connect(),
    kafka: config.KAFKA_BROKERS === undefined ? undefined : services.kafka(),
  };
}

function withoutLedger(present: Present) {
  return { breaks: judgeContinuity(undefined, new Map(), present), gaps: [] };
}

interface Guarded {
  readonly config: Config;
  readonly services: Services;
  readonly note: (line: string) => void;
}

/** Undefined where there is no ledger, or it cannot be asked. */
async function compared({ config, services, note }: Guarded, topicId: string | undefined, present: Present) {
  if (config.DATABASE_URL === undefined || topicId === undefined) return undefined;
  try {
    return await checkContinuity(services.canonical(), { topicId, present });
  } catch (error) {
    // Before `migrate`, nothing was recorded.
    if (sqlState(error) !== UNDEFINED_TABLE) note(`not checked (${messageOf(error)}): ${UNWATCHED.ledger}`);
    return undefined;
  }
}
