import { describe, expect, test } from 'vitest';
import type { ConditionId } from '../../operations/soak/condition.ts';
import { CASES, CATALOG, PARKED, WRITE } from './broken.ts';
import { aliveStream, useSoaked } from './soaked.ts';

const soaked = useSoaked();

test('every condition holds, and the table may go now', async () => {
  const report = await soaked().look();
  expect(report.conditions.map(({ id, state }) => [id, state])).toEqual([
    ['canonical-live', 'met'],
    ['reading-canonical', 'attested'],
    ['parity', 'met'],
    ['quarantine', 'met'],
    ['no-owner-writes', 'met'],
    ['no-updates', 'met'],
    ['no-readers', 'met'],
    ['third-party-plan', 'attested'],
    ['archive', 'met'],
  ]);
  expect(report).toMatchObject({ allMet: true, stage: 'soaking', forecast: report.at, lowered: [] });
});

test.each(CASES)('%s: %s is %s, and nothing else', async (...[, id, state, sql]) => {
  await soaked().execute(sql);
  const { conditions, allMet } = await soaked().look();
  const others = { 'no-owner-writes': ['no-updates'] } as Partial<Record<ConditionId, string[]>>;
  const broken = conditions.filter((one) => one.state !== 'met' && one.state !== 'attested');
  // What says nothing of one kind of write may say nothing of the other.
  const alone = broken.filter((one) => one.id === id || others[id]?.includes(one.id) !== true);
  expect(alone.map((one) => [one.id, one.state])).toEqual([[id, state]]);
  expect(alone[0]?.missing).not.toBeNull();
  expect(allMet).toBe(false);
});

test('a parked record keeps two conditions', async () => {
  await soaked().execute(PARKED);
  const { conditions, incidents } = await soaked().look();
  const broken = conditions.filter(({ state }) => state === 'not_met');
  expect(broken.map(({ id }) => id)).toEqual(['canonical-live', 'quarantine']);
  expect(incidents.map(({ kind }) => kind)).toEqual(['quarantined_owner']);
});

describe('no-readers', () => {
  test.each(CATALOG)('a %s keeps the table, and is named', async (kind, create, drop) => {
    await soaked().execute(create);
    try {
      const { state, ids } = await soaked().condition('no-readers');
      expect([state, ids.map((name) => name.startsWith(`${kind} `)).includes(true)]).toEqual([
        'not_met',
        true,
      ]);
    } finally {
      await soaked().execute(`DROP ${drop}`);
    }
  });

  test('the foreign key of the table is named, and does not block', async () => {
    const { state, evidence } = await soaked().condition('no-readers');
    expect(state).toBe('met');
    expect(evidence).toContain('ON DELETE CASCADE');
  });
});

describe('blind', () => {
  const dead = { known: false as const, why: 'no answer' };

  test.each(['observed', 'dataTopic', 'projection', 'oldestSeconds'] as const)(
    'without %s nothing is quiet',
    async (name) => {
      const { conditions } = await soaked().look({ stream: { ...aliveStream(), [name]: dead } });
      const unknown = conditions.filter(({ state }) => state === 'unknown').map(({ id }) => id);
      expect(unknown).toEqual(['canonical-live', 'no-owner-writes', 'no-updates']);
    },
  );

  test.each([
    ['an hour old', -3_600_000],
    ['of the future', 3_600_000],
  ])('a heartbeat that is %s shows nothing', async (_, ms) => {
    const { conditions } = await soaked().look({ stream: aliveStream(new Date(Date.now() + ms)) });
    expect(conditions.filter(({ state }) => state === 'unknown').map(({ id }) => id)).toEqual([
      'canonical-live',
      'no-owner-writes',
      'no-updates',
    ]);
  });

  test('without the tables of verdicts, archives, writes and records, nothing of them is met', async () => {
    const tables = ['archive_event', 'reconcile_run', 'legacy_write', 'quarantine'];
    const rename = async (from: string, to: string) => {
      for (const table of tables)
        await soaked().execute(`ALTER TABLE history_cdc.${from}${table} RENAME TO ${to}${table}`);
    };
    await rename('', 'away_');
    const { conditions } = await soaked()
      .look()
      .finally(() => rename('away_', ''));
    expect(conditions.filter(({ state }) => state === 'unknown').map(({ id }) => id)).toEqual([
      'canonical-live',
      'parity',
      'quarantine',
      'no-owner-writes',
      'no-updates',
      'archive',
    ]);
  });
});

describe('a faster clock', () => {
  const days = { SOAK_LIVE_DAYS: 0, SOAK_QUIET_DAYS: 0, SOAK_READ_DAYS: 0 };

  test('lets the gate open, and is named', async () => {
    await soaked().execute(WRITE('owner_insert', '', '1 minute'));
    const report = await soaked().look({ days });
    expect(report.allMet).toBe(true);
    expect(report.lowered).toHaveLength(3);
    expect(report.days).toEqual({ live: 0, read: 0, quiet: 0 });
  });
});

test('the forecast is the last of the days; a person’s condition has none', async () => {
  await soaked().execute(WRITE('update', 'other', '2 days'));
  await soaked().execute(WRITE('owner_insert', '', '1 day'));
  const { conditions, forecast } = await soaked().look();
  expect(forecast).toEqual(conditions.find(({ id }) => id === 'no-owner-writes')?.metAt);
  await soaked().execute(PARKED);
  expect((await soaked().look()).forecast).toBeNull();
});
