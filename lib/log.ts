import { pino, type Logger } from 'pino';
import { printable } from './printable.ts';

export type { Logger };

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Structured lines on stderr, so that stdout stays free for a command's answer. Log positions and ids, never a row's
 * values, because they are personal data.
 */
export function createLogger(level: LogLevel, write?: (line: string) => void): Logger {
  return pino(
    {
      level,
      base: { service: 'agent-history-cdc' },
      timestamp: pino.stdTimeFunctions.isoTime,
      hooks: { streamWrite: printable },
    },
    write === undefined ? pino.destination({ dest: 2, sync: true }) : { write },
  );
}
