import type { Cast, PassingPlace, Run } from './run.ts';
import { strangersPlace, type Place } from './world.ts';

/** One thing that the application does, in a transaction of its own unless it says otherwise. */
export type Step =
  | {
      readonly do: 'write legacy' | 'write live' | 'fail live' | 'open live' | 'delete row';
      readonly run: Run;
    }
  /** Goes on when the ledger has a decision on the legacy row. */
  | { readonly do: 'await decision'; readonly run: Run }
  /** decided: not before the ledger has a decision on the legacy row. */
  | {
      readonly do: 'close live';
      readonly run: Run;
      readonly by: 'COMMIT' | 'ROLLBACK';
      readonly when: 'at once' | 'decided';
    }
  /** A heartbeat's canonical row, in every other respect like the run's. */
  | { readonly do: 'write heartbeat'; readonly run: Run }
  | { readonly do: 'create context'; readonly place: PassingPlace }
  /** In one transaction, with the deletion of the first context. */
  | { readonly do: 'merge context'; readonly from: Place; readonly into: Place }
  | { readonly do: 'delete context'; readonly place: Place }
  | { readonly do: 'opt out'; readonly place: Place };

export const legacy = (run: Run): Step => ({ do: 'write legacy', run });
export const live = (run: Run): Step => ({ do: 'write live', run });
export const dual = (run: Run): Step[] => [live(run), legacy(run)];
export const failed = (run: Run): Step[] => [{ do: 'fail live', run }, legacy(run)];
export const open = (run: Run): Step => ({ do: 'open live', run });
export const close = (run: Run, by: 'COMMIT' | 'ROLLBACK', when: 'at once' | 'decided'): Step => {
  return { do: 'close live', run, by, when };
};
export const late = (run: Run, when: 'at once' | 'decided' = 'decided'): Step[] => {
  return [open(run), legacy(run), close(run, 'COMMIT', when)];
};
export const stranger = (cast: Cast, run: Run): Run =>
  cast.again(run, { place: strangersPlace(run.place), standing: 'third_party' });
export const create = (place: PassingPlace): Step => ({ do: 'create context', place });
