import type { Environment } from '../consumers/lib/config.ts';

export function localStackEnvironment(environment: Environment): Environment | undefined {
  return environment['HISTORY_CDC_STACK'] === undefined ? undefined : {};
}
