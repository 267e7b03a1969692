import type { Command } from 'commander';
import { loadConfig } from '../lib/config.ts';
import { listSettings, sourceInWords } from '../lib/listed-settings.ts';
import { localStackEnvironment } from '../stack/state.ts';
import type { CommandContext } from './context.ts';
import { tableOf } from '../lib/table.ts';

export function registerConfig(command: Command, context: CommandContext): void {
  command
    .option('--json', 'print the settings as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc config --json')
    .action(({ json }: { readonly json?: true }) => {
      const { environment } = context;
      const stack = localStackEnvironment(environment);
      const settings = listSettings(environment, stack);
      context.answer('config', {
        json,
        facts: { settings: [...settings] },
        text: () => [
          tableOf(
            ['setting', 'value', 'source', 'meaning'],
            settings.map((row) => [row.name, row.value ?? '-', sourceInWords(row), row.meaning]),
          ),
        ],
      });
      // The settings are listed before they are checked, because the list helps to correct a wrong one.
      loadConfig(environment, stack);
    });
}
