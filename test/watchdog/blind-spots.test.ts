import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { BlindSpots, UNWATCHED } from '../../operations/watchdog/blind-spots.ts';
import type { BlindSpot } from '../../operations/watchdog/look.ts';
import { createMetrics, type Metrics } from '../../lib/metrics.ts';

let metrics: Metrics;
let lines: { level: number; msg: string; blind: string; reason?: string }[];
let spots: BlindSpots;
let now = 0;
let connectIsSet = true;

beforeEach(() => {
  connectIsSet = true;
  metrics = createMetrics();
  lines = [];
  const logger = pino({}, { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[0]) });
  now = 0;
  const isConfigured = (spot: BlindSpot) => spot !== 'connect' || connectIsSet;
  spots = new BlindSpots({ logger, metrics, afterMs: 60_000, isConfigured, now: () => now });
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
      { level: WARN, msg: unseen, blind: spot, reason: 'refused' },
      { level: INFO, msg: 'the watchdog sees again', blind: spot },
      { level: WARN, msg: unseen, blind: spot, reason: 'again' },
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

const ready = () => spots.readiness().ready;

test.each(['legacy', 'connect', 'kafka', 'ledger'] as const)(
  'a projector that never saw %s is not ready, and is once it sees',
  (spot) => {
    show({ [spot]: 'refused' });
    expect(spots.readiness()).toMatchObject({
      ready: false,
      reason: expect.stringContaining('(refused)') as string,
    });
    expect(spots.unseen).toHaveLength(1);
    show({});
    expect(ready()).toBe(true);
    expect(spots.unseen).toEqual([]);
  },
);

test('what was seen before may be silent for a time, counted from its first silence', () => {
  show({});
  now = 1_000;
  show({ ledger: 'refused' });
  expect(spots.unseen).toHaveLength(1);
  now = 60_999;
  show({ ledger: 'no answer' });
  expect(ready()).toBe(true);
  now = 61_000;
  expect(ready()).toBe(false);
  show({});
  show({ ledger: 'again' });
  expect(ready()).toBe(true);
});

test('a service that the settings do not name makes nothing unready', () => {
  connectIsSet = false;
  show({ connect: 'CONNECT_URL is not set' });
  expect(ready()).toBe(true);
  expect(spots.unseen).toEqual([]);
});
