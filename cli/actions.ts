import type { Command } from 'commander';
import { listActions, type RecordedAction } from '../consumers/agent-test-history/batch/actions.ts';
import type { CommandContext } from './context.ts';
import { whole } from './parsers.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { withDatabases } from './with-databases.ts';

const LISTED = 100;

export function registerActions(command: Command, context: CommandContext): void {
  command
    .option('--limit <n>', 'the maximum number of actions to show; the newest are shown', whole(1), LISTED)
    .option('--json', 'print the actions as JSON')
    .addHelpText(
      'after',
      '\nChanges nothing.\n\nExamples:\n  history-cdc actions\n  history-cdc actions --limit 10 --json',
    )
    .action(async ({ limit, json }: { readonly limit: number; readonly json?: true }) => {
      const actions = await withDatabases(context, 'actions', ({ canonical }) =>
        listActions(canonical, limit),
      );
      const facts = actions.map(({ performed_by: by, ...action }) => ({ ...action, by }));
      context.answer('actions', { json, facts: { actions: facts }, text: () => render(actions) });
    });
}

function render(actions: readonly RecordedAction[]): Screen {
  if (actions.length === 0) return 'nobody has done anything yet';
  return [
    tableOf(
      ['id', 'at', 'role', 'by', 'command', 'what came of it'],
      actions.map(({ id, at, role, address, performed_by: by, command, options, counts }) => [
        id,
        at.toISOString(),
        address === null ? role : `${role} from ${address}`,
        by,
        [command, ...options].join(' '),
        Object.entries(counts)
          .map(([what, count]) => `${what} ${String(count)}`)
          .join(', '),
      ]),
    ),
  ];
}
