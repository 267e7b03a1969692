import { describe, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import { circumstancesOf } from '../../operations/checks/judge.ts';
import { diagnose } from '../../operations/doctor/doctor.ts';
import { reportOf } from '../../operations/status/report.ts';
import { streamBroken } from '../../operations/watchdog/break-errors.ts';
import { looked } from '../status/facts.ts';
import { CONFIG, gathered } from './healthy.ts';
import { openGap } from './open-gap.ts';
import { patched, type Patch } from './patched.ts';
import { RED } from './red-facts.ts';

/** The fix of each check that is not well. */
const fixes = (facts: Patch): ReadonlyMap<string, string> => {
  const { checks } = diagnose(gathered(patched(facts)), CONFIG, CHECKS);
  return new Map(checks.flatMap(({ id, fix }) => (fix === null ? [] : [[id, fix] as const])));
};
const stopped: Patch = {
  connector: { status: { connector: { state: 'STOPPED' }, tasks: [] } },
  slot: { active: false },
  heartbeatRow: { kind: 'row', secondsAgo: 300 },
};

describe('one fault has one remedy', () => {
  const lost: Patch = { ...stopped, slot: null, continuity: { gaps: [openGap] } };

  test('with the slot gone, project, status and doctor print the same lines, and no topic is deleted', () => {
    const answers = gathered(patched(lost));
    const { breaks, gaps } = circumstancesOf(answers, CONFIG).stream;
    expect(breaks.map(({ kind }) => kind)).toEqual(['slot']);
    const lines = (fixes(lost).get('slot-exists') ?? '').split('\n');
    expect(lines[0]).toContain('history-cdc project --accept-gap 3 ');
    expect(lines.join('\n')).not.toContain('kafka-topics.sh');
    const { next } = reportOf(looked({ facts: lost }), CONFIG);
    expect([next?.id, next?.fix.split('\n')]).toEqual(['slot-exists', lines]);
    const { wayOut } = streamBroken({ breaks, gaps }, CONFIG);
    expect(
      wayOut
        .split('\n')
        .slice(1)
        .map((line) => line.trim()),
    ).toEqual(lines);
    for (const id of ['continuity', 'connector-tasks', 'heartbeat-written'])
      expect(fixes(lost).get(id)).toBe(lines.join('\n'));
  });

  test('a break that nobody has recorded yet is recorded first', () => {
    const fix = fixes({ ...stopped, slot: null }).get('continuity');
    expect(fix?.split('\n').map((line) => line.replace(/ {2}#.*/, ''))).toEqual([
      'history-cdc project',
      'history-cdc doctor --only continuity',
    ]);
  });

  test('what deletes the data topic says what is lost, and asks, before its first command', () => {
    const remedies = [...RED.map(([, , facts]) => facts), { dataTopic: { topicId: 'new' } }]
      .flatMap((facts) => [...fixes(facts).values()])
      .filter((fix) => fix.includes('--delete --if-exists --topic aao.public.agent_test_history'));
    expect(remedies.length).toBeGreaterThan(0);
    for (const fix of remedies) expect(fix).toMatch(/^# This deletes the data topic: .*lost.*\n# .*\?.*\n/);
  });
});

test('`connector resume` is proposed for a connector that was stopped, and not where it would be refused', () => {
  expect(fixes(stopped).get('connector-tasks')).toBe('history-cdc connector resume');
  const gap = { ...openGap, kind: 'timeline' as const };
  const refused = fixes({ ...stopped, continuity: { gaps: [gap] } });
  for (const id of ['connector-tasks', 'slot-active', 'heartbeat-written'])
    expect(refused.get(id)).not.toContain('connector resume');
});

test.each(RED)(
  'doctor does not say that nothing is in the way where status says WRONG: %s (%s) %#',
  (...[, , facts]) => {
    const { state } = reportOf(looked({ facts }), CONFIG);
    const { mayGoOn } = diagnose(gathered(patched(facts)), CONFIG, CHECKS);
    expect([state, mayGoOn]).not.toEqual(['wrong', true]);
  },
);

test('a task that failed at a row that is too large is mended by the check that knows the limits', () => {
  const trace = 'x.Y: no\n\tat z\nCaused by: a.b.RecordTooLargeException: 22 MB';
  const status = { connector: { state: 'RUNNING' }, tasks: [{ id: 0, state: 'FAILED', trace }] } as const;
  const { next } = reportOf(looked({ facts: { connector: { status } } }), CONFIG);
  expect(next).toEqual({
    id: 'connector-tasks',
    fix: expect.stringMatching(/^history-cdc doctor --only largest-row\b/) as string,
  });
});
