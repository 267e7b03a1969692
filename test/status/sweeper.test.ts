import { describe, expect, test } from 'vitest';
import { reportOf } from '../../operations/status/report.ts';
import { CONFIG, doneSweep, failedSweep } from '../doctor/healthy.ts';
import type { Patch } from '../doctor/patched.ts';
import { looked } from './facts.ts';

const report = (facts: Patch) => reportOf(looked({ facts }), CONFIG);

describe('the sweeper is well where', () => {
  const due = { unsettled: 3, due: 1, overdue: 0 };
  test.each<[string, Patch]>([
    ['nothing waits for it', { sweeps: { done: doneSweep(86_400) } }],
    ['it has time left', { twins: due, sweeps: { done: doneSweep(120) } }],
    [
      'one that takes long rests long',
      { twins: due, sweeps: { done: { ...doneSweep(2_000), seconds: 60 } } },
    ],
    ['none has ended yet', { twins: due, sweeps: { done: null } }],
    ['the ledger does not store sweeps', { twins: due, sweeps: undefined }],
    ['the next one was good', { sweeps: { done: doneSweep(12), failed: failedSweep(30) } }],
  ])('%s', (_, facts) => {
    expect(report(facts)).toMatchObject({ state: 'good', problems: [] });
  });

  test('nobody is told to sweep, or to project, so often', () => {
    const stands: Patch = { twins: due, sweeps: { done: doneSweep(3_600) } };
    const off = { ...CONFIG, SWEEP_INTERVAL_SECONDS: 0 };
    expect(reportOf(looked({ facts: stands }), off).problems).toEqual([]);
    expect(report({ ...stands, projectors: 0 }).problems.map(({ id }) => id)).toEqual(['projector-runs']);
  });

  test.each([{ done: doneSweep(2_400) }, { done: null }, undefined])(
    'but not with twins of half an hour ago: %#',
    (sweeps) => {
      const late: Patch = { twins: { unsettled: 3, due: 2, overdue: 1 }, sweeps };
      expect(report(late).problems.map(({ id }) => id)).toEqual(['sweeper-late']);
    },
  );
});
