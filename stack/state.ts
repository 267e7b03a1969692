import type { Environment } from '../consumers/lib/config.ts';

export function localStackEnvironment(_environment: Environment): Environment | undefined {
  return undefined;
}
