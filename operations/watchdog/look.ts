import type { Config } from '../../lib/config.ts';
import { presentOf, STREAM_RESTS_ON } from '../checks/continuity.ts';
import { failureOf } from '../checks/liveness.ts';
import type { Present } from '../continuity/judge.ts';
import { valueOf } from '../facts/answer.ts';
import { FACTS, type Answers, type FactName } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import type { Services } from '../facts/services.ts';

export type BlindSpot = 'legacy' | 'connect' | 'kafka' | 'ledger';

const SERVICE = {
  LEGACY_DATABASE_URL: 'legacy',
  CONNECT_URL: 'connect',
  KAFKA_BROKERS: 'kafka',
  DATABASE_URL: 'ledger',
} as const;

/** The setting that names each service. */
export const SETTING_OF = {
  legacy: 'LEGACY_DATABASE_URL',
  connect: 'CONNECT_URL',
  kafka: 'KAFKA_BROKERS',
  ledger: 'DATABASE_URL',
} as const satisfies Readonly<Record<BlindSpot, keyof Config>>;

export interface Failure {
  readonly what: string;
  readonly trace: string;
}

/** What one look has seen. A fact that could not be asked for is missing, and does not count as a break. */
export interface Look {
  readonly present: Present;
  readonly answers: Pick<Answers, 'dataTopic' | 'beats' | 'writes'>;
  /** The failed part of the connector; null if nothing has failed, undefined if it is not known. */
  readonly failure: Failure | null | undefined;
  /** Why a service gives no answer. */
  readonly blind: ReadonlyMap<BlindSpot, string>;
}

/** What must be seen before the stream goes on. */
export const STREAM: readonly FactName[] = [...STREAM_RESTS_ON, 'writes'];
/** What a watch sees in addition: whether the stream moves, and the state of the connector's task. */
export const WATCHED: readonly FactName[] = [...STREAM, 'connector', 'beats'];
/** If a service does not answer within this time, the next look asks it again. */
const WITHIN_MS = 5_000;

interface Looking {
  readonly services: Services;
  readonly config: Config;
  readonly facts: readonly FactName[];
  readonly withinMs?: number;
}

/** Asks all services at the same time, each with its own time limit. */
export async function look({ services, config, facts, withinMs = WITHIN_MS }: Looking): Promise<Look> {
  const answers = await gather({ services, config }, facts, { withinMs });
  const blind = new Map<BlindSpot, string>();
  for (const name of facts) {
    const answer = answers[name];
    const setting = FACTS[name].needs[0] as keyof typeof SERVICE | undefined;
    if (!answer.known && setting !== undefined) blind.set(SERVICE[setting], answer.why);
  }
  return { present: presentOf(answers), answers, failure: failureIn(answers), blind };
}

function failureIn({ connector }: Pick<Answers, 'connector'>): Failure | null | undefined {
  if (!connector.known) return undefined;
  const status = valueOf(connector)?.status;
  return (status === undefined ? undefined : failureOf(status)) ?? null;
}
