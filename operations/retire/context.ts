import type { Pool } from '../../lib/postgres.ts';
import type { SoakReport } from '../soak/soak.ts';
import type { Standing } from '../verification/standing.ts';

/** What the steps of the retirement need. The gate is a function, so that each step asks it anew. */
export interface RetireContext {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly gate: () => Promise<SoakReport>;
  /** What an irreversible step may rest on. */
  readonly standing: () => Promise<Standing>;
  /** `OWNER_DATABASE_URL`. */
  readonly ownerUrl: string | undefined;
  /** Name of the person who answers for the step. */
  readonly by: string;
  /** For how long the step waits for locks on the table. */
  readonly waitSeconds: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}
