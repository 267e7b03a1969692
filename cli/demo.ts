import { InvalidArgumentError, type Command } from 'commander';
import { FatalError } from '../lib/errors.ts';
import { FEWEST_ROWS, ORGANISATIONS } from '../demo/generate.ts';
import { addsUp, renderReport, type DemoFacts } from '../demo/report.ts';
import { runDemo } from '../demo/run.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { whole } from './parsers.ts';
import { createProgress } from './progress.ts';

const DEFAULT_ROWS = 20_000;
const DEFAULT_SEED = 1;
const DEFAULT_STACK = 'demo';

interface DemoCommandOptions {
  readonly rows: number;
  readonly seed: number;
  readonly stack: string;
  readonly keep?: true;
  readonly json?: true;
}

export function registerDemo(command: Command, context: CommandContext): void {
  command
    .option(
      '--rows <n>',
      'the number of legacy rows at the start',
      whole(FEWEST_ROWS, 5_000_000),
      DEFAULT_ROWS,
    )
    .option('--seed <n>', 'another seed, other data', whole(0, 2_000_000_000), DEFAULT_SEED)
    .option(
      '--stack <name>',
      'name of its stack; an existing stack of this name is removed first',
      stackName,
      DEFAULT_STACK,
    )
    .option('--keep', 'leave the stack up, so that you can look around')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', '\nExamples:\n  history-cdc demo\n  history-cdc demo --rows 200000 --keep')
    .action(async (options: DemoCommandOptions) => {
      const keep = options.keep === true;
      const facts = await runDemo({
        plan: {
          rows: options.rows,
          seed: options.seed,
          organisations: ORGANISATIONS,
          endsAt: endOfHistory(),
        },
        keep,
        environment: context.environment,
        stackName: options.stack,
        signal: stopOnce(context),
        note: context.note,
        createProgress: (what) => createProgress(what, context.surroundings),
      });
      context.answer('demo', { json: options.json, facts, text: () => renderReport(facts) });
      context.note(
        keep
          ? renderNext(facts, options.stack)
          : '\nThe stack is gone. `npm run demo -- --keep` leaves it up, to try `status`, `explain`, `doctor`, `reconcile` and `console`.',
      );
      if (!addsUp(facts)) throw new AnswerNo();
    });
}

/** The time of the newest generated row. Two runs on one day generate the same rows; the writer's rows are newer. */
function endOfHistory(): Date {
  const end = new Date(Date.now() - 3_600_000);
  end.setUTCHours(0, 0, 0, 0);
  return end;
}

/** The first signal lets the demo take its stack down; a second one ends the process at once. */
function stopOnce(context: CommandContext): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    process.removeListener('SIGINT', stop);
    process.removeListener('SIGTERM', stop);
    context.note('stopping; press Ctrl-C again to end at once');
    controller.abort(
      new FatalError({
        code: 'DEMO_FAILED',
        message: 'the demo was stopped before its end',
        wayOut: 'run it again; it first removes what this run has left',
      }),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return controller.signal;
}

function renderNext({ addresses }: DemoFacts, name: string): string {
  const run = 'node bin/history-cdc.mjs';
  const row = `${run} stack psql -- -Atc "SELECT legacy_id FROM history_cdc.ledger WHERE decision = 'twin' LIMIT 1"`;
  return [
    '',
    'Look at it in a browser: http://127.0.0.1:9465, which this command serves until Ctrl-C:',
    `  HISTORY_CDC_STACK=${name} ${run} console --actions`,
    '',
    'The stack is still up:',
    ...Object.entries(addresses).map(([server, address]) => `  ${server.padEnd(10)}${address}`),
    '',
    'Next, in this folder:',
    `  export HISTORY_CDC_STACK=${name}`,
    `  ${run} status               # whether all is well, and what to do next`,
    `  ${run} doctor               # every check, each with its evidence`,
    `  ${run} reconcile            # compares all rows again`,
    `  ${run} explain $(${row})`,
    `  ${run} project              # continues to project; Ctrl-C ends it`,
    `  ${run} replay               # reads the topic again and changes nothing`,
    `  ${run} soak                 # may the old table go?`,
    `  ${run} archive export       # into the stack's object store; then: archive verify, archive drill`,
    `  ${run} stack psql -- -c 'SELECT decision, reason, count(*) FROM history_cdc.ledger GROUP BY 1, 2 ORDER BY 3 DESC'`,
    `  ${run} stack psql -- -c 'SELECT story, decision, reason, count(*) FROM demo.expected JOIN history_cdc.ledger USING (legacy_id) GROUP BY 1, 2, 3 ORDER BY 1, 4 DESC'`,
    `  ${run} stack down --purge`,
  ].join('\n');
}

/**
 * The demo removes its stack with all data. The required prefix protects a stack that is in use from a typing error.
 */
function stackName(text: string): string {
  if (!text.startsWith(DEFAULT_STACK)) throw new InvalidArgumentError(`It must begin with ${DEFAULT_STACK}.`);
  return text;
}
