import { recordActionAlone, type Action } from '../../consumers/agent-test-history/batch/actions.ts';
import type { Config } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { withServices } from '../facts/services.ts';

const UNDEFINED_TABLE = '42P01';

/**
 * Writes an action into the action log whose effect another server holds: Kafka Connect, or the legacy database. It is written
 * before the effect, so an action that failed is in the log, too. These commands must work without the canonical
 * database, so an action that cannot be logged goes on, and a note says that it is not in the log.
 */
export async function logAction(
  config: Config,
  action: Action,
  to: { note(line: string): void },
): Promise<void> {
  try {
    const name = `history-cdc ${action.command}`;
    await withServices(config, { name }, (services) => recordActionAlone(services.canonical(), action));
  } catch (error) {
    const why = sqlState(error) === UNDEFINED_TABLE ? 'there is no ledger yet' : messageOf(error);
    to.note(`\`${action.command}\` is not in the action log: ${why}`);
  }
}
