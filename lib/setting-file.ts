import { readFileSync } from 'node:fs';
import { FatalError, messageOf } from './errors.ts';
import type { SettingName } from './settings.ts';

/** The file that a setting names; undefined where it names none. Throws CONFIG_INVALID with the setting's name. */
export function readSettingFile(setting: SettingName, file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new FatalError({
      code: 'CONFIG_INVALID',
      message: `the file of ${setting} cannot be read: ${messageOf(error)}`,
      wayOut: `let ${setting} name a file that is there and that this account may read`,
      cause: error,
    });
  }
}
