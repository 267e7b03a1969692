import { expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { WATCHED } from '../../operations/status/watched.ts';

test.each([
  ['slot-exists', 'slot-active'],
  ['slot-active', 'heartbeat-arrives'],
  ['connector-tasks', 'heartbeat-arrives'],
  ['continuity', 'topic-settings'],
  ['projector-runs', 'lag-late'],
])('%s is mended before %s', (cause, consequence) => {
  const ids = WATCHED.map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining([cause, consequence]));
  expect(ids.indexOf(cause)).toBeLessThan(ids.indexOf(consequence));
});

test('no check is watched that a role which only reads would fail, or that never changes', () => {
  const left = CHECKS.filter((check) => !WATCHED.includes(check)).map(({ id }) => id);
  expect(new Set(left)).toEqual(
    new Set([
      ...['legacy-version', 'wal-level', 'replication-slots-room', 'wal-senders-room', 'wal-cap'],
      ...['slot-idle-timeout', 'session-limits'],
      ...['connector-excess', 'slot-failover', 'kafka-brokers', 'largest-row', 'connect-version'],
      ...['connect-plugin', 'registry-pair', 'canonical-index', 'projector-grants', 'projector-excess'],
      ...['clock-legacy', 'clock-canonical', 'clock-connect', 'deciding-settings'],
    ]),
  );
  expect(WATCHED.flatMap(({ facts }) => facts)).not.toContain('largestRow');
});
