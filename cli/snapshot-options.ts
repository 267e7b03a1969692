import { existsSync, readFileSync } from 'node:fs';
import { Option, type Command } from 'commander';
import { DEFAULT_LIMITS, type PaceSettings } from '../operations/snapshot/health.ts';
import { parseIds, type Scope } from '../operations/snapshot/scope.ts';
import { FatalError } from '../lib/errors.ts';
import { shell } from '../lib/quoting.ts';
import { anyNumber, whole } from './parsers.ts';

/** The options with the limits at which a watch pauses a snapshot. */
export interface PaceOptions {
  readonly maxSlotLag: number;
  readonly maxReplicationLag: number;
  readonly maxActiveSessions: number;
  readonly paceQuery?: string;
  readonly maxPaceQuery?: number;
  readonly interval: number;
  readonly stalledAfter: number;
}

const MIB = 1_048_576;

export function withPaceOptions(command: Command): Command {
  const limit = (flags: string, what: string, value: number) =>
    new Option(flags, what).argParser(whole(0)).default(value);
  return command
    .addOption(
      limit(
        '--max-slot-lag <MiB>',
        'pause while the lag of the slot is larger; 0 for no limit',
        DEFAULT_LIMITS.slot_lag_bytes / MIB,
      ),
    )
    .addOption(
      limit(
        '--max-replication-lag <seconds>',
        'pause while the slowest physical replica is further behind; 0 for no limit',
        DEFAULT_LIMITS.replication_lag_seconds,
      ),
    )
    .addOption(
      limit(
        '--max-active-sessions <sessions>',
        'pause while more client sessions run a statement; 0 for no limit',
        DEFAULT_LIMITS.active_sessions,
      ),
    )
    .option('--pace-query <sql>', 'a SELECT of one number, run at LEGACY_DATABASE_URL, read only, within 5 s')
    .option('--max-pace-query <number>', 'pause while the query returns more', anyNumber)
    .option('--interval <seconds>', 'how often to look', whole(1), 2)
    .option(
      '--stalled-after <seconds>',
      'give up after this time without progress, if the snapshot is not paused',
      whole(1),
      600,
    );
}

export function paceSettings(options: PaceOptions): PaceSettings {
  const { paceQuery, maxPaceQuery } = options;
  if ((paceQuery === undefined) !== (maxPaceQuery === undefined)) {
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: '--pace-query and --max-pace-query go together',
      wayOut: 'give both: a query that returns one number, and the limit for that number',
    });
  }
  return {
    limits: {
      ...(options.maxSlotLag > 0 && { slot_lag_bytes: options.maxSlotLag * MIB }),
      ...(options.maxReplicationLag > 0 && { replication_lag_seconds: options.maxReplicationLag }),
      ...(options.maxActiveSessions > 0 && { active_sessions: options.maxActiveSessions }),
      ...(maxPaceQuery !== undefined && { query: maxPaceQuery }),
    },
    ...(paceQuery !== undefined && { query: paceQuery }),
  };
}

export interface ScopeOptions {
  readonly ids?: string;
  readonly where?: string;
  readonly missing?: true;
}

/** The scope of the options. For `missing`, the ids are known only after a look into the ledger. */
export function scopeOf({ ids, where, missing }: ScopeOptions): Scope | 'missing' {
  const given = [ids, where, missing].filter((option) => option !== undefined);
  if (given.length > 1) {
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: '--ids, --where and --missing exclude each other',
      wayOut: 'give one of them, or none for the whole table',
    });
  }
  if (missing === true) return 'missing';
  if (ids !== undefined)
    return { kind: 'ids', ids: parseIds(existsSync(ids) ? readFileSync(ids, 'utf8') : ids) };
  return where === undefined ? { kind: 'table' } : { kind: 'where', condition: where };
}

/** The command as it was given, so that a way out can repeat it. */
export function startAgain({ ids, where, missing }: ScopeOptions): string {
  if (missing === true) return '`history-cdc snapshot start --missing`';
  if (ids !== undefined) return 'the same `history-cdc snapshot start --ids …`';
  const command =
    where === undefined
      ? shell`history-cdc snapshot start`
      : shell`history-cdc snapshot start --where ${where}`;
  return `\`${command}\``;
}
