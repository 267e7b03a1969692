import type { Command } from 'commander';
import { listSettings } from '../lib/listed-settings.ts';
import { createLogger } from '../lib/log.ts';
import { startConsole } from '../operations/console/server.ts';
import { localStackEnvironment } from '../stack/state.ts';
import type { CommandContext } from './context.ts';

interface ConsoleOptions {
  readonly actions?: true;
  readonly json?: true;
}

export function registerConsole(command: Command, context: CommandContext): void {
  command
    .option(
      '--actions',
      'let people who signed in start, retry, waive, attest and explain; without it, pages only show',
    )
    .option('--json', 'print the addresses as JSON')
    .addHelpText(
      'after',
      `
Serves pages on CONSOLE_HOST and CONSOLE_PORT until it is stopped (Ctrl-C). A role that may only read is enough. A service
that gives no answer is named on the pages, and the rest is shown. With --actions, with CONSOLE_SIGN_IN=true, and on an
address that is not loopback, it prints an address with a token: who opens it and gives a name is signed in. Behind a
proxy that knows its visitors, CONSOLE_IDENTITY_HEADER and CONSOLE_TRUSTED_PROXIES replace the token.

Examples:
  history-cdc console
  history-cdc console --actions`,
    )
    .action(async (options: ConsoleOptions) => {
      const { json } = options;
      const actions = options.actions === true;
      const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
      const { environment, surroundings } = context;
      const stop = surroundings.stopSignal();
      const console = await startConsole({
        config,
        actions,
        stop,
        settings: listSettings(environment, localStackEnvironment(environment)),
        logger: createLogger(config.LOG_LEVEL, surroundings.log),
      });
      const { url, signInUrl } = console;
      context.answer('console', {
        json: json && 'line',
        facts: { url, signInUrl, actions },
        text: () => (signInUrl === null ? `console: ${url}` : `console: ${url}\nsign in: ${signInUrl}`),
      });
      await new Promise<void>((resolve) => {
        if (stop.aborted) resolve();
        stop.addEventListener('abort', () => {
          resolve();
        });
      });
      await console.close();
    });
}
