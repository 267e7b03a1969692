import { createHash } from 'node:crypto';
import { Locks, Table } from './store.ts';

/** A timestamp as Postgres reads it, in microseconds since 1970. */
export function microsOf(text: string): number {
  const [, seconds = '', fraction = ''] = /^([^.Z]*)(?:\.(\d+))?Z$/.exec(text) ?? [];
  const ms = Date.parse(`${seconds}Z`);
  if (Number.isNaN(ms)) throw new Error(`the model reads no such timestamp: ${text}`);
  return ms * 1000 + Number(fraction.padEnd(6, '0'));
}

/** The same as ISO text, with its microseconds. */
export function isoOf(us: number): string {
  const fraction = String(us % 1_000_000).padStart(6, '0');
  return `${new Date(Math.floor(us / 1000)).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** A canonical row. */
export interface RunRow {
  readonly id: string;
  readonly agentUrl: string;
  readonly lifecycleStage: string;
  readonly overallStatus: string;
  readonly headline: string | null;
  readonly durationMs: number | null;
  readonly testedAtUs: number;
  readonly tracksPassed: number;
  readonly tracksFailed: number;
  readonly profile: string | null;
  readonly observations: Readonly<Record<string, string | null>>;
  readonly dryRun: boolean;
  readonly organizationId: string | null;
}

export interface LedgerRow {
  readonly legacyId: string;
  readonly decision: string;
  readonly reason: string;
  readonly runId: string | null;
  readonly contextId: string | null;
  readonly userId: string | null;
  readonly organizationId: string | null;
  readonly agentUrl: string | null;
  readonly isMember: boolean | null;
  readonly listsAgent: boolean | null;
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
  readonly op: string;
  readonly snapshot: boolean;
  readonly startedAtUs: number | null;
  /** Null where the row takes no part in matching. */
  readonly fingerprint: string | null;
  readonly profileHash: string | null;
  readonly isDeleted: boolean;
}

/** An unsettled twin; `run` is the row of ours that is kept beside it. */
export interface UnsettledRow {
  readonly legacyId: string;
  readonly testedAtUs: number;
  readonly run: RunRow | null;
}

export interface OffsetRow {
  readonly topicId: string;
  readonly partition: number;
  readonly nextOffset: number;
  readonly epoch: number;
  readonly streamedUntilUs: number | null;
}

export interface QuarantineRow {
  readonly legacyId: string | null;
  readonly isHealed: boolean;
}

/** A legacy row as the application's table has it. */
export interface LegacyTableRow {
  readonly id: string;
  readonly contextId: string;
  readonly scenario: string;
  readonly overallPassed: boolean;
  readonly stepsPassed: number;
  readonly stepsFailed: number;
  readonly durationMs: number | null;
  readonly summary: string | null;
  readonly dryRun: boolean | null;
  readonly userId: string | null;
  readonly profile: string | null;
  readonly startedAt: string;
}

export interface ContextRow {
  readonly id: string;
  readonly organizationId: string;
  readonly agentUrl: string;
}

/** The tables that the projector reads and writes. What the application alone writes is committed at once. */
export class Tables {
  readonly locks = new Locks();
  readonly runs = new Table<RunRow>('runs');
  readonly ledger = new Table<LedgerRow>('ledger');
  readonly unsettled = new Table<UnsettledRow>('unsettled_twin');
  readonly offsets = new Table<OffsetRow>('consumer_offset');
  readonly quarantine = new Table<QuarantineRow>('quarantine');
  readonly diagnostics = new Table<{ readonly runId: string }>('diagnostics');
  readonly legacy = new Map<string, LegacyTableRow>();
  readonly contexts = new Map<string, ContextRow>();
  /** `organisation agent`. */
  readonly listed = new Set<string>();
  /** `user organisation`. */
  readonly members = new Set<string>();
  readonly optedOut = new Set<string>();
  readonly partitions: number;

  constructor(partitions: number) {
    this.partitions = partitions;
  }
}

const hashes = new Map<string, string>();

function md5(text: string): string {
  let hash = hashes.get(text);
  if (hash === undefined) {
    const hex = createHash('md5').update(text).digest('hex');
    hash = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    hashes.set(text, hash);
  }
  return hash;
}

/** `history_cdc.run_fingerprint`, as migration 2 has it. */
export function runFingerprint({
  headline,
  durationMs,
  overallStatus,
}: Pick<RunRow, 'headline' | 'durationMs' | 'overallStatus'>): string {
  const duration = durationMs === null || durationMs === 0 ? '' : String(durationMs);
  return md5(
    `${overallStatus === 'passing' ? 'passing ' : 'other '}${duration}${headline === null ? '' : ` =${headline}`}`,
  );
}

/** `history_cdc.profile_hash`. */
export function profileHash(profile: string | null): string | null {
  return profile === null || profile === 'null' ? null : md5(profile);
}

/** `history_cdc.is_live_run`. */
export function isLive({ observations }: RunRow): boolean {
  return observations['backfill_source'] !== 'agent_test_history';
}

export function isOurs({ observations }: RunRow): boolean {
  return observations['backfill_script'] === 'history-cdc';
}
