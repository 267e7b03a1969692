import type { Pool } from '../../lib/postgres.ts';
import type { SourceStream } from '../reconcile/barrier.ts';
import type { SoakReport } from '../soak/soak.ts';
import type { Standing } from '../verification/standing.ts';

/** What the steps of the retirement need. The gate is a function, so that each step asks it anew. */
export interface RetireContext {
  readonly canonical: Pool;
  readonly legacy: Pool;
  readonly gate: () => Promise<SoakReport>;
  /** What an irreversible step may rest on. */
  readonly standing: () => Promise<Standing>;
  /** The slot and the topic through which everything goes. */
  readonly stream: SourceStream;
  /** For how long to wait until what was streamed is projected. */
  readonly settleSeconds: number;
  /** For how many days the table must have been fenced before the drop. */
  readonly fencedDays: number;
  /** `OWNER_DATABASE_URL`. */
  readonly ownerUrl: string | undefined;
  /** Name of the person who answers for the step. */
  readonly by: string;
  /** For how long the step waits for locks on the table. */
  readonly waitSeconds: number;
  readonly signal: AbortSignal;
  readonly note: (line: string) => void;
}
