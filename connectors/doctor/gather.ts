import type { Config } from '../../consumers/lib/config.ts';
import { messageOf } from '../../consumers/lib/errors.ts';
import { within } from '../../consumers/lib/within.ts';
import { AREAS, type Answer, type AreaFacts, type AreaName, type Facts } from './areas.ts';
import { Services } from './services.ts';

const WITHIN_MS = 10_000;

/** Reads the areas side by side. Each has its time: one that gives no answer is unknown, and nothing waits for it. */
export async function gatherFacts(config: Config, wanted: ReadonlySet<AreaName>): Promise<Facts> {
  const services = new Services(config);
  try {
    const names = Object.keys(AREAS) as AreaName[];
    const answers = await Promise.all(
      names.map(async (name) => [name, await answerOf({ name, wanted, services, config })] as const),
    );
    return Object.fromEntries(answers) as unknown as Facts;
  } finally {
    services.close();
  }
}

interface Question<A extends AreaName> {
  readonly name: A;
  readonly wanted: ReadonlySet<AreaName>;
  readonly services: Services;
  readonly config: Config;
}

async function answerOf<A extends AreaName>(question: Question<A>): Promise<Answer<AreaFacts[A]>> {
  const { name, wanted, services, config } = question;
  if (!wanted.has(name)) return { known: false, why: 'it was not asked' };
  const { ask, withinMs = WITHIN_MS } = AREAS[name];
  try {
    const value = await within(withinMs, () => ask(services, config));
    return { known: true, value };
  } catch (error) {
    return { known: false, why: firstLine(messageOf(error)) };
  }
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n');
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
