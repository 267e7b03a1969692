import { loadConfig, type Environment } from '../../lib/config.ts';
import { listSettings } from '../../lib/listed-settings.ts';
import { createLogger } from '../../lib/log.ts';
import { startConsole, type RunningConsole } from '../../operations/console/server.ts';

export const TOKEN = 'the-token-of-a-test';

interface Wanted {
  readonly actions?: boolean;
  readonly settings: Environment;
}

/** A console of this process on a free port, with these settings and no others. */
export async function runConsole({ actions = false, settings }: Wanted): Promise<RunningConsole> {
  const environment = { CONSOLE_PORT: '0', LOG_LEVEL: 'silent', ...settings };
  return await startConsole({
    config: loadConfig(environment, undefined, ['DATABASE_URL']),
    settings: listSettings(environment, undefined),
    actions,
    logger: createLogger('silent'),
    stop: new AbortController().signal,
    token: TOKEN,
  });
}
