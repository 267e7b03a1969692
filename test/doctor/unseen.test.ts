import { describe, expect, test } from 'vitest';
import { CHECKS } from '../../operations/checks/all.ts';
import type { Check } from '../../operations/checks/check.ts';
import { CONNECTOR_MOVES, factsOf, INITIAL_SNAPSHOT, SOURCE_FITS } from '../../operations/checks/choice.ts';
import { STREAM_RESTS_ON } from '../../operations/checks/continuity.ts';
import { circumstancesOf } from '../../operations/checks/judge.ts';
import { SNAPSHOT_FACTS } from '../../operations/checks/snapshot.ts';
import { reportOf as connectorReportOf } from '../../operations/connector/connector-report.ts';
import { diagnose } from '../../operations/doctor/doctor.ts';
import type { Answers, FactName } from '../../operations/facts/facts.ts';
import { snapshotStatus } from '../../operations/snapshot/status.ts';
import { reportOf as statusReportOf } from '../../operations/status/report.ts';
import { WATCHED } from '../../operations/status/watched.ts';
import { looked } from '../status/facts.ts';
import { CONFIG, gathered, healthyFacts } from './healthy.ts';
import { patched } from './patched.ts';

/*
 * Every command that judges, with each fact that its errors rest on unknown, one after the other, while all else is well.
 * None may end with exit code 0.
 */

/** Checks whose severity is `error`, but which never say worse than `warning`, rest on these. */
const FOR_A_HINT = new Set<FactName>(['legacyRows', 'sweeps']);

function errorsRestOn(checks: readonly Check[]): FactName[] {
  const facts = factsOf(checks.filter(({ severity }) => severity === 'error'));
  return [...facts].filter((name) => !FOR_A_HINT.has(name));
}

const exitsWithZero = {
  doctor: (answers: Answers) => diagnose(answers, CONFIG, CHECKS).mayGoOn,
  status: (answers: Answers) => {
    const { state } = statusReportOf({ ...looked(), answers }, CONFIG);
    return state !== 'wrong' && state !== 'unknown';
  },
  'connector status': (answers: Answers) => {
    // Without an answer of Kafka or Kafka Connect the command ends with exit code 2.
    if (!answers.connector.known || !answers.observed.known) return false;
    return connectorReportOf(answers, CONFIG).healthy;
  },
  'snapshot status': (answers: Answers) => {
    const status = snapshotStatus(answers, circumstancesOf(answers, CONFIG));
    return status !== undefined && ['done', 'read', 'running', 'initial'].includes(status.verdict);
  },
};
type Command = keyof typeof exitsWithZero;

const RESTS_ON: Readonly<Record<Command, readonly FactName[]>> = {
  doctor: errorsRestOn(CHECKS),
  status: errorsRestOn(WATCHED),
  'connector status': errorsRestOn([...CONNECTOR_MOVES, ...INITIAL_SNAPSHOT, ...SOURCE_FITS]),
  'snapshot status': SNAPSHOT_FACTS,
};

describe.each(Object.keys(exitsWithZero) as Command[])('%s does not end with exit code 0', (command) => {
  test('except where all is known and well', () => {
    expect(exitsWithZero[command](gathered(healthyFacts()))).toBe(true);
  });

  test.each(RESTS_ON[command])('where %s gives no answer', (name) => {
    expect(exitsWithZero[command](gathered(healthyFacts(), { [name]: 'no answer' }))).toBe(false);
  });
});

test('a count of the legacy rows that is missing is said, and fails nothing', () => {
  const answers = gathered(healthyFacts(), { legacyRows: 'no answer' });
  expect(statusReportOf({ ...looked(), answers }, CONFIG).problems).toMatchObject([
    { id: 'rows-counted', severity: 'attention' },
  ]);
});

describe('continuity is not well by what it did not see:', () => {
  const continuityOf = (answers: Answers) => {
    const { checks, mayGoOn } = diagnose(answers, CONFIG, CHECKS);
    return { mayGoOn, verdict: checks.find(({ id }) => id === 'continuity')?.verdict };
  };
  const blind = { mayGoOn: false, verdict: 'unknown' };

  test.each(STREAM_RESTS_ON)('%s gave no answer', (name) => {
    expect(continuityOf(gathered(healthyFacts(), { [name]: 'it is silent' }))).toEqual(blind);
  });

  test('what was recorded may not be read', () => {
    expect(continuityOf(gathered(patched({ continuity: { recorded: null } })))).toEqual(blind);
  });
});
