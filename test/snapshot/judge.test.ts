import { describe, expect, test } from 'vitest';
import { diagnose, type Silence } from '../../operations/snapshot/diagnose.ts';
import { judgeSnapshot, type SnapshotState } from '../../operations/checks/snapshot.ts';
import type { SnapshotRun } from '../../operations/facts/snapshot-runs.ts';
import { sentAtOf } from '../../operations/facts/signals.ts';
import { signalId } from '../../operations/snapshot/signal.ts';

type SnapshotFacts = Parameters<typeof judgeSnapshot>[0];

const now = new Date('2026-05-01T12:00:00.000Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);

const RUN: SnapshotRun = {
  id: 'a',
  state: 'running',
  startedAtMs: ago(600).getTime(),
  movedAtMs: ago(2).getTime(),
  steps: [],
  last: null,
  rowsTotal: 40,
  scan: null,
  pauseForgotten: false,
};
const COVERED = { legacyRows: 40, uncovered: 0, ids: [] };
const FACTS: SnapshotFacts = {
  now,
  history: { initial: 'completed', runs: [RUN] },
  stored: { id: 'a', condition: null },
  problems: [],
  asked: undefined,
  pause: undefined,
  coverage: COVERED,
  recordsToProject: 0,
  beatAt: ago(1),
};
const withRun = (run: Partial<SnapshotRun>): Partial<SnapshotFacts> => ({
  history: { initial: 'completed', runs: [{ ...RUN, ...run }] },
});
const asked = (sentAt: Date) => ({ id: signalId(sentAt), type: 'execute-snapshot', data: '{}' }) as const;

describe('the verdict', () => {
  const cases: readonly (readonly [string, Partial<SnapshotFacts>, SnapshotState, RegExp | null])[] = [
    ['runs', {}, 'running', null],
    ['ran over a restart that forgot the pause', withRun({ pauseForgotten: true }), 'running', /forgot that/],
    ['has a connector that does not move', { problems: ['task 0 is FAILED'] }, 'stalled', /task 0 is FAILED/],
    ['read no chunk for long', withRun({ movedAtMs: ago(90).getTime() }), 'stalled', /no chunk for 90 s/],
    [
      'is forgotten by Connect',
      { ...withRun({ movedAtMs: ago(200).getTime() }), stored: null },
      'lost',
      /nothing stored/,
    ],
    ['has just begun, and is not stored yet', { stored: null }, 'running', null],
    ['is paused by nobody knows whom', withRun({ state: 'paused' }), 'paused', /it was paused/],
    [
      'is held back',
      { ...withRun({ state: 'paused' }), pause: { by: 'pace', why: 'slot lag 2048 MiB (limit 1024)' } },
      'paused',
      /held back: slot lag 2048 MiB \(limit 1024\)/,
    ],
    ['failed', withRun({ state: 'failed', scan: 'SQL_EXCEPTION' }), 'failed', /SQL_EXCEPTION/],
    ['was stopped', withRun({ state: 'stopped' }), 'stopped', /stopped/],
    ['succeeded, and all is covered', withRun({ state: 'succeeded' }), 'done', null],
    ['succeeded, and nobody looked', { ...withRun({ state: 'succeeded' }), coverage: null }, 'read', null],
    [
      'succeeded, and rows are missing',
      { ...withRun({ state: 'succeeded' }), coverage: { ...COVERED, uncovered: 3 } },
      'uncovered',
      /3 of 40 legacy rows .* never delivered/,
    ],
    [
      'succeeded, and is not projected',
      { ...withRun({ state: 'succeeded' }), coverage: { ...COVERED, uncovered: 3 }, recordsToProject: 5 },
      'uncovered',
      /5 records are not projected yet/,
    ],
    ['was never needed', { history: { initial: 'completed', runs: [] } }, 'done', null],
    ['is the initial one', { history: { initial: 'running', runs: [] } }, 'initial', /initial snapshot/],
    ['never was', { history: { initial: 'skipped', runs: [] } }, 'none', /ever read as a whole/],
  ];
  test.each(cases)('on one that %s', (...[, facts, verdict, reason]) => {
    const judgement = judgeSnapshot({ ...FACTS, ...facts });
    expect(judgement.verdict).toBe(verdict);
    if (reason === null) expect(judgement.reasons).toEqual([]);
    else expect(judgement.reasons.join('; ')).toMatch(reason);
    const moves = ['running', 'done', 'read', 'initial'].includes(verdict);
    expect(judgement.next === null).toBe(moves || verdict === 'stopped');
  });
});

describe('a signal that was not answered', () => {
  const nothing = { history: { initial: 'completed', runs: [] } } as const;

  test('is lost when a later heartbeat has come through', () => {
    const facts = { ...FACTS, ...nothing, asked: asked(ago(20)), beatAt: ago(2) };
    const { verdict, reasons, next } = judgeSnapshot(facts);
    expect([verdict, next]).toEqual(['unanswered', 'history-cdc snapshot start']);
    expect(reasons[0]).toContain('the connector has read beyond it');
  });

  test('is waited for while the connector is not there yet, and named after a while', () => {
    const facts = { ...FACTS, ...nothing, beatAt: ago(100) };
    expect(judgeSnapshot({ ...facts, asked: asked(ago(20)) }).verdict).toBe('done');
    expect(judgeSnapshot({ ...facts, asked: asked(ago(40)) })).toMatchObject({
      verdict: 'unanswered',
      next: 'history-cdc connector status',
    });
  });

  test('is no news once a later snapshot began', () => {
    const facts = { ...FACTS, ...withRun({ state: 'succeeded', startedAtMs: ago(5).getTime() }) };
    expect(judgeSnapshot({ ...facts, asked: asked(ago(100)) }).verdict).toBe('done');
  });

  test('has its time in its id', () => {
    expect(sentAtOf(signalId(now))).toEqual(now);
    expect(sentAtOf('somebody-elses')).toBeUndefined();
    expect(signalId(ago(1)) < signalId(now)).toBe(true);
  });
});

describe('why there is no answer', () => {
  const SILENCE: Silence = {
    seconds: 60,
    problems: [],
    state: 'RUNNING',
    tasks: ['RUNNING'],
    passed: false,
    lagBytes: 1234,
    goOn: 'history-cdc connector resume',
  };
  test.each<[string, Partial<Silence>, string]>([
    ['no connector', { state: 'ABSENT', problems: ['absent'] }, 'history-cdc connector apply'],
    ['a paused one', { state: 'PAUSED', problems: ['paused'] }, 'history-cdc connector resume'],
    ['a failed task', { tasks: ['FAILED'], problems: ['failed'] }, 'history-cdc connector restart'],
    ['anything else that is not well', { problems: ['old heartbeat'] }, 'history-cdc connector status'],
    ['one that read past it', { passed: true }, 'history-cdc connector plan'],
    ['one that is behind', {}, 'history-cdc snapshot status'],
  ])('%s', (_, silence, wayOut) => {
    const diagnosis = diagnose({ ...SILENCE, ...silence }, '`the command`');
    expect(diagnosis.why[0]).toBe('no answer to the signal within 60 s');
    expect(diagnosis.wayOut).toContain(wayOut);
    for (const problem of silence.problems ?? []) expect(diagnosis.why).toContain(problem);
  });
});
