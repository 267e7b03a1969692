/** What is projected, what waits for a person, and what was proven. */
import {
  decidingSettings,
  settingsThatDiffer,
} from '../../consumers/agent-test-history/batch/deciding-settings.ts';
import { GROUP_WAY_OUT, strangerText } from '../../lib/kafka-group.ts';
import { valueOf } from '../facts/answer.ts';
import { backlogIn, type Backlog } from '../facts/backlog.ts';
import type { Answers } from '../facts/facts.ts';
import type { VerdictFacts } from '../facts/ledger.ts';
import { standingPartitions, standingText, type StandingPartition } from '../facts/standing.ts';
import { spanText } from '../../lib/figures.ts';
import { advice, checksOf, error, type Circumstances } from './check.ts';
import { ledgerSums } from './ledger-sums.ts';
import { judgeLate, judgeSweeps, sweepsNotTold } from './sweeps.ts';
import { failed, notYet, ok, STEPS, warning, type Judgement } from './verdict.ts';

const count = (rows: number | bigint) => rows.toLocaleString('en');
const NOTHING_YET = notYet('nothing was projected yet', 'project');
const NO_LEDGER = notYet('there is no ledger yet', 'migrate');

/** Beyond that, a projector that works is catching up with something. */
const LATE_SECONDS = 60;
/** While rows come, some are counted in the legacy table and not yet in the ledger. */
const QUIET_SECONDS = 30;
const STRAGGLERS_BY_TIME = `SELECT legacy_id, agent_url, started_at FROM history_cdc.ledger WHERE reason = 'straggler' ORDER BY started_at DESC LIMIT 20;`;

const PROJECTED = ['dataTopic', 'projection'] as const;

export const LEDGER_CHECKS = checksOf('ledger', {
  'group-ours': error('only projectors are in the consumer group', ['strangers'], ({ strangers }) =>
    strangers.length === 0
      ? ok('no other client is in it')
      : failed(
          `${strangers.map(strangerText).join(', ')}: nobody projects the partitions that another application gets`,
          GROUP_WAY_OUT,
        ),
  ),
  'projector-runs': error('a projector runs', [...PROJECTED, 'projectors'], ({ projectors }, _, answers) => {
    const backlog = backlogIn(answers);
    if (backlog === undefined) return NOTHING_YET;
    if (projectors > 0) return ok(`${String(projectors)} in the consumer group`);
    return backlog.records > 0n
      ? failed(`no projector runs, and ${count(backlog.records)} records wait`, STEPS.project)
      : warning('no projector runs: what comes next will wait', STEPS.project);
  }),
  'projector-moves': error(
    'where the source moves, the ledger moves, in each partition',
    [...PROJECTED, 'laterOffsets'],
    (_, __, answers) => {
      const backlog = backlogIn(answers);
      if (backlog === undefined) return NOTHING_YET;
      const found = `${count(backlog.records)} records behind, last commit ${spanText(backlog.secondsSinceCommit)} ago`;
      // That none runs says more than that none moves.
      if (noneRuns(answers)) return ok(`${found}; see projector-runs`);
      const standing = standingIn(answers);
      return standing.length === 0
        ? ok(found)
        : failed(
            `${found}: ${standing.map(standingText).join('; ')}`,
            'history-cdc project  # is one running? its log and /readyz say why it stands',
          );
    },
  ),
  'lag-late': error(
    'no record waits for longer than a minute',
    [...PROJECTED, 'oldestSeconds'],
    ({ oldestSeconds }, _, answers) => {
      const backlog = backlogIn(answers);
      if (backlog === undefined) return NOTHING_YET;
      const wait = `${count(backlog.records)} records wait, the oldest for ${spanText(oldestSeconds)}`;
      if (oldestSeconds < LATE_SECONDS) return ok(wait);
      return stands(answers, backlog)
        ? failed(wait, STEPS.project)
        : warning(
            `${wait}: it is catching up`,
            'history-cdc status --watch  # shows the pace, and when it is done',
          );
    },
    { also: ['projectors', 'laterOffsets'] },
  ),
  'deciding-settings': error(
    'the settings that decide are those of the projectors',
    ['decidingSettings'],
    ({ decidingSettings: recorded }, { config }) => {
      if (recorded === undefined) return NO_LEDGER;
      if (recorded === null) return NOTHING_YET;
      const differs = settingsThatDiffer(decidingSettings(config), recorded);
      return differs.length === 0
        ? ok('they are')
        : failed(
            differs.join('; '),
            'history-cdc config  # set what the ledger has, for every projector and every command\nhistory-cdc project --accept-new-settings  # once, if the change is meant',
          );
    },
  ),
  'quarantine-empty': error('nothing is parked in the quarantine', ['quarantine'], ({ quarantine }) => {
    if (quarantine === undefined) return NO_LEDGER;
    if (quarantine.open === 0) return ok('nothing');
    return failed(
      `${count(quarantine.open)} records wait for a person`,
      'history-cdc quarantine list  # what they are, and why\nhistory-cdc quarantine retry --apply  # once the cause is mended; `quarantine waive` gives one up',
    );
  }),
  verdict: error('the last reconcile proved everything, and lately', ['verdicts'], judgeVerdict, {
    also: ['decisions'],
  }),
  'rows-counted': error(
    'the ledger has as many rows as the legacy table (by counts, which prove nothing)',
    ['decisions', ...PROJECTED],
    (_, __, answers) => judgeCounts(answers),
    { also: ['legacyRows'] },
  ),
  stragglers: advice('the live path records every run while it is up', ['decisions'], (_, __, answers) => {
    const { stragglers } = ledgerSums(answers);
    if (stragglers === null) return NO_LEDGER;
    // Each is one write of the live path that did not happen: nothing else shows that the cutover goes wrong.
    return stragglers === 0
      ? ok('it does')
      : warning(
          `${count(stragglers)} owners' runs were not recorded by the live path while it was up: they are projected`,
          STRAGGLERS_BY_TIME,
        );
  }),
  'sweeper-late': error(
    'twins are settled in time',
    ['twins'],
    (_, { config }, answers) => judgeLate(answers, config.SWEEP_INTERVAL_SECONDS),
    { also: ['sweeps', 'projectors'] },
  ),
  'sweep-failed': advice('the last sweep did its work', ['sweeps'], ({ sweeps }) => judgeSweeps(sweeps), {
    unreached: sweepsNotTold,
  }),
  'twins-blocked': advice('every late live row can take over from ours', ['decisions'], (_, __, answers) => {
    const { blocked } = ledgerSums(answers);
    if (blocked === null) return NO_LEDGER;
    return blocked === 0
      ? ok('none is blocked')
      : warning(
          `${count(blocked)} live rows cannot take over from ours: something refers to ours`,
          'history-cdc sweep',
        );
  }),
});

function noneRuns({ projectors }: Pick<Answers, 'projectors'>): boolean {
  return valueOf(projectors) === 0;
}

function standingIn({ dataTopic, projection, laterOffsets }: Answers): StandingPartition[] {
  const [topic, projected] = [valueOf(dataTopic), valueOf(projection)];
  if (topic === undefined || projected === undefined) return [];
  return standingPartitions(topic, projected.offsets, valueOf(laterOffsets));
}

function stands(answers: Answers, { records }: Backlog): boolean {
  return (noneRuns(answers) && records > 0n) || standingIn(answers).length > 0;
}

function judgeVerdict(
  { verdicts }: { readonly verdicts: VerdictFacts | undefined },
  _: Circumstances,
  answers: Answers,
): Judgement {
  if (verdicts === undefined) return NO_LEDGER;
  const { last } = verdicts;
  const fix = 'history-cdc reconcile';
  if (last === undefined) {
    const { rowsSeen } = ledgerSums(answers);
    return rowsSeen !== null && rowsSeen > 0
      ? warning('nobody has compared the tables yet', fix)
      : ok('there is nothing to compare yet');
  }
  const wrong = last.kinds.filter(({ severity }) => severity === 'wrong');
  switch (last.verdict) {
    case 'wrong': {
      const rows = wrong.flatMap(({ kind, confirmed }) =>
        confirmed > 0 ? [`${kind} ${count(confirmed)}`] : [],
      );
      return failed(
        `the last reconcile found what is wrong: ${rows.join(', ')}`,
        'history-cdc reconcile --last',
      );
    }
    case 'not_proven': {
      const kinds = wrong.map((of) => `${of.kind} ${count(of.confirmed + of.in_flight)}`);
      const why = [...kinds, ...(last.run.waited_for === null ? [] : [last.run.waited_for])];
      return warning(
        `the last reconcile did not prove everything: ${why.join(', ') || 'it did not compare all rows'}`,
        fix,
      );
    }
    case 'changes_proven':
      return warning('the last reconcile compared only changes', fix);
    case 'proven':
      return last.stale === null ? ok('proven') : warning(`the last verdict is stale: ${last.stale}`, fix);
  }
}

function judgeCounts(answers: Answers): Judgement {
  const { unseen, notDeleted } = ledgerSums(answers);
  if (notDeleted === null) return NO_LEDGER;
  const backlog = backlogIn(answers);
  const { legacyRows } = answers;
  if (!legacyRows.known) {
    const found = `the rows of the legacy table were not counted: ${legacyRows.why}`;
    return warning(found, 'history-cdc reconcile  # compares them row by row');
  }
  if (unseen === null || backlog === undefined) return ok('there is nothing to compare yet');
  if (unseen === 0) return ok('it has');
  const many = count(Math.abs(unseen));
  const compared =
    unseen > 0
      ? `the legacy table has ${many} rows more than the ledger`
      : `the ledger has ${many} rows more`;
  if (backlog.records > 0n || backlog.secondsSinceCommit < QUIET_SECONDS)
    return ok(`${compared}, and rows are on their way`);
  return warning(`${compared}, and nothing waits to be projected`, 'history-cdc reconcile');
}
