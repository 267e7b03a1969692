import type { Config } from '../../lib/config.ts';
import type { Answers, FactName } from '../facts/facts.ts';
import { FACTS } from '../facts/facts.ts';
import type { Check, Circumstances } from './check.ts';
import { CONNECT_CHECKS } from './connect.ts';
import { LEGACY_TABLE_CHECKS } from './legacy-table.ts';
import { SERVER_CHECKS } from './server.ts';
import { SLOT_CHECKS } from './slot.ts';
import { SOURCE_CHECKS } from './source.ts';
import { STREAM_CHECKS } from './stream.ts';
import { LEGACY_VISIBLE } from './visible-rows.ts';

/** The checks of these ids, in this order. */
export function chosen(checks: readonly Check[], ids: readonly string[]): readonly Check[] {
  return ids.map((id) => {
    const found = checks.find((check) => check.id === id);
    if (found === undefined) throw new Error(`there is no check ${id}`);
    return found;
  });
}

export function factsOf(checks: readonly Check[]): Set<FactName> {
  return new Set(checks.flatMap(({ facts }) => facts));
}

/** The settings without which these checks cannot ask anything. */
export function settingsOf(checks: readonly Check[]): (keyof Config)[] {
  const needs = [...factsOf(checks)].flatMap((fact) => FACTS[fact].needs);
  return [...new Set([...needs, ...checks.flatMap(({ settings }) => settings)])];
}

const BESIDE_THE_SNAPSHOT = [
  ...SERVER_CHECKS,
  ...LEGACY_TABLE_CHECKS,
  ...SOURCE_CHECKS,
  ...LEGACY_VISIBLE,
  ...SLOT_CHECKS,
  ...CONNECT_CHECKS,
  ...STREAM_CHECKS,
];

/** What the connector rests on in the legacy database: `connector apply` and `snapshot start` refuse while one is red. */
export const SOURCE_FITS = chosen(BESIDE_THE_SNAPSHOT, [
  ...['legacy-version', 'wal-level', 'replication-slots-room'],
  ...['legacy-table', 'legacy-columns-sent', 'legacy-key', 'legacy-table-alone', 'replica-identity'],
  ...['signal-table', 'heartbeat-table', 'legacy-rows-visible'],
  ...['publication', 'connector-role', 'connector-grants', 'slot-identity', 'slot-wal-status'],
]);

/** Fails if nothing can be said of the source. */
export const LEGACY_ANSWERS = chosen(BESIDE_THE_SNAPSHOT, ['legacy-reachable']);

/** What makes a connector move. */
export const CONNECTOR_MOVES = chosen(BESIDE_THE_SNAPSHOT, [
  'connector-exists',
  'connector-tasks',
  'heartbeat-arrives',
]);

export const INITIAL_SNAPSHOT = chosen(BESIDE_THE_SNAPSHOT, ['initial-snapshot']);

/** What these checks needed to know and could not, one phrase per reason. */
export function unseenBy(facts: Iterable<FactName>, answers: Answers): string[] {
  const byReason = new Map<string, FactName[]>();
  for (const name of facts) {
    const answer = answers[name];
    if (!answer.known) byReason.set(answer.why, [...(byReason.get(answer.why) ?? []), name]);
  }
  return [...byReason].map(([why, names]) => `${names.join(', ')}: ${why}`);
}

/** What is wrong by these checks, one phrase each. */
export function evidenceOf(
  checks: readonly Check[],
  answers: Answers,
  circumstances: Circumstances,
): string[] {
  return checks.flatMap((check) => {
    const judgement = check.run(answers, circumstances);
    return judgement.verdict === 'failed' ? [judgement.evidence] : [];
  });
}
