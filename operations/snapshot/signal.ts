import { randomBytes } from 'node:crypto';
import { FatalError, messageOf } from '../../lib/errors.ts';
import type { Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { postgresClock } from '../facts/clock.ts';
import type { Remark, Signal, SignalType } from '../facts/signals.ts';
import { DATA_COLLECTION } from '../facts/snapshot-runs.ts';
import { conditionOf, type Scope } from './scope.ts';

export interface SentSignal extends Signal {
  /** The time by the clock of the legacy database. */
  readonly sentAt: Date;
}

const SIGNAL_ID_PREFIX = 'history-cdc-';

const INSERT = 'INSERT INTO history_cdc_source.signal (id, type, data) VALUES ($1, $2, $3)';

export function executeData(scope: Scope): string {
  const condition = conditionOf(scope);
  return JSON.stringify({
    type: 'incremental',
    'data-collections': [DATA_COLLECTION],
    ...(condition !== null && {
      'additional-conditions': [{ 'data-collection': DATA_COLLECTION, filter: condition }],
    }),
  });
}

/**
 * The data of a signal. The remark is for people and for `snapshot status`; Debezium ignores fields that it does not
 * know.
 */
export function switchData(remark: Remark): string {
  return JSON.stringify({
    type: 'incremental',
    'data-collections': [DATA_COLLECTION],
    'history-cdc': remark,
  });
}

export function signalId(now: Date): string {
  const time = now.toISOString().replaceAll(/[-:.]/g, '');
  return `${SIGNAL_ID_PREFIX}${time}-${randomBytes(3).toString('hex')}`;
}

/** Inserts the signal's row, with the role of LEGACY_DATABASE_URL. */
export async function sendSignal(legacy: Pool, type: SignalType, data: string): Promise<SentSignal> {
  const sentAt = await postgresClock(legacy);
  const id = signalId(sentAt);
  const { rowCount } = await legacy.query(INSERT, [id, type, data]).catch((error: unknown) => {
    throw sqlState(error) === '42501' ? mayNotSignal(messageOf(error), error) : error;
  });
  if (rowCount !== 1) throw swallowed();
  return { id, type, data, sentAt };
}

/** The error of a role that lacks a right. The DBA's script names the rights of roles that run these commands. */
export function mayNotSignal(reason: string, cause?: unknown): FatalError {
  return new FatalError({
    code: 'DATABASE_UNFIT',
    message: `the role of LEGACY_DATABASE_URL cannot send a signal: ${reason}`,
    wayOut:
      'have the owner run, with the name of that role: GRANT USAGE ON SCHEMA history_cdc_source TO operator; GRANT SELECT, INSERT ON history_cdc_source.signal TO operator; GRANT SELECT ON history_cdc_source.heartbeat TO operator',
    cause,
  });
}

function swallowed(): FatalError {
  return new FatalError({
    code: 'DATABASE_UNFIT',
    message: 'the row of the signal was not inserted; a trigger or a rule of the table probably dropped it',
    wayOut: 'look at history_cdc_source.signal in psql with \\d, and remove its triggers and rules',
  });
}
