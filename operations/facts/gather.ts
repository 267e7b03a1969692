import type { Config } from '../../lib/config.ts';
import { answerOf, type Answer } from './answer.ts';
import { FACTS, type Answers, type Earlier, type FactName } from './facts.ts';
import type { Services } from './services.ts';

interface GatherOptions {
  /** The most that a fact is given, where the table of facts says nothing else. */
  readonly withinMs?: number;
  /** How some facts are answered in place of asking: dear ones rest between two looks. */
  readonly instead?: (name: FactName, ask: () => Promise<unknown>) => Promise<Answer<unknown>> | undefined;
}

/**
 * Asks the facts side by side, each at most once. Each has its time: one that gives no answer is unknown, and nothing
 * waits for it. What is not wanted is unknown, too.
 */
export async function gather(
  { services, config }: { readonly services: Services; readonly config: Config },
  wanted: Iterable<FactName>,
  { withinMs, instead }: GatherOptions = {},
): Promise<Answers> {
  const names = new Set(wanted);
  const asked = new Map<FactName, Promise<Answer<unknown>>>();
  const answer = async (name: FactName): Promise<Answer<unknown>> => {
    if (!names.has(name)) return { known: false, why: 'it was not asked' };
    const { ask, after, withinMs: longer } = FACTS[name];
    if (after !== undefined) await answerTo(after);
    const question = (): Promise<unknown> => ask(services, config, answerTo as Earlier);
    return await (instead?.(name, question) ?? answerOf<unknown>(question, longer ?? withinMs));
  };
  const answerTo = (name: FactName): Promise<Answer<unknown>> => {
    const answered = asked.get(name) ?? answer(name);
    asked.set(name, answered);
    return answered;
  };
  const all = Object.keys(FACTS) as FactName[];
  const answers = await Promise.all(all.map(async (name) => [name, await answerTo(name)] as const));
  return Object.fromEntries(answers) as unknown as Answers;
}
