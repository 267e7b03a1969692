import { expect, test } from 'vitest';
import { ERRANDS, FAULTS, LOOKS, planStorm } from './schedule.ts';

const PLAN = { seed: 7, seconds: 600 };

test('the same seed gives the same schedule, and another seed another one', () => {
  expect(planStorm(PLAN)).toEqual(planStorm(PLAN));
  expect(planStorm({ ...PLAN, seed: 8 })).not.toEqual(planStorm(PLAN));
});

test('ten minutes have every kind, in order of time, and a lane does one thing at a time', () => {
  const planned = planStorm(PLAN);
  expect(new Set(planned.map(({ kind }) => kind))).toEqual(
    new Set<string>([...FAULTS, ...ERRANDS, ...LOOKS]),
  );
  expect(planned.map(({ atSeconds }) => atSeconds)).toEqual(
    planned.map(({ atSeconds }) => atSeconds).toSorted((one, other) => one - other),
  );
  for (const lane of ['fault', 'errand', 'look']) {
    const own = planned.filter((each) => each.lane === lane);
    for (const [n, { atSeconds, forSeconds }] of own.entries())
      expect(own[n + 1]?.atSeconds ?? PLAN.seconds).toBeGreaterThanOrEqual(
        n + 1 < own.length ? atSeconds + forSeconds : atSeconds,
      );
  }
});

test('a longer storm begins as a shorter one', () => {
  const short = planStorm({ ...PLAN, seconds: 60 });
  expect(short.length).toBeGreaterThan(3);
  expect(planStorm(PLAN).slice(0, short.length)).toEqual(short);
});
