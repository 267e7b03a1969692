import { advice, checksOf } from './check.ts';
import type { ClockFacts } from '../facts/clock.ts';
import { ok, warning, type Judgement } from './verdict.ts';

/** No decision rests on a clock; ages of heartbeats, late rows and verdicts do. */
const SKEW_SECONDS = 5;

export const CLOCK_CHECKS = checksOf('clock', {
  'clock-legacy': advice(
    "the legacy database's clock agrees with this machine's",
    ['legacyClock'],
    ({ legacyClock }) => judgeClock(legacyClock),
  ),
  'clock-canonical': advice(
    "the canonical database's clock agrees with this machine's",
    ['canonicalClock'],
    ({ canonicalClock }) => judgeClock(canonicalClock),
  ),
  'clock-connect': advice(
    "Kafka Connect's clock agrees with this machine's (records carry its time; a broker does not tell its own)",
    ['connectClock'],
    ({ connectClock }) => judgeClock(connectClock),
  ),
});

export function judgeClock({ aheadSeconds, unsureSeconds }: ClockFacts): Judgement {
  const size = Math.abs(aheadSeconds).toFixed(1);
  const found = `${size} s ${aheadSeconds < 0 ? 'behind' : 'ahead'} (± ${unsureSeconds.toFixed(1)} s)`;
  return Math.abs(aheadSeconds) - unsureSeconds <= SKEW_SECONDS
    ? ok(found)
    : warning(found, 'chronyc tracking  # on both machines: which of the two is wrong?');
}
