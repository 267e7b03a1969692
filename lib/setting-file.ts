import { readFileSync } from 'node:fs';
import { FatalError, messageOf } from './errors.ts';
import type { SettingName } from './settings.ts';

/**
 * The content of the file that a setting names; undefined if it names none. Throws CONFIG_INVALID with the setting's
 * name.
 */
export function readSettingFile(setting: SettingName, file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: `the file of ${setting} cannot be read: ${messageOf(error)}`,
      wayOut: `set ${setting} to a file that exists and that this account may read`,
      cause: error,
    });
  }
}
