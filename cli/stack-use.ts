import { spawn } from 'node:child_process';
import { InvalidArgumentError, type Command } from 'commander';
import { isPostgresVariable } from '../lib/postgres-variables.ts';
import { FatalError } from '../lib/errors.ts';
import { tableOf } from '../lib/table.ts';
import { tailOf } from '../stack/log-tail.ts';
import { missing } from '../stack/prerequisites.ts';
import {
  ALL_SERVERS,
  defaultInstanceName,
  instanceOf,
  listStacks,
  logFile,
  readState,
  stackSettings,
  type ServerName,
  type StackState,
} from '../stack/state.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { whole } from './parsers.ts';

const DEFAULT_LINES = 20;

export function withName(command: Command, context: CommandContext): Command {
  return command.option(
    '--name <name>',
    'the stack, if there are several; default: HISTORY_CDC_STACK',
    defaultInstanceName(context.environment),
  );
}

/** The commands by which a person looks into a stack: its settings, its database, its logs. */
export function registerUses(stack: Command, context: CommandContext): void {
  registerList(stack, context);
  registerEnv(stack, context);
  registerPsql(stack, context);
  registerLogs(stack, context);
}

function registerList(stack: Command, context: CommandContext): void {
  stack
    .command('list')
    .description('list the stacks of this checkout')
    .option('--json', 'print the list as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc stack list')
    .action(({ json }: { json?: true }) => {
      const stacks = listStacks(context.environment);
      context.answer('stack list', {
        json,
        facts: { stacks },
        text: () =>
          stacks.length === 0
            ? 'there is no stack: `history-cdc stack up` makes one'
            : [
                tableOf(
                  ['stack', 'running', 'not running', 'folder'],
                  stacks.map(({ name, running, notRunning, folder }) => [
                    name,
                    words(running),
                    words(notRunning),
                    folder,
                  ]),
                ),
              ],
      });
    });
}

function words(names: readonly string[]): string {
  return names.length === 0 ? '-' : names.join(', ');
}

function registerEnv(stack: Command, context: CommandContext): void {
  withName(stack.command('env'), context)
    .description("print the stack's settings as `export` lines for a shell, with the passwords")
    .addHelpText(
      'after',
      '\nThe lines contain passwords of the local stack. Do not print them where others read along.\n\nExample:\n  eval "$(history-cdc stack env)" && psql "$DATABASE_URL"',
    )
    .action(({ name }: { name: string }) => {
      const settings = { ...stackSettings(requireState(context, name)), HISTORY_CDC_STACK: name };
      for (const [setting, value] of Object.entries(settings))
        context.print(`export ${setting}=${quoted(value)}`);
    });
}

/** One word for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function registerPsql(stack: Command, context: CommandContext): void {
  withName(stack.command('psql'), context)
    .description("run psql on the stack's database, as the owner of the application's tables")
    .argument('[arguments...]', 'arguments for psql, behind `--`')
    .addHelpText(
      'after',
      '\nExamples:\n  history-cdc stack psql\n  history-cdc stack psql -- -c "SELECT decision, count(*) FROM history_cdc.ledger GROUP BY 1"',
    )
    .action(async (args: string[], { name }: { name: string }) => {
      const url = new URL(stackSettings(requireState(context, name))['DATABASE_URL'] ?? '');
      // Everybody can read the arguments of a running process, so the password goes through the environment.
      const own = Object.entries(context.environment).filter(([variable]) => !isPostgresVariable(variable));
      const environment = { ...Object.fromEntries(own), PGPASSWORD: decodeURIComponent(url.password) };
      url.password = '';
      const code = await runPsql([url.href, ...args], environment);
      if (code === 1) throw new AnswerNo();
      if (code !== 0) throw psqlFailed(code);
    });
}

async function runPsql(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number | null> {
  const psql = spawn('psql', args, { env: environment, stdio: 'inherit' });
  // Ctrl-C ends the query in psql, and must not end the process that waits for it.
  const ignore = () => undefined;
  process.on('SIGINT', ignore);
  try {
    return await new Promise<number | null>((resolve, reject) => {
      psql.once('error', reject);
      psql.once('close', resolve);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw missing(
      'there is no psql on the PATH',
      'install it (Debian and Ubuntu: apt-get install postgresql-client), or use another client with the DATABASE_URL of `history-cdc stack env`',
    );
  } finally {
    process.removeListener('SIGINT', ignore);
  }
}

function psqlFailed(code: number | null): FatalError {
  return new FatalError({
    code: 'STACK_SERVER_FAILED',
    message: `psql ended with ${code === null ? 'a signal' : `exit code ${String(code)}`}; its own message is above`,
    wayOut: '`history-cdc stack status` says whether Postgres answers',
  });
}

function registerLogs(stack: Command, context: CommandContext): void {
  withName(stack.command('logs'), context)
    .description('print the last lines of the servers’ logs, and the names of the files')
    .argument('[server]', `one server: ${ALL_SERVERS.join(', ')}; default: all`, serverName)
    .option('--lines <n>', 'how many lines per server', whole(1, 100_000), DEFAULT_LINES)
    .addHelpText(
      'after',
      '\nExamples:\n  history-cdc stack logs\n  history-cdc stack logs connect --lines 200',
    )
    .action((server: ServerName | undefined, { name, lines }: { name: string; lines: number }) => {
      const { components } = requireState(context, name);
      const instance = instanceOf(context.environment, name);
      for (const each of server === undefined ? components : [server]) {
        const file = logFile(instance, each);
        context.print(`==> ${file} <==`);
        for (const line of tailOf(file, lines)) context.print(line);
        context.print('');
      }
    });
}

function serverName(text: string): ServerName {
  const found = ALL_SERVERS.find((server) => server === text);
  if (found === undefined) throw new InvalidArgumentError(`It must be one of ${ALL_SERVERS.join(', ')}.`);
  return found;
}

function requireState(context: CommandContext, name: string): StackState {
  const state = readState(instanceOf(context.environment, name));
  if (state !== undefined) return state;
  const others = listStacks(context.environment).map((stack) => stack.name);
  throw new FatalError({
    code: 'CONFIG_INVALID',
    message: `there is no stack ${name}`,
    wayOut:
      others.length === 0
        ? '`history-cdc stack up` makes one'
        : `name one with --name: ${others.join(', ')}; or make it: \`history-cdc stack up --name ${name}\``,
  });
}
