import type { Client } from '../../lib/postgres.ts';
import { sqlState } from '../../lib/postgres-errors.ts';

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

/** What we have asked of Debezium; empty where the role may not read the signals. */
export interface KnownSignals {
  /** Signals that asked for a snapshot, newest first. */
  readonly asked: readonly Signal[];
  /** What the sender of the newest pause remarked; undefined where there is none, or it is none of ours. */
  readonly pause: Remark | undefined;
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

const OURS = `
  SELECT id, type, data FROM history_cdc_source.signal
  WHERE id LIKE 'history-cdc-%' AND type = ANY ($1) ORDER BY id DESC LIMIT $2`;

/** Enough to find the signal of the last run among those that were never answered. */
const SIGNALS_READ = 50;
const INSUFFICIENT_PRIVILEGE = '42501';
const UNDEFINED_TABLE = '42P01';

export async function readSignals(legacy: Client): Promise<KnownSignals> {
  const newest = async (type: SignalType, limit: number) =>
    (await legacy.query<Signal>(OURS, [[type], limit])).rows;
  try {
    const [pause] = await newest('pause-snapshot', 1);
    return {
      asked: await newest('execute-snapshot', SIGNALS_READ),
      pause: pause === undefined ? undefined : remarkOf(pause),
    };
  } catch (error) {
    const state = sqlState(error) ?? '';
    if ([INSUFFICIENT_PRIVILEGE, UNDEFINED_TABLE].includes(state)) return { asked: [], pause: undefined };
    throw error;
  }
}

function remarkOf({ data }: Signal): Remark | undefined {
  return (JSON.parse(data) as { readonly 'history-cdc'?: Remark })['history-cdc'];
}

/** The condition that a signal of ours carries; null where it asks for the whole table. */
export function conditionIn({ data }: Signal): string | null {
  const parsed = JSON.parse(data) as {
    readonly 'additional-conditions'?: readonly { readonly filter: string }[];
  };
  return parsed['additional-conditions']?.[0]?.filter ?? null;
}
