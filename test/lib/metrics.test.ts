import { expect, test } from 'vitest';
import { createMetrics } from '../../lib/metrics.ts';
import { RELEASE } from '../../lib/release.ts';
import { forget, setState } from '../../lib/metric-kinds.ts';

const samples = (text: string) => text.split('\n').filter((line) => line.startsWith('history_cdc_'));

/** Gauges that are 0 from the start on, because that is true. Counters and the sums of histograms begin with 0. */
const ZERO_AT_START = ['history_cdc_assigned_partitions'];

test('what nobody has looked at has no sample: a 0 would say that all is well', async () => {
  const metrics = createMetrics();
  const gauges = (await metrics.registry.getMetricsAsJSON()).filter(
    ({ name, type }) => name.startsWith('history_cdc_') && String(type) === 'gauge',
  );
  expect(gauges.length).toBeGreaterThan(20);
  expect(gauges.filter(({ values }) => values.length > 0).map(({ name }) => name)).toEqual([
    'history_cdc_build_info',
    ...ZERO_AT_START,
  ]);
  expect(samples(await metrics.scrape())).toContain(
    `history_cdc_build_info{version="${RELEASE}",node_version="${process.versions.node}"} 1`,
  );
});

test('a forgotten gauge has no sample, with labels or without, and can be set again', async () => {
  const { stragglers, slotState, scrape } = createMetrics();
  stragglers.set(3);
  setState(slotState, { label: 'state', all: ['active', 'lost'], current: 'lost' });
  const shown = async () =>
    samples(await scrape()).filter((line) => /^history_cdc_(stragglers|slot_state)/.test(line));
  expect(await shown()).toEqual([
    'history_cdc_slot_state{state="active"} 0',
    'history_cdc_slot_state{state="lost"} 1',
    'history_cdc_stragglers 3',
  ]);
  forget(stragglers, slotState);
  expect(await shown()).toEqual([]);
  stragglers.set(0);
  expect(await shown()).toEqual(['history_cdc_stragglers 0']);
});
