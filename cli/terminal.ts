import type { Environment } from '../lib/config.ts';
import type { Size } from './program.ts';

type Terminal = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows'>;

/** The size of the terminal. Undefined where there is none, and where its size is not known (0 by 0, over some connections). */
export function sizeOf({ isTTY, columns, rows }: Terminal): Size | undefined {
  return isTTY && columns > 0 && rows > 0 ? { columns, rows } : undefined;
}

/**
 * NO_COLOR turns colours off, whatever else is set (no-color.org). FORCE_COLOR turns them on, also in a pipe; `0` and
 * `false` turn them off. Otherwise a terminal that is not `dumb` gets them.
 */
export function takesColours({ isTTY }: Pick<Terminal, 'isTTY'>, environment: Environment): boolean {
  const { NO_COLOR: never = '', FORCE_COLOR: forced, TERM: kind } = environment;
  if (never !== '') return false;
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTTY && kind !== 'dumb';
}
