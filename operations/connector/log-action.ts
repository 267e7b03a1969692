import { recordActionAlone, type Action } from '../../consumers/agent-test-history/batch/actions.ts';
import type { Config } from '../../lib/config.ts';
import { messageOf } from '../../lib/errors.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { withServices } from '../facts/services.ts';

const UNDEFINED_TABLE = '42P01';

/**
 * Logs an action whose effect is on another server: Kafka Connect, or the legacy database. The action is logged before
 * its effect, so the log also has actions that failed. These commands must work without the canonical database. So if
 * the action cannot be logged, a note says so, and the command continues.
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
