import { expect, test } from 'vitest';
import { createMetrics } from '../../lib/metrics.ts';
import { known, type Answer } from '../../operations/facts/answer.ts';
import type { ConnectorFacts } from '../../operations/facts/connect.ts';
import { forgetGauges, showGauges, type GaugeAnswers } from '../../operations/gauges/show.ts';
import type { SoakLook } from '../../operations/gauges/soak-look.ts';
import { decided, gathered, verdict } from '../doctor/healthy.ts';
import { patched, type Patch } from '../doctor/patched.ts';
import { prometheusIfAny, promtool } from '../support/promtool.ts';

const programs = await prometheusIfAny();
const silent: Answer<never> = { known: false, why: 'no answer' };
const AT = new Date('2026-11-30T03:00:00Z');

const soakLook = (secondsAgo = 10): SoakLook => ({
  stage: 'soaking',
  look: { at: AT, secondsAgo, conditions: { parity: 'met', archive: 'unknown' } },
  incidents: [
    {
      ...{ id: '1', kind: 'straggler', subject: 's', beganAt: AT, seenAt: AT, endedAt: null, endedBy: null },
      ...{ explainedAt: null, explainedBy: null, reason: null, ids: [], detail: '' },
    },
  ],
});

function answers(patch: Patch = {}, unknown: Partial<Record<string, string>> = {}): GaugeAnswers {
  return {
    ...gathered(patched(patch), unknown),
    lag: known(
      new Map([
        [0, 0],
        [1, 75],
      ]),
    ),
    soak: known(soakLook()),
  };
}

async function shown(...looks: GaugeAnswers[]): Promise<string[]> {
  const metrics = createMetrics();
  for (const look of looks) showGauges(metrics, look, () => true);
  return (await metrics.scrape()).split('\n').filter((line) => line.startsWith('history_cdc_'));
}

test('the facts are shown by value', async () => {
  const lines = await shown(
    answers({
      decisions: [
        { ...decided('projected', 70), stragglers: 2, blocked: 1 },
        { ...decided('third_party', 30), stragglers: 0 },
      ],
      verdicts: { last: verdict({ verdict: 'wrong', stale: 'old' }), before: [] },
    }),
  );
  for (const line of [
    'history_cdc_lag_seconds{partition="0"} 0',
    'history_cdc_lag_seconds{partition="1"} 75',
    'history_cdc_connector_state{state="running"} 1',
    'history_cdc_slot_state{state="active"} 1',
    'history_cdc_slot_retained_wal_bytes 1000',
    'history_cdc_slot_wal_room_bytes 53687091200',
    'history_cdc_slot_wal_limit_bytes 53687091200',
    'history_cdc_slot_runway_seconds 51200',
    'history_cdc_ledger_rows{decision="projected"} 70',
    'history_cdc_stragglers 2',
    'history_cdc_twins_blocked 1',
    'history_cdc_verdict{verdict="wrong"} 1',
    'history_cdc_verdict{verdict="proven"} 0',
    'history_cdc_verdict_stale 1',
    'history_cdc_retirement_stage{stage="soaking"} 1',
    'history_cdc_soak_condition_met{condition="archive"} 0',
    'history_cdc_soak_condition{condition="archive",state="unknown"} 1',
    'history_cdc_soak_condition{condition="archive",state="met"} 0',
    'history_cdc_incidents{kind="straggler",state="stops"} 1',
    'history_cdc_soak_look_timestamp_seconds 1796007600',
    'history_cdc_fact_known{fact="slot"} 1',
  ])
    expect(lines).toContain(line);
});

test.each([
  ['slot', /slot_/],
  ['server', /slot_/],
  ['connector', /connector_state/],
  ['decisions', /ledger_rows|stragglers|twins_blocked/],
  ['verdicts', /verdict/],
] as const)('once %s is not known, its metrics are gone, and that is said', async (fact, names) => {
  const lines = await shown(answers(), answers({}, { [fact]: 'no answer' }));
  expect(lines.filter((line) => names.test(line.split('{')[0] ?? ''))).toEqual([]);
  expect(lines).toContain(`history_cdc_fact_known{fact="${fact === 'server' ? 'slot' : fact}"} 0`);
});

test('lag and soak that are not known are gone; conditions of an old look too, and its incidents stay', async () => {
  const lines = await shown(answers(), { ...answers(), lag: silent, soak: silent });
  expect(lines.filter((line) => /lag_seconds|soak_|incidents|retirement/.test(line))).toEqual([]);
  expect(lines).toContain('history_cdc_fact_known{fact="lag"} 0');
  expect(lines).toContain('history_cdc_fact_known{fact="soak"} 0');
  const old = await shown(answers(), { ...answers(), soak: known(soakLook(2_000)) });
  expect(old.filter((line) => line.includes('soak_condition'))).toEqual([]);
  expect(old).toContain('history_cdc_incidents{kind="straggler",state="stops"} 1');
});

const status = (connector: string, ...tasks: string[]) =>
  ({
    config: {},
    status: { connector: { state: connector }, tasks: tasks.map((state, id) => ({ id, state })) },
  }) as unknown as ConnectorFacts;

test.each([
  ['running', status('RUNNING', 'RUNNING')],
  ['failed', status('RUNNING', 'FAILED')],
  ['failed', status('STOPPED', 'FAILED')],
  ['stopped', status('STOPPED')],
  ['paused', status('PAUSED', 'PAUSED')],
  ['no_task', status('RUNNING')],
  ['unassigned', status('RUNNING', 'UNASSIGNED')],
  ['unassigned', { config: {}, status: undefined }],
  ['missing', { config: undefined, status: undefined }],
] as const)('the connector is %s by the worst of its parts', async (state, connector) => {
  const lines = await shown({ ...answers(), connector: known(connector) });
  const set = lines.filter((line) => /connector_state\{.*\} 1/.test(line));
  expect(set).toEqual([`history_cdc_connector_state{state="${state}"} 1`]);
});

test.each([
  ['missing', { slot: null }],
  ['inactive', { slot: { active: false } }],
  ['lost', { slot: { active: false, walStatus: 'lost' } }],
  ['lost', { slot: { active: true, invalidated: 'wal_removed' } }],
] as const)('the slot is %s', async (state, patch) => {
  const lines = await shown(answers(patch));
  const set = lines.filter((line) => /slot_state\{.*\} 1/.test(line));
  expect(set).toEqual([`history_cdc_slot_state{state="${state}"} 1`]);
});

test('a server without a limit has neither limit nor room', async () => {
  const lines = await shown(answers(), answers({ server: { capMegabytes: -1 }, slot: { bytesLeft: null } }));
  expect(lines.filter((line) => /slot_(wal_(room|limit)|runway)/.test(line))).toEqual([]);
  expect(lines).toContain('history_cdc_slot_retained_wal_bytes 1000');
});

test('where nobody looks any more, nothing is shown but that', async () => {
  const metrics = createMetrics();
  showGauges(metrics, answers(), () => true);
  forgetGauges(metrics, () => true);
  const lines = (await metrics.scrape()).split('\n').filter((line) => line.startsWith('history_cdc_'));
  const left = lines.filter((line) => /slot|verdict|lag_s|ledger_rows|soak|fact_known|_rows\{/.test(line));
  expect(new Set(left.map((line) => line.replace(/\{.*\}/, '')))).toEqual(
    new Set(['history_cdc_fact_known 0']),
  );
});

test.skipIf(programs === undefined)('promtool finds nothing wrong with the names and units', async () => {
  const metrics = createMetrics(() => Promise.resolve({ open: 1, waived: 0 }));
  showGauges(metrics, answers(), () => true);
  metrics.decisions.inc({ decision: 'projected' });
  metrics.batchSeconds.observe(1);
  if (programs === undefined) throw new Error('skipped');
  const checked = promtool(programs, ['check', 'metrics'], await metrics.scrape());
  expect(checked).toEqual({ code: 0, output: '' });
});
