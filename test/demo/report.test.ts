import { v5 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { checkOf, nameBasedUuid } from '../../demo/check.ts';
import { environmentWithoutSettings } from '../../demo/local-stack.ts';
import { drawScreen } from '../../lib/screen.ts';
import { addsUp, renderFound, renderReport, type DemoFacts } from '../../demo/report.ts';

const sound = { id: 'sound', claim: 'all is there', expected: '20000', found: '20000', lookedAt: 20_000 };

describe('a check', () => {
  test.each([
    { facts: sound, passed: true, text: '20,000 of 20,000' },
    { facts: { ...sound, found: '19999' }, passed: false, text: '19,999 of 20,000' },
    { facts: { ...sound, expected: '0', found: '0' }, passed: true, text: 'none of 20,000' },
    { facts: { ...sound, expected: '0', found: '3' }, passed: false, text: '3 of 20,000' },
    {
      facts: { ...sound, expected: '0', found: '0', lookedAt: 0 },
      passed: false,
      text: 'nothing to look at',
    },
    { facts: { ...sound, expected: '9 rows ab', found: '9 rows ab' }, passed: true, text: '9 rows ab' },
    {
      facts: { ...sound, expected: '9 rows ab', found: '9 rows cd' },
      passed: false,
      text: '9 rows cd, not 9 rows ab',
    },
  ])('$facts.found where $facts.expected must be, of $facts.lookedAt', ({ facts, passed, text }) => {
    const check = checkOf(facts);
    expect(check.passed).toBe(passed);
    expect(renderFound(check)).toBe(text);
  });
});

const facts: DemoFacts = {
  plan: { rows: 20_000, seed: 1, organisations: 500 },
  machine: { cores: 2, memoryGiB: 8 },
  phases: [
    { name: 'start', seconds: 12.34 },
    { name: 'project', seconds: 1.5 },
  ],
  snapshot: { rows: 20_000, connectorSeconds: 2, projectorSeconds: 0 },
  writer: {
    meanwhile: { runs: 500, seconds: 20 },
    stream: { runs: 2_000, seconds: 10, touched: { 'context deleted': 190 } },
  },
  window: {
    firstLiveAt: '2025-12-18T00:03:59.001Z',
    lastLiveAt: '2026-01-01T09:30:00.000Z',
    figures: {
      twin: { found: 1_700, written: 1_700 },
      late: { found: 29, written: 30 },
      'old pod': { found: 12, written: 12 },
      'failed live write': { found: 90, written: 90 },
      alone: { found: 400, written: 400 },
      weak: { found: 4, written: 4 },
    },
  },
  latency: { rows: 1_990, p50: 9.04, p95: 20, p99: 31.25, max: 80 },
  decisions: [
    { decision: 'projected', rows: 15_000 },
    { decision: 'anonymous', rows: 7_128 },
  ],
  rowsWritten: 22_128,
  quarantine: { open: 0, waived: 1_200 },
  checks: [checkOf(sound)],
  retirement: {
    gate: [{ id: 'no-updates', state: 'not_met', missing: '6 days' }],
    archive: { target: 's3://archive', rows: 22_080 },
    evidenceFile: 'evidence.json',
  },
  addresses: {},
};

function lineWith(report: string, text: string): string | undefined {
  return report
    .split('\n')
    .find((line) => line.includes(text))
    ?.replaceAll(/ +/g, ' ');
}

describe('the report', () => {
  test('shows decisions and the accounting identity, rates, latency and the whole time', () => {
    const report = drawScreen(renderReport(facts));
    expect(lineWith(report, 'projected')).toContain('15,000 an owner');
    expect(lineWith(report, ' sum ')).toContain('22,128 = 22,128 legacy rows ever written');
    expect(lineWith(report, 'in quarantine')).toContain('in quarantine: open 0, waived 1,200');
    expect(lineWith(report, 'table to Kafka')).toContain('10,000 rows/s');
    expect(lineWith(report, 'Kafka to decision')).toContain('too short to tell');
    expect(lineWith(report, 'latency p50')).toContain('9.0 ms commit to visible, 1,990 rows at 200 a second');
    expect(lineWith(report, '  all  ')).toContain('13.8 s');
    expect(report.split('\n').at(-1)).toBe('It adds up: 1 of 1 checks passed over 22,128 legacy rows.');
  });

  test('shows the cutover window, each figure beside what was written', () => {
    const report = drawScreen(renderReport(facts));
    expect(report).toContain('live rows from 2025-12-18 00:03 UTC to 2026-01-01 09:30 UTC');
    expect(lineWith(report, 'twins')).toContain('twins 1,700 1,700 runs that both sides recorded');
    expect(lineWith(report, 'late live rows')).toContain('late live rows 29 30 ≠ came after');
    expect(lineWith(report, '25 a second')).toContain(
      '500 runs recorded while connector and projector came up',
    );
  });

  test('says what does not add up', () => {
    const broken = {
      ...facts,
      rowsWritten: 22_129,
      checks: [...facts.checks, checkOf({ ...sound, id: 'lost', expected: '0', found: '1' })],
    };
    expect(addsUp(broken)).toBe(false);
    const report = drawScreen(renderReport(broken));
    expect(lineWith(report, ' sum ')).toContain('22,128 ≠ 22,129');
    expect(lineWith(report, 'NO')).toContain('NO lost 1 of 20,000');
    expect(report.split('\n').at(-1)).toBe('IT DOES NOT ADD UP: 1 of 2 checks failed: lost');
  });

  test('without a single check, nothing adds up', () => {
    expect(addsUp({ checks: [] })).toBe(false);
  });
});

test('the second implementation of UUIDv5 agrees with the first', () => {
  const namespace = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
  expect(nameBasedUuid(namespace, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
  for (const name of ['', 'ü', '5c0d4a5e-8f5b-4b0e-9c3a-7d1f6f2b9e44'])
    expect(nameBasedUuid(namespace, name)).toBe(v5(name, namespace));
});

test('a database of somebody else in the environment is out of reach of the demo', () => {
  const given = {
    PATH: '/bin',
    DATABASE_URL: 'postgres://production',
    KAFKA_BROKERS: 'k:1',
    HTTP_PORT: '9464',
  };
  expect(environmentWithoutSettings(given, 'demo')).toEqual({
    PATH: '/bin',
    HISTORY_CDC_STACK: 'demo',
    HTTP_PORT: '0',
  });
});
