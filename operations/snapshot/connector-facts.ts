import { FatalError } from '../../lib/errors.ts';
import { judgeSource } from '../checks/judge-source.ts';
import { judgeStatus, type ConnectorReport } from '../connector/connector-report.ts';
import {
  askSource,
  sourceNames,
  type ConnectorSettings,
  type Target,
} from '../../connectors/deploy/target.ts';
import type { Observed } from './observer.ts';

/** What Connect has stored of a snapshot that is under way: Debezium goes on from there when its task begins anew. */
export interface StoredSnapshot {
  readonly id: string;
  readonly condition: string | null;
}

export interface ConnectorFacts {
  /** Null where Kafka Connect does not answer. */
  readonly report: ConnectorReport | null;
  /** What keeps it from moving; empty where it moves. */
  readonly problems: readonly string[];
  /** Null where none is stored; undefined where that is not known. */
  readonly stored: StoredSnapshot | null | undefined;
}

/** Connector, task, heartbeat, slot and publication, as `connector status` judges them. */
export async function connectorFacts(
  target: Target,
  config: ConnectorSettings,
  observed: Observed,
): Promise<ConnectorFacts> {
  try {
    const status = await target.connect.status(config.CONNECTOR_NAME);
    const [offset] = await target.connect.offsets(config.CONNECTOR_NAME);
    const stored = storedSnapshot(offset);
    const source = await askSource(target, config);
    const report = judgeStatus({
      name: config.CONNECTOR_NAME,
      now: new Date(),
      status,
      // An initial snapshot that never was is no reason not to move: the incremental one makes up for it.
      proof: { heartbeat: observed.heartbeat, beats: 0, snapshot: 'completed' },
      slot: 'facts' in source ? source.facts.slot : null,
      slotUnknown: 'facts' in source ? null : source.unreachable,
      sourceProblems: 'facts' in source ? judgeSource(source.facts, sourceNames(config)) : [],
      redact: (text) => target.connect.redact(text),
    });
    return { report, problems: report.problems, stored };
  } catch (error) {
    if (!(error instanceof FatalError) || error.code !== 'CONNECT_UNREACHABLE') throw error;
    return { report: null, problems: [error.message], stored: undefined };
  }
}

interface Collection {
  readonly incremental_snapshot_collections_additional_condition: string | null;
}

/** Connect commits offsets once a minute by default, so what is stored may be older than what the notifications tell. */
export function storedSnapshot(
  offset: Readonly<Record<string, unknown>> | undefined,
): StoredSnapshot | null | undefined {
  if (offset === undefined) return undefined;
  const id = offset['incremental_snapshot_correlation_id'];
  const collections = offset['incremental_snapshot_collections'];
  if (typeof id !== 'string' || typeof collections !== 'string') return null;
  const [first] = JSON.parse(collections) as Collection[];
  return { id, condition: first?.incremental_snapshot_collections_additional_condition ?? null };
}
