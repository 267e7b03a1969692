import { describeHolder } from '../operations/fence/state.ts';
import type { RetireCheck } from '../operations/retire/check.ts';
import { verbatim, type Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import type { AnswerFacts } from './answers.ts';

export function checkFacts(check: RetireCheck): AnswerFacts<'retire check'> {
  const { stage, entered, next, refusals, conditions, state, statements, locks, refused, dependents } = check;
  return {
    stage,
    since: entered?.at ?? null,
    next,
    refusals,
    conditions: conditions.map(({ id, state: is, missing }) => ({ id, state: is, missing })),
    role: state.tableOwner,
    fence:
      state.fence === null
        ? null
        : {
            id: state.fence.id,
            fencedAt: state.fence.fencedAt,
            fencedBy: state.fence.fencedBy,
            holes: state.holes,
          },
    statements,
    locks,
    refusedWrites: refused,
    dependents,
  };
}

export function renderCheck(check: RetireCheck): Screen {
  const { stage, entered, state, statements, locks, refused, dependents, conditions, next } = check;
  const since = entered === null ? '' : ` since ${entered.at.toISOString()}, by ${entered.performedBy}`;
  return [
    `stage      ${stage}${since}`,
    `fence      ${fenceText(check)}`,
    ...(conditions.length === 0
      ? []
      : [
          tableOf(
            ['condition', 'state', 'missing'],
            conditions.map((one) => [one.id, one.state, one.missing ?? '']),
          ),
        ]),
    ...refusedText(refused),
    ...dependents.map((object) => `depends on the table, and keeps it from being dropped: ${object}`),
    ...(locks.length === 0
      ? ['locks      nobody has a lock on the table']
      : locks.map((one) => `lock       ${describeHolder(one)}`)),
    ...(statements === null
      ? []
      : [
          `\nstatements of \`retire ${next}\`, as the role ${state.tableOwner ?? '?'}:\n`,
          verbatim(statements),
        ]),
    renderRefusals(check, next),
  ];
}

function fenceText({ state: { tableOid, fence, holes } }: RetireCheck): string {
  if (tableOid === null) return 'there is no table public.agent_test_history';
  if (fence === null) return 'none';
  const built = `built ${fence.fencedAt.toISOString()} by ${fence.fencedBy}`;
  return holes.length === 0 ? `${built}, whole` : `${built}, BROKEN: ${holes.join('; ')}`;
}

function refusedText(refused: RetireCheck['refused']): string[] {
  if (refused === null) return [];
  if (refused.length === 0) return ['refused    the fence has refused no statement'];
  return refused.map(
    ({ role, operation, statements, lastAt }) =>
      `refused    ${String(statements)} ${operation.toUpperCase()} of ${role}, the last statement of this role at ${lastAt.toISOString()}`,
  );
}

/** What keeps a step from being taken, one line each. */
export function renderRefusals({ next, refusals }: RetireCheck, step: RetireCheck['next']): string {
  if (next !== step) return `the next step is ${next}`;
  if (refusals.length === 0)
    return step === 'teardown'
      ? 'next: history-cdc teardown'
      : `next: history-cdc retire ${step}; nothing keeps it from being taken`;
  return [
    `next: history-cdc retire ${step}, which is refused now:`,
    ...refusals.map((one) => `  - ${one}`),
  ].join('\n');
}
