import type { Command } from 'commander';
import { hasApplication, loadExample } from '../demo/example.ts';
import { createPool, type Pool } from '../lib/postgres.ts';
import { bytesText, tookText } from '../lib/figures.ts';
import { stackStatus, type StackStatus } from '../stack/status.ts';
import { startStack, stopStack, type RunningStack } from '../stack/stack.ts';
import { ALL_SERVERS, defaultInstanceName, type PortName } from '../stack/state.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { whole } from './parsers.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { registerUses, withName } from './stack-use.ts';

const PORT = whole(1, 65_535);

interface UpOptions {
  readonly name: string;
  readonly portPostgres?: number;
  readonly portKafka?: number;
  readonly portConnect?: number;
  readonly portRegistry?: number;
  readonly portS3?: number;
  readonly s3?: true;
  readonly secure?: true;
  readonly example?: true;
}

export function registerStack(command: Command, context: CommandContext): void {
  const stack = command.addHelpText(
    'after',
    '\nExamples:\n  history-cdc stack up\n  history-cdc stack status',
  );
  registerUp(stack, context);
  registerDown(stack, context);
  registerStatus(stack, context);
  registerUses(stack, context);
}

function registerUp(stack: Command, context: CommandContext): void {
  withName(stack.command('up'), context)
    .description('start the servers that are not up, and wait until every server answers')
    .option(
      '--port-postgres <port>',
      'port of Postgres; default: a free port, which the stack then keeps',
      PORT,
    )
    .option('--port-kafka <port>', 'port of the Kafka broker', PORT)
    .option('--port-connect <port>', "port of Connect's REST interface", PORT)
    .option('--port-registry <port>', 'port of the schema registry', PORT)
    .option('--port-s3 <port>', 'port of the object store', PORT)
    .option('--s3', 'with an object store for `history-cdc archive`; it starts with the stack from then on')
    .option('--secure', 'make a new stack with TLS, logins and least rights on every server; needs openssl')
    .option('--example', "create the application's tables with five example rows, one of each kind")
    .addHelpText(
      'after',
      '\nExamples:\n  history-cdc stack up --example\n  history-cdc stack up --name second --port-postgres 5433\n  history-cdc stack up --name third --secure\n  history-cdc stack up --s3',
    )
    .action(async (options: UpOptions) => {
      const begun = Date.now();
      const { environment } = context;
      const running = await startStack({
        environment,
        name: options.name,
        ports: givenPorts(options),
        ...(options.s3 === true && { components: ALL_SERVERS }),
        ...(options.secure === true && { secure: true }),
        onProgress: context.note,
      });
      const took = tookText((Date.now() - begun) / 1000);
      context.note(
        running.wasUp
          ? `the stack ${running.name} was up already`
          : `the stack ${running.name} is up after ${took}`,
      );
      const status = await stackStatus(environment, options.name);
      if (status !== undefined) context.show(render(status));
      const there = await withDatabase(running, async (pool) => {
        if (options.example === true) await loadExample(pool);
        return await hasApplication(pool);
      });
      context.note(renderNext(context, options.name, there));
    });
}

async function withDatabase<T>({ addresses }: RunningStack, work: (pool: Pool) => Promise<T>): Promise<T> {
  const pool = createPool({ url: addresses.databaseUrl, name: 'history-cdc stack', connections: 1 });
  try {
    return await work(pool);
  } finally {
    await pool.end();
  }
}

/** The next three commands of somebody who has just started a stack for the first time. */
function renderNext({ environment }: CommandContext, name: string, there: boolean): string {
  const steps = there
    ? [
        ['history-cdc doctor', 'what is there, and each step that is still to come'],
        ['history-cdc census', 'what would become of each row of the legacy table'],
        [
          'history-cdc stack psql',
          'look into the database; `stack env` prints the settings, `stack logs` the logs',
        ],
      ]
    : [
        [
          `history-cdc stack up --example`,
          "the database is empty: creates the application's tables and five rows",
        ],
        ['history-cdc doctor', 'what is there, and each step that is still to come'],
        [
          'history-cdc stack psql',
          'look into the database; `stack env` prints the settings, `stack logs` the logs',
        ],
      ];
  const chosen =
    name === defaultInstanceName(environment)
      ? []
      : [[`export HISTORY_CDC_STACK=${name}`, 'so that every command finds this stack']];
  const lines = [...chosen, ...steps].map(([command = '', why = '']) => `  ${command.padEnd(30)}  # ${why}`);
  return ['', 'Next:', ...lines].join('\n');
}

function registerDown(stack: Command, context: CommandContext): void {
  withName(stack.command('down'), context)
    .description('stop what `up` started')
    .option('--purge', 'also delete the data, the ports and the passwords')
    .addHelpText('after', '\nExample:\n  history-cdc stack down --purge')
    .action(async ({ name, purge = false }: { name: string; purge?: boolean }) => {
      const stopped = await stopStack({
        environment: context.environment,
        name,
        purge,
        onProgress: context.note,
      });
      const what = stopped.length === 0 ? 'nothing was running' : `stopped ${stopped.join(', ')}`;
      context.note(`${what}${purge ? ', and its data is gone' : ''}`);
    });
}

function registerStatus(stack: Command, context: CommandContext): void {
  withName(stack.command('status'), context)
    .description('ask every server; exit code 1 if one is not up')
    .option('--json', 'print the status as JSON, with every address')
    .addHelpText('after', '\nExample:\n  history-cdc stack status --json')
    .action(async ({ name, json }: { name: string; json?: true }) => {
      const status = await stackStatus(context.environment, name);
      context.answer('stack status', {
        json,
        facts: status ?? { name, up: false, servers: [] },
        text: () =>
          status === undefined
            ? `there is no stack ${name}: \`history-cdc stack up\` makes one`
            : render(status),
      });
      if (status?.up !== true) throw new AnswerNo();
    });
}

function render({ servers }: StackStatus): Screen {
  const rows = servers.map((server) => [
    server.server,
    server.problem === null ? server.health : `${server.health}: ${server.problem}`,
    server.pid === null ? '-' : String(server.pid),
    server.memoryBytes === null ? '-' : bytesText(server.memoryBytes),
    server.address,
  ]);
  return [tableOf(['server', 'health', 'pid', 'memory', 'address'], rows)];
}

function givenPorts(options: UpOptions): Partial<Record<PortName, number>> {
  const given = {
    postgres: options.portPostgres,
    kafka: options.portKafka,
    connect: options.portConnect,
    registry: options.portRegistry,
    s3: options.portS3,
  };
  return Object.fromEntries(Object.entries(given).filter(([, port]) => port !== undefined));
}
