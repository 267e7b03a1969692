import { assertMigrated } from '../consumers/agent-test-history/schema/migrate.ts';
import type { Config } from '../lib/config.ts';
import { FatalError } from '../lib/errors.ts';
import { assertReachable } from '../lib/postgres.ts';
import { withServices } from '../operations/facts/services.ts';
import { readTopicEnds } from '../operations/reconcile/topic-ends.ts';
import type { RetireContext } from '../operations/retire/context.ts';
import { lookAtSoak } from '../operations/soak/soak.ts';
import { lookAtStanding } from '../operations/verification/standing.ts';
import type { CommandContext } from './context.ts';

export interface StepOptions {
  readonly by?: string;
  readonly apply?: boolean;
  readonly waitSeconds?: number;
  readonly settleSeconds?: number;
  readonly json?: true;
}

/** Connects what the steps of the retirement need. A step that changes something wants the name of the person. */
export async function withRetirement<T>(
  context: CommandContext,
  {
    command,
    by,
    apply = false,
    waitSeconds = 0,
    settleSeconds = 0,
  }: StepOptions & { readonly command: string },
  work: (retirement: RetireContext, config: Config) => Promise<T>,
): Promise<T> {
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
  if (apply && by === undefined) throw nameMissing(command);
  return await withServices(config, { name: `history-cdc ${command}`, bounds: 'work' }, async (services) => {
    const [canonical, legacy] = [services.canonical(), services.legacy()];
    await assertReachable(canonical, 'DATABASE_URL');
    await assertReachable(legacy, 'LEGACY_DATABASE_URL');
    await assertMigrated(canonical);
    const retirement: RetireContext = {
      canonical,
      legacy,
      gate: () => lookAtSoak(services, config),
      standing: () => lookAtStanding(canonical),
      stream: { legacy, slot: config.SLOT_NAME, topicEnds: () => readTopicEnds(config) },
      settleSeconds,
      fencedDays: config.RETIRE_FENCED_DAYS,
      ownerUrl: config.OWNER_DATABASE_URL,
      by: by ?? '',
      waitSeconds,
      signal: context.surroundings.stopSignal(),
      note: context.note,
    };
    return await work(retirement, config);
  });
}

function nameMissing(command: string): FatalError {
  return new FatalError({
    code: 'USAGE',
    message: `\`${command} --apply\` needs --by: the name of the person who answers for it`,
    wayOut: `history-cdc ${command} --apply --by "the data owner"`,
  });
}
