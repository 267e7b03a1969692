import type { Command } from 'commander';
import { recordActionAlone } from '../consumers/agent-test-history/batch/actions.ts';
import { grantToConsole } from '../consumers/agent-test-history/schema/console-rights.ts';
import { migrate } from '../consumers/agent-test-history/schema/migrate.ts';
import {
  assertFit,
  CANONICAL_TABLES,
  LEGACY_TABLES,
} from '../consumers/agent-test-history/schema/requirements.ts';
import { assertReachable, createPool } from '../lib/postgres.ts';
import type { CommandContext } from './context.ts';

interface MigrateOptions {
  readonly grantTo?: string;
  readonly grantConsoleTo?: string;
  readonly json?: true;
}

export function registerMigrate(command: Command, context: CommandContext): void {
  command
    .option(
      '--grant-to <role>',
      'also grant this role its rights in the schema; give the role that projectors log in with',
    )
    .option(
      '--grant-console-to <role>',
      'also let this role read the schema; give the role that `console` logs in with',
    )
    .option('--json', 'print what was applied as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc migrate --grant-to history_cdc_projector')
    .action(async ({ grantTo, grantConsoleTo, json }: MigrateOptions) => {
      const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
      await checkLegacy(config.LEGACY_DATABASE_URL);
      const pool = createPool({ url: config.DATABASE_URL, name: 'history-cdc migrate', connections: 1 });
      try {
        await assertReachable(pool, 'DATABASE_URL');
        await assertFit(pool, CANONICAL_TABLES, 'DATABASE_URL');
        const applied = (await migrate(pool, grantTo)).map(({ name }) => name);
        if (grantConsoleTo !== undefined) await grantToConsole(pool, grantConsoleTo);
        await recordActionAlone(pool, {
          command: 'migrate',
          options: [
            ...(grantTo === undefined ? [] : ['--grant-to']),
            ...(grantConsoleTo === undefined ? [] : ['--grant-console-to']),
          ],
          counts: { applied: applied.length },
        });
        context.answer('migrate', {
          json,
          facts: { applied },
          text: () => (applied.length === 0 ? 'history_cdc is up to date' : `applied ${applied.join(', ')}`),
        });
      } finally {
        await pool.end();
      }
    });
}

async function checkLegacy(url: string): Promise<void> {
  const pool = createPool({ url, name: 'history-cdc migrate', connections: 1 });
  try {
    await assertReachable(pool, 'LEGACY_DATABASE_URL');
    await assertFit(pool, LEGACY_TABLES, 'LEGACY_DATABASE_URL');
  } finally {
    await pool.end();
  }
}
