import { check } from './check.ts';
import type { ClockFacts } from '../facts/clock.ts';
import { ok, warning, type Judgement } from './verdict.ts';

/** No decision rests on a clock; ages of heartbeats, late rows and verdicts do. */
const SKEW_SECONDS = 5;

export const CLOCK_CHECKS = [
  check({
    id: 'clock-legacy',
    group: 'clock',
    severity: 'warning',
    title: "the legacy database's clock agrees with this machine's",
    needs: ['legacyClock'],
    judge: ({ legacyClock }) => judgeClock(legacyClock),
  }),
  check({
    id: 'clock-canonical',
    group: 'clock',
    severity: 'warning',
    title: "the canonical database's clock agrees with this machine's",
    needs: ['canonicalClock'],
    judge: ({ canonicalClock }) => judgeClock(canonicalClock),
  }),
  check({
    id: 'clock-connect',
    group: 'clock',
    severity: 'warning',
    title:
      "Kafka Connect's clock agrees with this machine's (records carry its time; a broker does not tell its own)",
    needs: ['connectClock'],
    judge: ({ connectClock }) => judgeClock(connectClock),
  }),
];

export function judgeClock({ aheadSeconds, unsureSeconds }: ClockFacts): Judgement {
  const size = Math.abs(aheadSeconds).toFixed(1);
  const found = `${size} s ${aheadSeconds < 0 ? 'behind' : 'ahead'} (± ${unsureSeconds.toFixed(1)} s)`;
  return Math.abs(aheadSeconds) - unsureSeconds <= SKEW_SECONDS
    ? ok(found)
    : warning(found, 'chronyc tracking  # on both machines: which of the two is wrong?');
}
