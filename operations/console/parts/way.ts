import { html } from 'hono/html';
import { isOwnerDecision, type Decision } from '../../../consumers/agent-test-history/rule/outcome.ts';
import { bytesText, countText, spanText } from '../../../lib/figures.ts';
import type { Severity, StatusReport } from '../../status/report.ts';
import type { Section } from '../../status/watched.ts';
import { MARKS } from '../../status/words.ts';
import type { Html } from '../layout.ts';
import { badge, type Tone } from './words.ts';

/** A place on the way of a row. Its problems are those of its sections. */
interface Station {
  readonly name: string;
  readonly where: string;
  readonly figure: string | null;
  readonly facts: readonly string[];
  readonly sections: readonly Section[];
  readonly known: boolean;
}

export const TONES: Readonly<Record<Severity, Tone>> = {
  wrong: 'wrong',
  unknown: 'unknown',
  attention: 'look',
  not_yet: 'unknown',
};

/** The way of a row, from the table to the canonical row, with what waits in between and where it stands still. */
export function wayPart(report: StatusReport): Html {
  const stations = stationsOf(report);
  const stopped = stations.find((station) => worst(report, station)?.severity === 'wrong');
  return html`<ol class="way">
    ${stations.map((station) => stationPart(station, report, station === stopped))}
  </ol>`;
}

function stationPart(station: Station, report: StatusReport, stopped: boolean): Html {
  const problem = worst(report, station);
  const state = problem === undefined ? (station.known ? 'ok' : 'not known') : MARKS[problem.severity];
  const tone = problem === undefined ? (station.known ? 'good' : 'unknown') : TONES[problem.severity];
  return html`<li class="${tone}">
    <div class="way-head">
      <h3>${station.name}</h3>
      ${badge(tone, stopped ? 'here first' : state)}
    </div>
    <p class="soft small">${station.where}</p>
    <p class="figure">${station.figure ?? 'not known'}</p>
    <ul class="small soft">
      ${station.facts.map((fact) => html`<li>${fact}</li>`)}
    </ul>
  </li>`;
}

/** The problems are in order: the first one of a station is its worst. */
function worst({ problems }: StatusReport, { sections }: Station) {
  return problems.find(({ section }) => sections.includes(section));
}

function stationsOf(report: StatusReport): Station[] {
  const { services, ledger, lag, slot, connector, projectors } = report;
  return [
    {
      name: 'Legacy table',
      where: 'agent_test_history',
      figure: ledger?.legacyRows == null ? null : `${countText(ledger.legacyRows)} rows`,
      facts: slot === null ? ['no slot is known'] : slotFacts(slot),
      sections: ['tables', 'slot'],
      known: services['legacy database'] && slot !== null,
    },
    {
      name: 'Debezium',
      where: connector?.name ?? 'connector',
      figure: connector === null ? null : connector.state.toLowerCase(),
      facts: [
        connector?.heartbeatSeconds == null
          ? 'no heartbeat has come'
          : `heartbeat ${spanText(connector.heartbeatSeconds)} ago`,
        ...(connector === null || connector.tasks.length === 0
          ? []
          : [`task ${connector.tasks.join(', ').toLowerCase()}`]),
      ],
      sections: ['connector', 'snapshot'],
      known: connector !== null && connector.state !== 'UNREACHABLE',
    },
    {
      name: 'Topic',
      where: 'Kafka',
      figure: lag === null ? null : lag.records === 0 ? 'nothing waits' : `${countText(lag.records)} wait`,
      facts: lag === null ? ['the lag is not known'] : lagFacts(lag),
      sections: ['lag'],
      known: lag !== null,
    },
    {
      name: 'Ledger',
      where: `projectors: ${projectors === null ? 'not known' : countText(projectors)}`,
      figure: ledger === null ? null : `${countText(ledger.rowsSeen ?? 0)} decided`,
      facts: ledgerFacts(report),
      sections: ['projector', 'decisions', 'quarantine', 'sweeper'],
      known: ledger !== null,
    },
    {
      name: 'Canonical table',
      where: 'agent_compliance_runs',
      figure: ledger === null ? null : `${countText(linkedRows(ledger.decisions))} linked`,
      facts: canonicalFacts(report),
      sections: ['verdict', 'verified'],
      known: ledger !== null && services['canonical database'],
    },
  ];
}

function slotFacts({ lagBytes, runwaySeconds, active }: NonNullable<StatusReport['slot']>): string[] {
  return [
    active ? 'the slot is read' : 'nobody reads the slot',
    ...(lagBytes === null ? [] : [`${bytesText(lagBytes)} of WAL not confirmed`]),
    ...(runwaySeconds === null ? [] : [`an outage may last ${spanText(runwaySeconds)}`]),
  ];
}

function lagFacts({
  records,
  seconds,
  recordsPerSecond,
  secondsLeft,
  secondsSinceCommit,
}: NonNullable<StatusReport['lag']>): string[] {
  return [
    ...(records === 0
      ? []
      : [seconds === null ? 'since when is not known' : `the oldest for ${spanText(seconds)}`]),
    ...(recordsPerSecond === null ? [] : [`${countText(recordsPerSecond)} records/s`]),
    ...(records === 0 || secondsLeft === null ? [] : [`${spanText(secondsLeft)} left`]),
    `last commit ${spanText(secondsSinceCommit)} ago`,
  ];
}

function ledgerFacts({ ledger, quarantine }: StatusReport): string[] {
  const open = quarantine === null ? 'quarantine: not known' : `${countText(quarantine.open)} parked`;
  if (ledger === null) return [open];
  const { stragglers } = ledger;
  return [open, stragglers === null ? 'stragglers: not known' : `${countText(stragglers)} stragglers`];
}

function canonicalFacts({ verification, verdicts }: StatusReport): string[] {
  const verdict = verdicts?.[0];
  return [
    verification === null
      ? 'verification: not known'
      : `${countText(verification.checked.rows)} verified, wrong: ${verification.wrong === null ? 'not known' : countText(verification.wrong)}`,
    verdict === undefined ? 'no verdict yet' : `last verdict: ${verdict.verdict.replaceAll('_', ' ')}`,
  ];
}

function linkedRows(decisions: Readonly<Record<string, number>>): number {
  return Object.entries(decisions)
    .filter(([decision]) => isOwnerDecision(decision as Decision))
    .reduce((sum, [, rows]) => sum + rows, 0);
}
