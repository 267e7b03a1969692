import type { AreaName } from '../facts/areas.ts';
import type { Check } from '../checks/check.ts';
import { CHECKS } from '../checks/all.ts';

/** The parts of the screen. */
export const SECTIONS = [
  'services',
  'connector',
  'slot',
  'lag',
  'projector',
  'decisions',
  'quarantine',
  'sweeper',
  'snapshot',
  'verdict',
] as const;
export type Section = (typeof SECTIONS)[number];

/**
 * The checks of `doctor` on what changes while it runs, and can be asked every few seconds by a role that only reads, each
 * with the part of the screen it belongs to. In the order in which what is wrong should be mended: a cause stands before
 * what follows from it, and what loses rows before what only delays them.
 */
const WATCHED_IDS: Readonly<Record<string, Section>> = {
  'legacy-reachable': 'services',
  'canonical-reachable': 'services',
  'kafka-reachable': 'services',
  'connect-reachable': 'services',
  'registry-reachable': 'services',
  'legacy-primary': 'services',
  'canonical-server': 'services',
  'legacy-table': 'services',
  'canonical-tables': 'services',
  'legacy-rows-visible': 'services',
  'canonical-rows-visible': 'services',
  'slot-exists': 'slot',
  'slot-wal-status': 'slot',
  'slot-identity': 'slot',
  'slot-position': 'slot',
  gaps: 'slot',
  'topics-exist': 'connector',
  'topic-identity': 'lag',
  'topic-partitions': 'lag',
  'offsets-in-range': 'lag',
  'topic-compression': 'lag',
  'topic-cleanup': 'lag',
  'topic-retention': 'lag',
  publication: 'connector',
  'publication-complete': 'connector',
  'publication-operations': 'connector',
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
  'topic-message-limit': 'connector',
  'connect-cluster': 'connector',
  'registry-schemas': 'connector',
  'topic-replicas': 'connector',
  'slot-not-held': 'slot',
  'slot-active': 'slot',
  'wal-runway': 'slot',
  'task-moves': 'connector',
  'heartbeat-arrives': 'connector',
  'heartbeat-written': 'connector',
  'initial-snapshot': 'snapshot',
  'projector-moves': 'projector',
  'long-transactions': 'slot',
  'prepared-transactions': 'slot',
};

export const WATCHED: readonly Check[] = Object.keys(WATCHED_IDS).map((id) => {
  const check = CHECKS.find((each) => each.id === id);
  if (check === undefined) throw new Error(`there is no check ${id}`);
  return check;
});

export const AREAS_WATCHED: ReadonlySet<AreaName> = new Set(WATCHED.flatMap(({ needs }) => needs));

export function sectionOf(id: string): Section {
  return WATCHED_IDS[id] ?? 'services';
}
