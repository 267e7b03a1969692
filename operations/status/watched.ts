import { CHECKS } from '../checks/all.ts';
import type { Check } from '../checks/check.ts';
import { chosen } from '../checks/choice.ts';

/** The parts of the screen. */
export const SECTIONS = [
  'services',
  'tables',
  'connector',
  'slot',
  'lag',
  'projector',
  'decisions',
  'quarantine',
  'sweeper',
  'snapshot',
  'verdict',
  'verified',
] as const;
export type Section = (typeof SECTIONS)[number];

/**
 * The checks on what changes while it runs, and can be asked every few seconds by a role that only reads, each with the part
 * of the screen it belongs to. In the order in which what is wrong should be mended: a cause stands before what follows
 * from it, and what loses rows before what only delays them.
 */
const WATCHED_IDS: Readonly<Record<string, Section>> = {
  'legacy-reachable': 'services',
  'canonical-reachable': 'services',
  'kafka-reachable': 'services',
  'connect-reachable': 'services',
  'registry-reachable': 'services',
  'legacy-primary': 'services',
  'canonical-server': 'services',
  'legacy-table': 'tables',
  'canonical-tables': 'tables',
  'legacy-rows-visible': 'tables',
  'canonical-rows-visible': 'tables',
  'slot-exists': 'slot',
  'slot-wal-status': 'slot',
  'slot-identity': 'slot',
  continuity: 'slot',
  'topics-exist': 'connector',
  'topic-identity': 'lag',
  'offsets-in-range': 'lag',
  'topic-settings': 'lag',
  publication: 'connector',
  'legacy-table-alone': 'connector',
  'legacy-columns-sent': 'connector',
  'legacy-key': 'connector',
  'replica-identity': 'connector',
  'connector-role': 'connector',
  'connector-grants': 'connector',
  'signal-table': 'connector',
  'heartbeat-table': 'connector',
  'ledger-schema': 'decisions',
  'unique-keys': 'decisions',
  'connector-exists': 'connector',
  'connector-tasks': 'connector',
  'connector-drift': 'connector',
  'connect-cluster': 'connector',
  'registry-schemas': 'connector',
  'topic-replicas': 'connector',
  'slot-not-held': 'slot',
  'slot-active': 'slot',
  'wal-runway': 'slot',
  'heartbeat-arrives': 'connector',
  'heartbeat-written': 'connector',
  'initial-snapshot': 'snapshot',
  'group-ours': 'projector',
  'projector-runs': 'projector',
  'projector-moves': 'projector',
  'long-transactions': 'slot',
  'prepared-transactions': 'slot',
  'lag-late': 'lag',
  'retirement-stage': 'verdict',
  verdict: 'verdict',
  verification: 'verified',
  'quarantine-empty': 'quarantine',
  snapshot: 'snapshot',
  stragglers: 'decisions',
  'rows-counted': 'decisions',
  'sweep-failed': 'sweeper',
  'sweeper-late': 'sweeper',
  'twins-blocked': 'sweeper',
  'webhook-delivered': 'projector',
};

export const WATCHED: readonly Check[] = chosen(CHECKS, Object.keys(WATCHED_IDS));

export function sectionOf(id: string): Section {
  return WATCHED_IDS[id] ?? 'services';
}
