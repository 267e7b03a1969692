import { FatalError } from '../../lib/errors.ts';
import type { Config } from '../../lib/config.ts';
import { strangerText, type GroupMembers } from '../../lib/kafka-group.ts';
import { answerOf } from '../facts/answer.ts';
import { readGroup } from '../facts/kafka.ts';
import { connectedProjectors } from '../undo/running-projectors.ts';
import type { Site } from './part.ts';

/** Who projects now, by the members of the consumer group and by the sessions of the canonical database. */
export interface Projectors {
  /** At least one of the two could be asked. */
  readonly known: boolean;
  readonly running: readonly string[];
}

export async function lookForProjectors({ services, config }: Site): Promise<Projectors> {
  const group = config.CONSUMER_GROUP;
  const members = await answerOf(async () => readGroup(await services.kafka(), group), 30_000);
  const sessions = await answerOf(() => connectedProjectors(services.canonical()));
  const running = [
    ...(members.known ? membersText(members.value, group) : []),
    ...(sessions.known ? sessions.value.map((name) => `a session of \`${name}\``) : []),
  ];
  return { known: members.known || sessions.known, running };
}

function membersText({ ours, strangers }: GroupMembers, group: string): readonly string[] {
  const who = [...(ours > 0 ? [`${String(ours)} projectors`] : []), ...strangers.map(strangerText)];
  return who.map((member) => `${member} in the consumer group ${group}`);
}

/** A projector that goes on would record a gap for each thing that is taken from under it. */
export function assertNoProjector({ known, running }: Projectors, config: Config): void {
  if (running.length > 0)
    throw new FatalError({
      code: 'PROJECTOR_RUNNING',
      message: `a projector is at work (${running.join(', ')}); nothing was removed`,
      wayOut: 'stop every `project` and `replay`, then run `history-cdc teardown` again',
    });
  if (!known)
    throw new FatalError({
      code: 'TEARDOWN_BLIND',
      message: `neither Kafka (group ${config.CONSUMER_GROUP}) nor the database of DATABASE_URL could be asked whether a projector is at work; nothing was removed`,
      wayOut: 'make one of the two answer: `history-cdc teardown` without --apply says why it does not',
    });
}

const TABLE = `
  SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE (n.nspname, c.relname) = ('public', 'agent_test_history')) AS there`;

/**
 * While the legacy table is there, its stream is in use or will be: the name has to be typed. The ledger wants its own name,
 * because nothing brings it back.
 */
export async function assertConfirmed(
  { services }: Site,
  { ledger, confirmed }: { readonly ledger: boolean; readonly confirmed: string | undefined },
): Promise<void> {
  const wanted = ledger
    ? 'history_cdc'
    : (await tableMayBeThere(services))
      ? 'agent_test_history'
      : undefined;
  if (wanted === undefined || confirmed === wanted) return;
  const what = ledger
    ? 'the ledger is the only evidence of every decision'
    : 'the table agent_test_history is still there, and would be streamed no more';
  throw new FatalError({
    code: 'NOT_CONFIRMED',
    message: `${what}; nothing was removed`,
    wayOut: `look at the dry run, and if that is what you want: history-cdc teardown --apply${ledger ? ' --ledger' : ''} --confirm ${wanted}`,
  });
}

async function tableMayBeThere(services: Site['services']): Promise<boolean> {
  const answer = await answerOf(() => services.legacy().query<{ there: boolean }>(TABLE));
  return !answer.known || answer.value.rows[0]?.there !== false;
}
