import { randomBytes } from 'node:crypto';
import { FatalError, messageOf } from '../../lib/errors.ts';
import type { Client, Pool } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { readSourceClock } from '../facts/source.ts';
import { DATA_COLLECTION } from './runs.ts';
import { conditionOf, type Scope } from './scope.ts';

export type SignalType = 'execute-snapshot' | 'pause-snapshot' | 'resume-snapshot' | 'stop-snapshot';

/** Who paused or resumed, and why: `pace` is the watch, for the health of the database. */
export interface Remark {
  readonly by: 'person' | 'pace';
  readonly why: string;
}

/** A row of the signal table. */
export interface Signal {
  /** `history-cdc-20261124T204105123Z-1f2e3d`: ids sort by the time of the database. */
  readonly id: string;
  readonly type: SignalType;
  readonly data: string;
}

export interface SentSignal extends Signal {
  /** By the clock of the legacy database. */
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

/** The remark is for people and for `snapshot status`: Debezium reads the fields that it knows. */
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

/** When it was sent, by its id; undefined for an id that is none of ours. */
export function sentAtOf(id: string): Date | undefined {
  const parts = /^history-cdc-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\d{3})Z-/.exec(id)?.slice(1);
  if (parts === undefined) return undefined;
  const [year, month, day, hour, minute, second, ms] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`);
}

/** Inserts the row as whoever LEGACY_DATABASE_URL logs in as. */
export async function sendSignal(legacy: Pool, type: SignalType, data: string): Promise<SentSignal> {
  const sentAt = await readSourceClock(legacy);
  const id = signalId(sentAt);
  const { rowCount } = await legacy.query(INSERT, [id, type, data]).catch((error: unknown) => {
    throw sqlState(error) === '42501' ? mayNotSignal(messageOf(error), error) : error;
  });
  if (rowCount !== 1) throw swallowed();
  return { id, type, data, sentAt };
}

/** Of a role that lacks what the DBA's script names for whoever runs these commands. */
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
    message: 'the row of the signal was not inserted: something, a trigger or a rule, swallowed it',
    wayOut: 'look at history_cdc_source.signal in psql with \\d: it must have neither trigger nor rule',
  });
}

const OURS = `
  SELECT id, type, data FROM history_cdc_source.signal
  WHERE id LIKE 'history-cdc-%' AND type = ANY ($1) ORDER BY id DESC LIMIT $2`;

/** The newest signals of ours, newest first; undefined where the role may not read them. */
export async function readSignals(
  legacy: Client,
  types: readonly SignalType[],
  limit: number,
): Promise<readonly Signal[] | undefined> {
  try {
    return (await legacy.query<Signal>(OURS, [types, limit])).rows;
  } catch (error) {
    if (sqlState(error) === '42501') return undefined;
    throw error;
  }
}

/** What the sender of a pause remarked; undefined where it is none of ours. */
export function remarkOf({ data }: Signal): Remark | undefined {
  return (JSON.parse(data) as { readonly 'history-cdc'?: Remark })['history-cdc'];
}

/** The condition that a signal of ours carries; null where it asks for the whole table. */
export function conditionIn({ data }: Signal): string | null {
  const parsed = JSON.parse(data) as {
    readonly 'additional-conditions'?: readonly { readonly filter: string }[];
  };
  return parsed['additional-conditions']?.[0]?.filter ?? null;
}
