import { PART_NAMES, PARTS, figuresOf, type FiguresOf, type PartName, type Results } from '../results.ts';
import {
  correctnessTable,
  firstRowTable,
  growthTable,
  latencyTable,
  peersTable,
  wholeWayTable,
  writersTable,
  type Table,
} from './tables.ts';
import { count } from './targets.ts';

/** What a part has to show: said in words, and a table. */
export interface Section {
  readonly heading: string;
  readonly text: string;
  readonly table: Table;
  /** The file of its chart. */
  readonly chart?: string;
}

/** The sections of a part; none where it has no figures. */
export function sectionsOf(results: Results, name: PartName): Section[] {
  const make: Record<PartName, () => Section[]> = {
    firstRow: () => of(results, 'firstRow', (figures) => [section('firstRow', '', firstRowTable(figures))]),
    throughput: () => of(results, 'throughput', throughputSections),
    wholeWay: () =>
      of(results, 'wholeWay', (figures) => [
        section(
          'wholeWay',
          `${count(figures.rows)} rows, from the first record in the topic to the last record, or to the commit of the last decision.`,
          wholeWayTable(figures),
        ),
      ]),
    latency: () =>
      of(results, 'latency', (figures) => [section('latency', LATENCY_TEXT, latencyTable(figures))]),
    correctness: () =>
      of(results, 'correctness', (figures) => [
        section('correctness', CORRECTNESS_TEXT, correctnessTable(figures)),
      ]),
    growth: () =>
      of(results, 'growth', (figures) => [
        {
          ...section(
            'growth',
            `One process, Avro, ${count(figures.rows)} rows of ${String(figures.bytesARow)} bytes, once.`,
            growthTable(figures),
          ),
          chart: 'growth.svg',
        },
      ]),
    window: () =>
      of(results, 'window', (figures) => [
        section(
          'window',
          `${count(figures.rows)} rows, ${count(figures.twins)} of them owners' runs, each of which the live path has recorded.`,
          peersTable(figures),
        ),
      ]),
    writers: () =>
      of(results, 'writers', (figures) => [
        section('writers', `${count(figures.rowsPerSecond)} rows/s, ${WRITERS_TEXT}`, writersTable(figures)),
      ]),
  };
  return make[name]();
}

const LATENCY_TEXT = `Each row in a transaction of its own. From the commit of the legacy row to the commit that made it visible, by the server's own
clock (\`track_commit_timestamp\`): nobody polls. Medians over the rounds; p50 and p99 within a round.`;
const CORRECTNESS_TEXT = `Seen in this run: one row a case, on the same servers. "✗" is not always a fault of the peer: the sink was never meant to
decide.`;
const WRITERS_TEXT = `each in a transaction of its own; from the sending of the statement to the answer to its commit. The connector
streams in both; "during" is an incremental snapshot of the whole table. No projector.`;

function of<P extends PartName>(
  results: Results,
  name: P,
  show: (figures: FiguresOf<P>) => Section[],
): Section[] {
  const figures = figuresOf(results, name);
  return figures === undefined ? [] : show(figures);
}

function section(name: PartName, text: string, table: Table): Section {
  const { title } = PARTS[name];
  return { heading: `${title.charAt(0).toUpperCase()}${title.slice(1)}`, text, table };
}

type ThroughputFigures = FiguresOf<'throughput'>;

function throughputSections({ small, large }: ThroughputFigures): Section[] {
  const text = (shape: ThroughputFigures['small']) =>
    `${count(shape.rows)} rows of ${String(shape.bytesARow)} bytes. Rows/s from the first commit to the last; "seconds" from the start of the process, or of the connector. CPU in seconds a million rows.${shape.failures.length === 0 ? '' : ` **Failed runs:** ${shape.failures.join('; ')}.`}`;
  return [
    { ...section('throughput', text(small), peersTable(small)), chart: 'throughput.svg' },
    {
      ...section('throughput', text(large), peersTable(large)),
      heading: 'The same with rows like the demo’s',
    },
  ];
}

/** Parts without figures, and why. */
export function missingParts(results: Results): string[] {
  return PART_NAMES.flatMap((name) => {
    const outcome = results.parts[name];
    if (outcome === undefined || outcome.kind === 'measured') return [];
    return [`${PARTS[name].title}: ${outcome.kind === 'failed' ? outcome.error : outcome.why}`];
  });
}
