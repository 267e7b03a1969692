import type { Config } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { within } from '../../lib/within.ts';
import { AREAS, type Answer, type AreaName, type Earlier, type Facts } from './areas.ts';
import { Services } from './services.ts';

const WITHIN_MS = 10_000;

/** Opens what is asked, reads the areas, and closes it again. */
export async function gatherFacts(config: Config, wanted: ReadonlySet<AreaName>): Promise<Facts> {
  const services = new Services(config);
  try {
    return await readFacts(services, config, wanted);
  } finally {
    services.close();
  }
}

/** Reads the areas side by side. Each has its time: one that gives no answer is unknown, and nothing waits for it. */
export async function readFacts(
  services: Services,
  config: Config,
  wanted: ReadonlySet<AreaName>,
): Promise<Facts> {
  const asked = new Map<AreaName, Promise<Answer<unknown>>>();
  const answer = async (name: AreaName): Promise<Answer<unknown>> => {
    if (!wanted.has(name)) return { known: false, why: 'it was not asked' };
    const { ask, after, withinMs } = AREAS[name];
    if (after !== undefined) await answerTo(after);
    return await answerOf<unknown>(() => ask(services, config, answerTo as Earlier), withinMs);
  };
  const answerTo = (name: AreaName): Promise<Answer<unknown>> => {
    const known = asked.get(name) ?? answer(name);
    asked.set(name, known);
    return known;
  };
  const names = Object.keys(AREAS) as AreaName[];
  const answers = await Promise.all(names.map(async (name) => [name, await answerTo(name)] as const));
  return Object.fromEntries(answers) as unknown as Facts;
}

/** What a question came to, in its time; the first line of the error where it failed. */
export async function answerOf<T>(ask: () => Promise<T>, withinMs = WITHIN_MS): Promise<Answer<T>> {
  try {
    return { known: true, value: await within(withinMs, ask) };
  } catch (error) {
    return { known: false, why: firstLine(messageOf(error)) };
  }
}

function firstLine(text: string): string {
  const [line = ''] = text.split('\n');
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
