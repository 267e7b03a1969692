/** Sets the gauges by the answers of one look. An answer that is not known leaves its gauges without a sample. */
import { forget, setState } from '../../lib/metric-kinds.ts';
import type { Metrics } from '../../lib/metrics.ts';
import { ledgerSums } from '../checks/ledger-sums.ts';
import { runwaySeconds } from '../checks/limits.ts';
import { lostReason } from '../checks/slot.ts';
import { valueOf, type Answer } from '../facts/answer.ts';
import type { ConnectorFacts } from '../facts/connect.ts';
import type { Answers, FactName } from '../facts/facts.ts';
import type { SlotFacts } from '../facts/postgres.ts';
import { CONDITION_STATES, holds } from '../soak/condition.ts';
import { counts, INCIDENT_KINDS, isOver } from '../soak/incidents.ts';
import { STAGES } from '../soak/stages.ts';
import { showVerification } from '../verification/show.ts';
import type { SoakLook } from './soak-look.ts';

/** What a look asks of `operations/facts`. */
export const ASKED = [
  ...(['slot', 'server', 'connector', 'dataTopic', 'projection'] as const),
  ...(['decisions', 'verdicts', 'verification'] as const),
] as const satisfies readonly FactName[];

export interface GaugeAnswers extends Pick<Answers, (typeof ASKED)[number]> {
  readonly lag: Answer<ReadonlyMap<number, number>>;
  readonly soak: Answer<SoakLook>;
}

const CONNECTOR_STATES = [
  ...['running', 'paused', 'stopped', 'failed', 'unassigned', 'no_task', 'missing'],
] as const;
const SLOT_STATES = ['active', 'inactive', 'lost', 'missing'] as const;
const VERDICTS = ['proven', 'changes_proven', 'not_proven', 'wrong', 'none'] as const;
/** Conditions that were judged longer ago say nothing about now: a projector looks every five minutes. */
const SOAK_LOOK_IS_OLD_SECONDS = 1_800;

/** False for a fact whose service the settings do not name: nobody expects that it is known. */
type IsConfigured = (fact: FactName) => boolean;

export function showGauges(metrics: Metrics, answers: GaugeAnswers, isConfigured: IsConfigured): void {
  const { connector, ...others } = known(answers);
  for (const [fact, isKnown] of Object.entries(others)) metrics.factKnown.set({ fact }, isKnown ? 1 : 0);
  if (isConfigured('connector')) metrics.factKnown.set({ fact: 'connector' }, connector ? 1 : 0);
  showLag(metrics, answers);
  showConnector(metrics, answers);
  showSlot(metrics, answers);
  showLedger(metrics, answers);
  showVerdict(metrics, answers);
  showVerification(metrics, valueOf(answers.verification));
  showSoak(metrics, answers);
}

/** Takes every sample away, because nobody has looked for too long. */
export function forgetGauges(metrics: Metrics, isConfigured: IsConfigured): void {
  const why = { known: false, why: 'nobody has looked' } as const;
  const names = [...ASKED, 'lag', 'soak'] as const;
  const nothing = Object.fromEntries(names.map((name) => [name, why])) as unknown as GaugeAnswers;
  showGauges(metrics, nothing, isConfigured);
}

/** An answer of undefined means that the ledger is of an earlier release, or is not there: that is not known either. */
function known({ slot, server, connector, lag, decisions, verdicts, verification, soak }: GaugeAnswers) {
  return {
    slot: slot.known && server.known,
    connector: connector.known,
    lag: lag.known,
    decisions: valueOf(decisions) !== undefined,
    verdicts: valueOf(verdicts) !== undefined,
    verification: valueOf(verification) !== undefined,
    soak: soak.known,
  };
}

function showLag({ lagSeconds }: Metrics, { lag }: GaugeAnswers): void {
  forget(lagSeconds);
  for (const [partition, seconds] of valueOf(lag) ?? [])
    lagSeconds.set({ partition: String(partition) }, seconds);
}

function showConnector({ connectorState }: Metrics, { connector }: GaugeAnswers): void {
  forget(connectorState);
  if (connector.known)
    setState(connectorState, { label: 'state', all: CONNECTOR_STATES, current: stateOf(connector.value) });
}

/** The worst of the connector and its tasks. */
function stateOf({ config, status }: ConnectorFacts): (typeof CONNECTOR_STATES)[number] {
  if (config === undefined) return 'missing';
  if (status === undefined) return 'unassigned';
  const states = [status.connector, ...status.tasks].map(({ state }) => state);
  if (states.includes('FAILED')) return 'failed';
  if (states.includes('STOPPED')) return 'stopped';
  if (states.includes('PAUSED')) return 'paused';
  if (status.tasks.length === 0) return 'no_task';
  return states.every((state) => state === 'RUNNING') ? 'running' : 'unassigned';
}

function showSlot(metrics: Metrics, { slot, server }: GaugeAnswers): void {
  const { slotState, slotRetained, slotUnconfirmed, slotRoom, slotLimit, slotRunway } = metrics;
  forget(slotState, slotRetained, slotUnconfirmed, slotRoom, slotLimit, slotRunway);
  if (!slot.known || !server.known) return;
  setState(slotState, { label: 'state', all: SLOT_STATES, current: slotStateOf(slot.value) });
  const { capMegabytes } = server.value;
  if (capMegabytes >= 0) slotLimit.set(capMegabytes * 1024 ** 2);
  if (slot.value === null) return;
  const { retainedBytes, lagBytes, bytesLeft } = slot.value;
  if (retainedBytes !== null) slotRetained.set(retainedBytes);
  if (lagBytes !== null) slotUnconfirmed.set(lagBytes);
  if (bytesLeft !== null) slotRoom.set(bytesLeft);
  const seconds = runwaySeconds(server.value, slot.value, server.value.averageWalRate);
  if (seconds !== undefined && Number.isFinite(seconds)) slotRunway.set(seconds);
}

function slotStateOf(slot: SlotFacts | null): (typeof SLOT_STATES)[number] {
  if (slot === null) return 'missing';
  if (lostReason(slot) !== undefined) return 'lost';
  return slot.active ? 'active' : 'inactive';
}

function showLedger({ ledgerRows, stragglers, twinsBlocked }: Metrics, answers: GaugeAnswers): void {
  forget(ledgerRows, stragglers, twinsBlocked);
  const rows = valueOf(answers.decisions);
  if (rows === undefined) return;
  for (const { decision, rows: count } of rows) ledgerRows.set({ decision }, count);
  const sums = ledgerSums({ decisions: answers.decisions, legacyRows: { known: false, why: 'not asked' } });
  stragglers.set(sums.stragglers ?? 0);
  twinsBlocked.set(sums.blocked ?? 0);
}

function showVerdict({ verdict, verdictStale, verdictAt }: Metrics, { verdicts }: GaugeAnswers): void {
  forget(verdict, verdictStale, verdictAt);
  const facts = valueOf(verdicts);
  if (facts === undefined) return;
  const { last } = facts;
  setState(verdict, { label: 'verdict', all: VERDICTS, current: last?.verdict ?? 'none' });
  if (last === undefined) return;
  verdictStale.set(last.stale === null ? 0 : 1);
  if (last.run.finished_at !== null) verdictAt.set(last.run.finished_at.getTime() / 1000);
}

/** Every stage, condition and kind has a sample, so that one that is missing means that nobody has looked. */
function showSoak(metrics: Metrics, { soak }: GaugeAnswers): void {
  const { soakStage, soakCondition, soakConditionState, soakIncidents, soakLooked } = metrics;
  forget(soakStage, soakCondition, soakConditionState, soakIncidents, soakLooked);
  if (!soak.known) return;
  const { stage, look, incidents } = soak.value;
  setState(soakStage, { label: 'stage', all: STAGES, current: stage });
  for (const kind of INCIDENT_KINDS) {
    const ofKind = incidents.filter((incident) => incident.kind === kind);
    const open = ofKind.filter((incident) => !isOver(incident)).length;
    const stops = ofKind.filter((incident) => isOver(incident) && counts(incident)).length;
    soakIncidents.set({ kind, state: 'open' }, open);
    soakIncidents.set({ kind, state: 'stops' }, stops);
    soakIncidents.set({ kind, state: 'past' }, ofKind.length - open - stops);
  }
  if (look === null) return;
  soakLooked.set(look.at.getTime() / 1000);
  if (look.secondsAgo > SOAK_LOOK_IS_OLD_SECONDS) return;
  for (const [condition, state] of Object.entries(look.conditions)) {
    soakCondition.set({ condition }, holds({ state }) ? 1 : 0);
    for (const one of CONDITION_STATES)
      soakConditionState.set({ condition, state: one }, one === state ? 1 : 0);
  }
}
