import type { Changes } from '../consumers/agent-test-history/rule/changes.ts';
import type { CandidateTwin, LookUps, Report } from '../operations/explain/report.ts';
import { oneLine } from '../lib/printable.ts';
import { heading, indented, type Part, type Screen } from '../lib/screen.ts';
import { rowsOnly, tableOf } from '../lib/table.ts';

/** The report in sections: the verdict first, then the facts behind it. A section without facts says so. */
export function renderExplanation(report: Report): Screen {
  const { verdict, identity } = report;
  return [
    `${report.id}: ${oneLine(identity.text)}`,
    '',
    oneLine(verdict.text),
    ...(verdict.next === null ? [] : [`next: ${oneLine(verdict.next)}`]),
    ...(report.known ? knownSections(report) : []),
    ...(report.notes.length === 0 ? [] : section('notes', report.notes.map(oneLine))),
  ];
}

function knownSections(report: Report): Part[] {
  const { today } = report;
  return [
    ...section('legacy row now', report.legacy_row === null ? ['none'] : fields(report.legacy_row)),
    ...section('ledger', report.ledger === null ? ['none'] : fields(report.ledger)),
    ...(report.undone === null ? [] : section('removed by undo', fields(report.undone))),
    ...section('look-ups', report.look_ups === null ? ['none'] : lookUpLines(report.look_ups)),
    ...section(
      'canonical row',
      report.canonical_run === null
        ? ['none']
        : fields({ ...report.canonical_run, referred_by: report.referred_by }),
    ),
    ...section(
      report.identity.legacy_id === null ? 'legacy rows around it' : 'live rows around it',
      candidateLines(report.candidates),
    ),
    ...section('quarantine', report.quarantine.length === 0 ? ['none'] : report.quarantine.flatMap(fields)),
    ...section(
      'if the row came now',
      today === null
        ? ['not known']
        : [
            `${today.decision} (${today.reason}), ${String(totalOf(today.changes))} row(s) would change`,
            `by the rule alone, as for a new row: ${today.rule.decision} (${today.rule.reason})`,
          ],
    ),
    ...section('events in the topic', eventLines(report)),
  ];
}

function section(title: string, parts: readonly Part[]): Part[] {
  return ['', heading(title), indented(2, parts)];
}

function fields(facts: object): Part[] {
  return [rowsOnly(Object.entries(facts).map(([name, value]) => [name, shown(value)]))];
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return '-';
  return typeof value === 'string' ? oneLine(value) : JSON.stringify(value);
}

function lookUpLines({ then, now, changed }: LookUps): Part[] {
  const { context_known: known, owner, script_copies: copies, ...rest } = now;
  const names = Object.keys(rest) as (keyof typeof rest)[];
  const table = tableOf(
    ['what', 'then', 'now', ''],
    names.map((name) => [
      name,
      then === null ? '-' : shown(then[name]),
      shown(rest[name]),
      changed.includes(name) ? 'changed' : '',
    ]),
  );
  return [
    table,
    `the context ${known ? 'is there' : 'is gone'}; the user ${owner ? 'owns' : 'does not own'} the agent now`,
    ...copies.map((id) => `copied by the earlier script as ${id}`),
  ];
}

function candidateLines(candidates: readonly CandidateTwin[]): Part[] {
  if (candidates.length === 0) return ['none in the match window'];
  return [
    tableOf(
      ['id', 'seconds', 'is', 'why'],
      candidates.map((one) => [one.id, String(one.distance_seconds), one.is, one.why]),
    ),
  ];
}

function eventLines({ events }: Report): Part[] {
  if (events === null) return ['not read'];
  if (events.length === 0) return ['none'];
  return [
    tableOf(
      ['position', 'op', 'snapshot', 'written to the topic', 'lsn', 'bytes', 'left out', 'ledger'],
      events.map((event) => [
        `${String(event.partition)}:${event.offset}`,
        event.op,
        event.snapshot ? 'yes' : 'no',
        event.timestamp,
        event.lsn ?? '-',
        String(event.bytes),
        event.left_out.join(' ') || '-',
        event.ledger.replaceAll('_', ' '),
      ]),
    ),
  ];
}

function totalOf({ runsInserted, runsUpdated, runsDeleted, ledgerWritten }: Changes): number {
  return runsInserted + runsUpdated + runsDeleted + ledgerWritten;
}
