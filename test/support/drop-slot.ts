import { sqlState } from '../../lib/postgres-errors.ts';
import { until } from './until.ts';

const DROP = 'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1';
const OBJECT_IN_USE = '55006';

/**
 * Drops it as soon as nobody reads it. That it was free a moment ago tells nothing: a task that was about to start when its
 * connector was stopped takes it once more.
 */
export async function dropSlot(
  asSuperuser: (sql: string, values: unknown[]) => Promise<unknown>,
  slot: string,
): Promise<void> {
  await until(`nobody reads the slot ${slot}, and it is dropped`, async () => {
    try {
      await asSuperuser(DROP, [slot]);
      return true;
    } catch (error) {
      if (sqlState(error) === OBJECT_IN_USE) return false;
      throw error;
    }
  });
}
