import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { BlindSpots, UNWATCHED } from '../../operations/watchdog/blind-spots.ts';
import type { BlindSpot } from '../../operations/watchdog/look.ts';
import { createMetrics, type Metrics } from '../../lib/metrics.ts';

let metrics: Metrics;
let lines: { level: number; msg: string; service: string; reason?: string }[];
let spots: BlindSpots;

beforeEach(() => {
  metrics = createMetrics();
  lines = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[0]) });
  spots = new BlindSpots(logger, metrics);
});

const show = (blind: Partial<Record<BlindSpot, string>>) => {
  spots.show(new Map(Object.entries(blind) as [BlindSpot, string][]));
};
const WARN = 40;
const INFO = 30;

test.each(['legacy', 'connect', 'kafka', 'ledger'] as const)(
  'that %s is blind is said once, with the reason and what is not watched, and once that it sees again',
  async (spot) => {
    const blindNow = async () => {
      const { values } = await metrics.watchdogBlind.get();
      return values.filter(({ value }) => value === 1).map(({ labels }) => labels.service);
    };
    for (const reason of ['refused', 'refused', 'no answer']) show({ [spot]: reason });
    expect(await blindNow()).toEqual([spot]);
    show({});
    show({});
    expect(await blindNow()).toEqual([]);
    show({ [spot]: 'again' });
    const unseen = `the watchdog cannot see: ${UNWATCHED[spot]}`;
    expect(lines).toMatchObject([
      { level: WARN, msg: unseen, service: spot, reason: 'refused' },
      { level: INFO, msg: 'the watchdog sees again', service: spot },
      { level: WARN, msg: unseen, service: spot, reason: 'again' },
    ]);
  },
);

test('where all is seen from the start nothing is said, and every metric is there', async () => {
  show({});
  expect(lines).toEqual([]);
  const { values } = await metrics.watchdogBlind.get();
  expect(values.map(({ labels, value }) => [labels.service, value])).toEqual([
    ['legacy', 0],
    ['connect', 0],
    ['kafka', 0],
    ['ledger', 0],
  ]);
});
