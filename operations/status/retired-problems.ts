/** What is not as it should be after the drop. Pure. */
import type { PartReport } from '../teardown/teardown.ts';
import type { RestedOn, RetiredFacts } from './after-drop.ts';

/** `wrong` and `unknown` end `status` with 1, as before the drop; `attention` does not. They are told in this order. */
const SEVERITIES = ['wrong', 'unknown', 'attention'] as const;

export interface RetiredProblem {
  readonly id: string;
  readonly severity: (typeof SEVERITIES)[number];
  readonly evidence: string;
  /** What to do: a command, SQL, or where it is described. */
  readonly fix: string;
}

/** What is looked at, each as a statement that holds where all is well. */
export const LOOKED_AT = {
  'drop-recorded': 'the stage `dropped` is recorded',
  'table-gone': 'there is no table agent_test_history',
  'projector-stopped': 'no `project` and no `replay` is at work',
  'archive-stands': 'the archive on which the drop rested is as it was verified',
  'archive-drilled': 'the archive was restored and compared at least once',
} as const;

/** Of what the deployment left on the servers. */
export const leftId = ({ id }: Pick<PartReport, 'id'>) => `left-${id}`;

export function problemsOf(facts: RetiredFacts): readonly RetiredProblem[] {
  const found = [
    ...recording(facts),
    ...table(facts),
    ...projectors(facts),
    ...facts.left.parts.flatMap(leftOver),
    ...archive(facts.dropped.archive),
  ];
  return SEVERITIES.flatMap((severity) => found.filter((problem) => problem.severity === severity));
}

type Found = readonly RetiredProblem[];
type Id = keyof typeof LOOKED_AT;

function problem(id: Id, severity: RetiredProblem['severity'], [evidence, fix]: [string, string]): Found {
  return [{ id, severity, evidence, fix }];
}

function recording({ dropped }: RetiredFacts): Found {
  if (dropped.recorded) return [];
  return problem('drop-recorded', 'wrong', [
    'the table was dropped, and `retire drop` was killed before it recorded that',
    'history-cdc retire drop --apply --confirm agent_test_history  # run it again: it only records the stage',
  ]);
}

function table({ table: answer }: RetiredFacts): Found {
  const cannotTell = 'it is not known whether the table agent_test_history is there again';
  if (!answer.known)
    return problem('table-gone', 'unknown', [
      `${cannotTell}: ${answer.why}`,
      'make LEGACY_DATABASE_URL answer',
    ]);
  if (answer.value.tableOid === null) return [];
  return problem('table-gone', 'wrong', [
    'a table agent_test_history is there: somebody has made one again',
    'find out who made it and who writes to it: nothing of this project reads it any more',
  ]);
}

function projectors({ left: { projectors: found } }: RetiredFacts): Found {
  if (found.running.length > 0)
    return problem('projector-stopped', 'wrong', [
      `a projector is still at work: ${found.running.join(', ')}`,
      'stop every `project` and `replay`: there is nothing left to project',
    ]);
  if (found.known) return [];
  return problem('projector-stopped', 'unknown', [
    'neither Kafka nor the database of DATABASE_URL could be asked whether a projector is at work',
    'history-cdc teardown  # says why neither answers',
  ]);
}

const TEARDOWN = 'history-cdc teardown --apply';

function leftOver(part: PartReport): Found {
  const id = leftId(part);
  if (part.state === 'unknown')
    return [
      {
        id,
        severity: 'unknown',
        evidence: `the part ${part.id} was not seen: ${part.why ?? ''}`,
        fix: TEARDOWN,
      },
    ];
  if (part.state !== 'there') return [];
  const unread =
    part.id === 'slot' ? '; while nothing reads it, the server keeps all WAL, until its disk is full' : '';
  const why = part.why === null ? '' : `; ${part.why}`;
  return [
    {
      id,
      severity: 'wrong',
      evidence: `the ${part.id} is left over: ${part.things.join(', ')}${unread}${why}`,
      fix: part.byHand === null ? TEARDOWN : `${TEARDOWN}  # or, as the owner or a DBA:\n${part.byHand}`,
    },
  ];
}

/** An archive from which a person was erased is not what was verified, and should not be. */
const STANDS = new Set(['verified', 'erased']);

function archive(rested: RestedOn | null): Found {
  if (rested === null)
    return problem('archive-stands', 'unknown', [
      'the archive on which the drop rested is not in the ledger any more',
      'history-cdc archive list',
    ]);
  if (!STANDS.has(rested.standing))
    return problem('archive-stands', 'wrong', [
      `the archive ${rested.id} was found to differ at ${rested.standingSince} (${rested.standing}), and it is the only copy`,
      `history-cdc archive drill ${rested.id}  # names what differs; bring the object back from a copy of ${rested.target}`,
    ]);
  if (rested.drilled) return [];
  return problem('archive-drilled', 'attention', [
    `the archive ${rested.id} is the only copy of the rows, and was never restored`,
    `history-cdc archive drill ${rested.id}`,
  ]);
}
