import { resolveSettings, type Environment, type SettingSource } from './setting-sources.ts';
import { maskSetting, SETTINGS, settingOf, type SettingName } from './settings.ts';

/** One setting, as `config` and the console show it: its value is masked where it holds a secret. */
export interface ListedSetting {
  readonly name: SettingName;
  readonly value: string | null;
  readonly source: SettingSource;
  /** The file that NAME_FILE names; null if it names none. */
  readonly file: string | null;
  readonly default: string | null;
  readonly meaning: string;
}

/** Every setting, before it is checked. */
export function listSettings(
  environment: Environment,
  localStack: Environment | undefined,
): readonly ListedSetting[] {
  const resolved = resolveSettings(environment, localStack);
  return (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const { text, source, file } = resolved[name];
    const setting = settingOf(name);
    return {
      name,
      value: text === undefined ? null : maskSetting(name, text),
      source,
      file: file ?? null,
      default: setting.default ?? null,
      meaning: setting.meaning,
    };
  });
}

/** Where a value was found, in words. */
export function sourceInWords({ source, file }: Pick<ListedSetting, 'source' | 'file'>): string {
  return file === null ? source : `${source} ${file}`;
}
