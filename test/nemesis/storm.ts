import { setTimeout } from 'node:timers/promises';
import { messageOf } from '../../lib/errors.ts';
import { ERRAND, type ErrandOptions } from './errands.ts';
import { INJECT, type Victims } from './faults.ts';
import type { Journal } from './journal.ts';
import { LOOK, type LooksOptions } from './looks.ts';
import { ERRANDS, FAULTS, LOOKS, type Planned } from './schedule.ts';

export interface StormOptions {
  readonly schedule: readonly Planned[];
  /** How long the storm lasts. What is not begun by then is left out. */
  readonly seconds: number;
  readonly victims: Victims;
  readonly errands: ErrandOptions;
  readonly journal: Journal;
  readonly looks: LooksOptions;
  readonly signal: AbortSignal;
}

/** Does what the schedule says, each lane one thing after the other, and returns when all is done. */
export async function storm(options: StormOptions): Promise<void> {
  const lanes = new Set(options.schedule.map(({ lane }) => lane));
  await Promise.all(
    [...lanes].map((lane) =>
      followLane(
        options,
        options.schedule.filter((planned) => planned.lane === lane),
      ),
    ),
  );
}

async function followLane(options: StormOptions, lane: readonly Planned[]): Promise<void> {
  const { journal, signal } = options;
  for (const [nth, planned] of lane.entries()) {
    // On a slow machine things take longer than planned. The storm ends in time all the same.
    if (journal.seconds > options.seconds) return;
    await setTimeout(Math.max(0, planned.atSeconds - journal.seconds) * 1000, undefined, { signal });
    const began = journal.seconds;
    try {
      journal.did(planned, began, await act(options, planned, nth));
    } catch (error) {
      signal.throwIfAborted();
      journal.failed(`could not do: ${planned.kind}`, { why: messageOf(error) });
    }
  }
}

async function act(options: StormOptions, { kind, forSeconds }: Planned, nth: number) {
  const fault = FAULTS.find((each) => each === kind);
  if (fault !== undefined) return await INJECT[fault](options.victims, forSeconds, nth);
  const look = LOOKS.find((each) => each === kind);
  if (look !== undefined) return await LOOK[look](options.looks);
  const errand = ERRANDS.find((each) => each === kind);
  if (errand === undefined) throw new Error(`nobody knows how to do ${kind}`);
  return await ERRAND[errand](options.errands);
}
