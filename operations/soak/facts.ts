import type { Config } from '../../lib/config.ts';
import type { Pool } from '../../lib/postgres.ts';
import { answerOf, type Answer } from '../facts/answer.ts';
import { postgresClock } from '../facts/clock.ts';
import type { FactName } from '../facts/facts.ts';
import { gather } from '../facts/gather.ts';
import type { Services } from '../facts/services.ts';
import { recordRefusedWrites } from '../fence/refused-writes.ts';
import { lookAtStanding, type Standing } from '../verification/standing.ts';
import { readArchives, type ArchiveFacts } from './archives.ts';
import { readAttestations, type Attestation } from './attestations.ts';
import { readDependants, type Dependant } from './dependants.ts';
import { readIncidents, type Incident } from './incidents.ts';
import { readLegacyWrites, type LegacyWrites } from './legacy-writes.ts';
import { readLivePath, type LivePath } from './live-path.ts';
import { readParked, type ParkedFacts } from './quarantine.ts';
import { sampleReaders, type ReadingFacts } from './readers.ts';
import { recordIncidents, type Recorded } from './record-incidents.ts';
import { seenUntil, type StreamAnswers } from './seen-until.ts';
import { currentStage, type Stage } from './stages.ts';

/** What the conditions are judged by. Each is asked by itself: one that gives no answer leaves the others as they are. */
export interface SoakFacts {
  /** The clock of the canonical database, by which all days are counted. */
  readonly now: Answer<Date>;
  readonly stage: Answer<Stage>;
  /** Whether what the database shows by now is among the incidents. */
  readonly recorded: Answer<Recorded>;
  readonly incidents: Answer<readonly Incident[]>;
  readonly attestations: Answer<readonly Attestation[]>;
  readonly standing: Answer<Standing>;
  readonly parked: Answer<ParkedFacts>;
  readonly livePath: Answer<LivePath>;
  readonly writes: Answer<LegacyWrites>;
  /** Until when everything that was committed is known to be projected. */
  readonly seenUntil: Answer<Date>;
  readonly archives: Answer<ArchiveFacts>;
  readonly dependants: Answer<readonly Dependant[]>;
  readonly reading: Answer<ReadingFacts>;
}

const STREAM: readonly FactName[] = ['observed', 'dataTopic', 'projection', 'oldestSeconds'];
/** Some questions read a whole table. */
const LONG_MS = 120_000;

export interface Asking {
  /** Who asks, as the log of incidents names it. */
  readonly by?: string;
  /** What is known of the stream; unless told, Kafka is asked. */
  readonly stream?: () => Promise<StreamAnswers>;
  /** Days to judge by in place of the settings; for the demo. No command passes them, and the report names them. */
  readonly days?: Partial<SoakDays>;
}

/** The settings that say how long each clock runs. */
export type SoakDays = Pick<Config, 'SOAK_LIVE_DAYS' | 'SOAK_READ_DAYS' | 'SOAK_QUIET_DAYS'>;

export async function askSoakFacts(
  services: Services,
  config: Config,
  { by = 'soak', stream: askStream = () => gather({ services, config }, STREAM) }: Asking = {},
): Promise<SoakFacts> {
  const ask = <T>(question: (pool: Pool) => Promise<T>) =>
    answerOf(() => question(services.canonical()), LONG_MS);
  // The stream first: what is asked behind it is at least as new as the moment until which the stream is seen.
  const began = await ask(postgresClock);
  const stream = await askStream();
  const recorded = await ask(async (canonical) => {
    await recordRefusedWrites(canonical, services.legacy());
    return await recordIncidents(canonical, config, by);
  });
  const [incidents, attestations, standing, parked, livePath, writes, archives, stage] = await Promise.all([
    ask(readIncidents),
    ask(readAttestations),
    ask(lookAtStanding),
    ask(readParked),
    ask(readLivePath),
    ask(readLegacyWrites),
    ask(readArchives),
    ask(currentStage),
  ]);
  const [dependants, reading] = await Promise.all([
    answerOf(() => readDependants(services.legacy(), config), LONG_MS),
    answerOf(() => sampleReaders(services, config), LONG_MS),
  ]);
  const now = await ask(postgresClock);
  return {
    ...{ now, stage, recorded, incidents, attestations, standing, parked, livePath, writes, archives },
    ...{ dependants, reading, seenUntil: seenUntil(began, stream) },
  };
}
