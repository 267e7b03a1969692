import type { Image, LiveScript, Operation, RowScript, RowStep } from '../history.ts';

/**
 * An interleaving that has a name. `order` is what happens, in order: a step of a script by its label; an actor by its
 * name, which goes on until it waits for something; or `actor > text`, which stops it before a statement with that text.
 * Afterwards everything else happens, one thing after the other; the end is one more sweep.
 */
export interface Example {
  readonly name: string;
  readonly rows: readonly RowScript[];
  readonly lives?: readonly LiveScript[];
  readonly operations?: readonly Operation[];
  readonly optedOut?: boolean;
  readonly isFloorClosed?: boolean;
  readonly order: readonly string[];
  /** What stands for each legacy row at the end: `live n`, `own`, or a decision without a canonical row. */
  readonly ends: readonly string[];
  /** What must have happened on the way, at least so often. */
  readonly happened?: Readonly<Record<string, number>>;
}

const IMAGE: Image = { agent: 0, user: 'owner', time: 0, look: 0, profile: 0, steps: 1 };
/** Times are places in TIMES: 0 s, 60 s, 119.999999 s, 120 s, 120.000001 s, 240 s. */
export const row = (image: Partial<Image> = {}, ...steps: RowStep[]): RowScript => ({
  image: { ...IMAGE, ...image },
  partition: 0,
  isStreamed: true,
  steps,
});
export const otherPartition = (script: RowScript): RowScript => ({ ...script, partition: 1 });
export const unstreamed = (script: RowScript): RowScript => ({ ...script, isStreamed: false });
export const live = (values: Partial<LiveScript> = {}): LiveScript => ({
  ...{ agent: 0, time: 0, look: 0, profile: 0, organization: 'none', end: 'commit', isPruned: false },
  ...values,
});
export const update = (values: Partial<Image>, leavesOut = false): RowStep => ({
  step: 'update',
  values,
  leavesOut,
});

export const LIVE = ['live 0: begin', 'live 0: commit'];
export const OTHER_LIVE = ['live 1: begin', 'live 1: commit'];
export const sent = (index: number) => [`row ${String(index)}: insert`, 'send'];
export const WRITES = 'Records decisions';
export const LOCKS = 'pg_advisory_xact_lock';
