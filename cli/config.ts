import type { Command } from 'commander';
import { loadConfig, resolveSettings } from '../lib/config.ts';
import { maskSetting, SETTINGS, type SettingName } from '../lib/settings.ts';
import { localStackEnvironment } from '../stack/state.ts';
import type { CommandContext } from './context.ts';
import { renderTable } from '../lib/table.ts';

interface SettingRow {
  readonly name: string;
  readonly value: string | null;
  readonly source: string;
  readonly default: string | null;
  readonly meaning: string;
}

export function registerConfig(command: Command, context: CommandContext): void {
  command
    .option('--json', 'print the settings as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc config --json')
    .action((options: { json?: true }) => {
      const rows = listSettings(context);
      if (options.json === true) context.print(JSON.stringify(rows, null, 2));
      else context.print(render(rows));
      // Listed first, judged after: a wrong setting is easier to mend with the list in view.
      loadConfig(context.environment, localStackEnvironment(context.environment));
    });
}

function listSettings(context: CommandContext): SettingRow[] {
  const resolved = resolveSettings(context.environment, localStackEnvironment(context.environment));
  return (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const { text, source } = resolved[name];
    const setting = SETTINGS[name];
    return {
      name,
      value: text === undefined ? null : maskSetting(name, text),
      source,
      default: 'default' in setting ? setting.default : null,
      meaning: setting.meaning,
    };
  });
}

function render(rows: readonly SettingRow[]): string {
  return renderTable(
    ['setting', 'value', 'source', 'meaning'],
    rows.map((row) => [row.name, row.value ?? '-', row.source, row.meaning]),
  );
}
