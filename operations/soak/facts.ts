import type { Pool } from '../../lib/postgres.ts';
import { answerOf, type Answer } from '../facts/answer.ts';
import { postgresClock } from '../facts/clock.ts';
import { readVerdicts, type VerdictFacts } from '../facts/ledger.ts';
import type { Services } from '../facts/services.ts';
import { readAttestations, type Attestation } from './attestations.ts';
import { readIncidents, type Incident } from './incidents.ts';
import { currentStage, type Stage } from './stages.ts';

/** What the conditions are judged by. Each is asked by itself: one that gives no answer leaves the others as they are. */
export interface SoakFacts {
  /** The clock of the canonical database, by which all days are counted. */
  readonly now: Answer<Date>;
  readonly stage: Answer<Stage>;
  readonly incidents: Answer<readonly Incident[]>;
  readonly attestations: Answer<readonly Attestation[]>;
  readonly verdicts: Answer<VerdictFacts | undefined>;
}

export async function askSoakFacts(services: Services): Promise<SoakFacts> {
  const ask = <T>(question: (pool: Pool) => Promise<T>) => answerOf(() => question(services.canonical()));
  const [now, stage, incidents, attestations, verdicts] = await Promise.all([
    ask(postgresClock),
    ask(currentStage),
    ask(readIncidents),
    ask(readAttestations),
    ask(readVerdicts),
  ]);
  return { now, stage, incidents, attestations, verdicts };
}
