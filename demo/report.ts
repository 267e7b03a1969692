import { renderUnhealed } from '../consumers/agent-test-history/stream/quarantine-counts.ts';
import { bad, good, heading, indented, type Part, type Screen } from '../lib/screen.ts';
import { tableOf, type Table } from '../lib/table.ts';
import type { Unhealed } from '../consumers/agent-test-history/stream/unhealed.ts';
import type { Check } from './check.ts';
import type { RetirementFacts } from './retirement.ts';
import type { Stretch, WriterResult } from './writer.ts';

export interface DecisionCount {
  readonly decision: string;
  readonly rows: number;
}

/** Milliseconds from the commit of a streamed legacy row to the commit of its decision. */
export interface Latency {
  readonly rows: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface Phase {
  readonly name: string;
  readonly seconds: number;
}

/** The number found in ledger and tables, and the number that the demo wrote. */
interface Beside {
  readonly found: number;
  readonly written: number;
}

/** What the two writers recorded in the cutover window. Times are ISO 8601, UTC. */
export interface WindowFacts {
  readonly firstLiveAt: string;
  readonly lastLiveAt: string;
  readonly figures: Readonly<
    Record<'twin' | 'late' | 'old pod' | 'failed live write' | 'alone' | 'weak', Beside>
  >;
}

/** All results of a run of the demo. They are computed first and formatted afterwards. */
export interface DemoFacts {
  readonly plan: { readonly rows: number; readonly seed: number; readonly organisations: number };
  readonly machine: { readonly cores: number; readonly memoryGiB: number };
  readonly phases: readonly Phase[];
  /** Seconds from the first record in the topic to the last, and from the first decision to the last. */
  readonly snapshot: {
    readonly rows: number;
    readonly connectorSeconds: number;
    readonly projectorSeconds: number;
  };
  readonly writer: WriterResult;
  readonly window: WindowFacts;
  readonly latency: Latency;
  readonly decisions: readonly DecisionCount[];
  readonly rowsWritten: number;
  readonly quarantine: Unhealed;
  readonly checks: readonly Check[];
  /** The end of the old table; null if the stack is kept, because then the table is kept, too. */
  readonly retirement: RetirementFacts | null;
  readonly addresses: Readonly<Record<string, string>>;
}

const MEANINGS: Readonly<Record<string, string>> = {
  projected: "an owner's run: written to agent_compliance_runs",
  adopted: "an owner's run that the earlier script had copied: linked",
  twin: "an owner's run that the live path had recorded: linked",
  third_party: 'a run by somebody who does not own the agent',
  anonymous: 'a run by nobody',
  opted_out: "an owner's run on an agent that opted out of monitoring",
  orphaned: 'its context was gone before it was seen',
  gone: 'deleted before it was seen',
  quarantined: 'could not be read: put aside',
};

export function addsUp({ checks }: Pick<DemoFacts, 'checks'>): boolean {
  return checks.length > 0 && checks.every(({ passed }) => passed);
}

export function renderReport(facts: DemoFacts): Screen {
  return [
    ...section('Every legacy row has one decision', ...renderDecisions(facts)),
    ...section('While it streamed', renderStream(facts)),
    ...section('The cutover window', ...renderWindow(facts)),
    ...section('How fast', renderSpeed(facts)),
    ...(facts.retirement === null
      ? []
      : section('The end of the old table', ...renderRetirement(facts.retirement))),
    ...section('Checks, in SQL that shares no code with the projector', renderChecks(facts.checks)),
    ...section('Where the time went', renderPhases(facts.phases)),
    '',
    renderVerdict(facts),
  ];
}

function section(title: string, ...parts: readonly Part[]): Part[] {
  return ['', heading(title), indented(2, parts)];
}

function renderDecisions({ decisions, rowsWritten, quarantine }: DemoFacts): Part[] {
  const sum = decisions.reduce((total, { rows }) => total + rows, 0);
  const table = tableOf(
    ['decision', 'rows', ''],
    [
      ...decisions.map(({ decision, rows }) => [decision, rows, MEANINGS[decision] ?? '']),
      ['sum', sum, `${sum === rowsWritten ? '=' : '≠'} ${count(rowsWritten)} legacy rows ever written`],
    ],
  );
  return [table, `in quarantine: ${renderUnhealed(quarantine)}`];
}

function renderStream({ writer: { meanwhile, stream } }: DemoFacts): Table {
  return tableOf(
    ['rows', 'what happened to them'],
    [
      [meanwhile.runs, `runs recorded while connector and projector came up, ${pace(meanwhile)} a second`],
      [stream.runs, `runs recorded after that, ${pace(stream)} a second`],
      ...Object.entries(stream.touched).map(([story, rows]) => [rows, story]),
    ],
  );
}

const WINDOW_FIGURES = {
  twin: ['twins', 'runs that both sides recorded: linked to their live row'],
  'old pod': ['stragglers', 'an old pod knew nothing of the live path: projected'],
  'failed live write': ['stragglers', 'the live write had failed: projected'],
  late: ['late live rows', 'came after the projection: took its place, and our row went'],
  alone: ['live rows alone', 'have no legacy row: linked to none'],
  weak: ['weak fingerprints', 'nothing but the time in common: projected, for a person to look at'],
} as const;

function renderWindow({ window }: DemoFacts): Part[] {
  const rows = Object.entries(WINDOW_FIGURES).map(([figure, [what, meaning]]) => {
    const { found, written } = window.figures[figure as keyof typeof WINDOW_FIGURES];
    return [what, found, written, `${found === written ? '' : '≠ '}${meaning}`];
  });
  return [
    `live rows from ${minute(window.firstLiveAt)} to ${minute(window.lastLiveAt)}`,
    tableOf(['', 'found', 'written', ''], rows),
  ];
}

/** `2026-01-31 23:59 UTC`. */
function minute(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

function renderSpeed({ snapshot, latency, writer: { stream }, machine }: DemoFacts): Table {
  const rate = (seconds: number) =>
    seconds > 0 ? `${count(Math.round(snapshot.rows / seconds))} rows/s` : 'too short to tell';
  return tableOf(
    ['what', 'figure', `on ${String(machine.cores)} cores, ${String(machine.memoryGiB)} GiB`],
    [
      ['snapshot, table to Kafka', rate(snapshot.connectorSeconds), duration(snapshot.connectorSeconds)],
      ['snapshot, Kafka to decision', rate(snapshot.projectorSeconds), duration(snapshot.projectorSeconds)],
      ...(['p50', 'p95', 'p99', 'max'] as const).map((quantile, index) => [
        `latency ${quantile}`,
        `${latency[quantile].toFixed(1)} ms`,
        index === 0 ? `commit to visible, ${count(latency.rows)} rows at ${pace(stream)} a second` : '',
      ]),
    ],
  );
}

function renderChecks(checks: readonly Check[]): Table {
  return tableOf(
    ['', 'check', 'found', 'claim'],
    checks.map((check) => [check.passed ? good('ok') : bad('NO'), check.id, renderFound(check), check.claim]),
  );
}

/** The found value next to the expected one: `20 of 20`, `none of 20`, or the value itself. */
export function renderFound({ expected, found, lookedAt, passed }: Check): string {
  if (lookedAt === 0) return 'nothing to look at';
  if (!/^\d+$/.test(expected) || !/^\d+$/.test(found)) return passed ? found : `${found}, not ${expected}`;
  if (expected !== '0') return `${count(Number(found))} of ${count(Number(expected))}`;
  return `${found === '0' ? 'none' : count(Number(found))} of ${count(lookedAt)}`;
}

function renderRetirement({ gate, archive, evidenceFile }: RetirementFacts): Part[] {
  return [
    'The gate, by the days that it asks for. The demo is some minutes old, so it takes the table away by a clock of its own.',
    tableOf(
      ['condition', 'state', 'what is missing'],
      gate.map(({ id, state, missing }) => [id, state.replace('_', ' '), missing ?? '']),
    ),
    `archive: ${count(archive.rows)} rows at ${archive.target}`,
    `evidence: ${evidenceFile}`,
  ];
}

function renderPhases(phases: readonly Phase[]): Table {
  const total = phases.reduce((sum, { seconds }) => sum + seconds, 0);
  return tableOf(
    ['phase', 'time'],
    [...phases, { name: 'all', seconds: total }].map(({ name, seconds }) => [name, duration(seconds)]),
  );
}

function renderVerdict({ checks, rowsWritten }: DemoFacts): Part {
  const failed = checks.filter(({ passed }) => !passed);
  if (addsUp({ checks })) {
    return good(
      `It adds up: ${count(checks.length)} of ${count(checks.length)} checks passed over ${count(rowsWritten)} legacy rows.`,
    );
  }
  return bad(
    `IT DOES NOT ADD UP: ${count(failed.length)} of ${count(checks.length)} checks failed: ${failed.map(({ id }) => id).join(', ')}`,
  );
}

function pace({ runs, seconds }: Stretch): string {
  return count(Math.round(runs / seconds));
}

function count(value: number): string {
  return value.toLocaleString('en');
}

function duration(seconds: number): string {
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}
