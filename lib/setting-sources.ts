import { readSecretFile } from './secret-file.ts';
import { isReadFromFile, SETTINGS, settingOf, type SettingName } from './settings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type SettingSource = 'environment' | 'file' | 'local stack' | 'default' | 'unset';

/** The value of one setting before it is parsed, and where it was found. */
export interface ResolvedSetting {
  readonly text: string | undefined;
  readonly source: SettingSource;
  /** The file that `NAME_FILE` names, if the value was to come from there. */
  readonly file?: string;
  /** Why there is no value, although the environment asks for one. It never repeats the value. */
  readonly problem?: string;
}

export type ResolvedSettings = Readonly<Record<SettingName, ResolvedSetting>>;

/**
 * Finds every setting: in the environment, in the file that `NAME_FILE` names (for settings that may hold a secret), in
 * the local stack, or as a default. Never throws, so that `config` can list everything beside a problem.
 */
export function resolveSettings(
  environment: Environment,
  localStack: Environment | undefined,
): ResolvedSettings {
  const names = Object.keys(SETTINGS) as SettingName[];
  const resolved = names.map((name) => [name, resolve(name, environment, localStack)] as const);
  return Object.fromEntries(resolved) as Record<SettingName, ResolvedSetting>;
}

/** True if the environment names a value, or a file with the value. An empty variable counts as unset. */
export function isGiven(environment: Environment, name: string): boolean {
  return isSet(environment[name]) || isSet(fileOf(environment, name));
}

function resolve(
  name: SettingName,
  environment: Environment,
  localStack: Environment | undefined,
): ResolvedSetting {
  const text = environment[name];
  const file = fileOf(environment, name);
  if (isSet(file)) return isSet(text) ? bothGiven(name, file) : fromFile(name, file);
  const candidates = [
    { text, source: 'environment' },
    { text: localStack?.[name], source: 'local stack' },
    { text: settingOf(name).default, source: 'default' },
  ] as const;
  return candidates.find((candidate) => isSet(candidate.text)) ?? { text: undefined, source: 'unset' };
}

/** Compose files and CI systems pass empty variables. */
function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}

function fileOf(environment: Environment, name: string): string | undefined {
  return name in SETTINGS && isReadFromFile(name as SettingName) ? environment[`${name}_FILE`] : undefined;
}

function bothGiven(name: SettingName, file: string): ResolvedSetting {
  const problem = `and ${name}_FILE are both set: unset one of them, because nothing says which one counts`;
  return { text: undefined, source: 'environment', file, problem };
}

function fromFile(name: SettingName, file: string): ResolvedSetting {
  const { text, problem } = readSecretFile(file);
  if (problem === undefined) return { text, source: 'file', file };
  return { text: undefined, source: 'file', file, problem: `cannot be read from ${name}_FILE: ${problem}` };
}
