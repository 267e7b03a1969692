import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ReplayStart } from '../consumers/agent-test-history/stream/start-offsets.ts';
import type { CommandContext } from './context.ts';
import { runAndReport } from './project.ts';

interface ReplayOptions {
  readonly from: ReplayStart;
  readonly dryRun?: true;
  readonly parkUnusableSchema?: true;
  readonly json?: true;
}

export function registerReplay(command: Command, context: CommandContext): void {
  command
    .addOption(
      new Option('--from <start>', 'beginning, an offset (in every partition), or an ISO time')
        .argParser(parseStart)
        .default({ from: 'beginning' } satisfies ReplayStart, 'beginning'),
    )
    .option('--dry-run', 'run the same code, but roll back every transaction')
    .option('--park-unusable-schema', 'put records that lack a column into quarantine, as `project` did')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  history-cdc replay\n  history-cdc replay --from 2026-05-01T00:00:00Z',
    )
    .action(async (options: ReplayOptions) => {
      await runAndReport(context, options.json, {
        mode: 'replay',
        dryRun: options.dryRun === true,
        untilCaughtUp: true,
        replayStart: options.from,
        acceptNewTopic: false,
        acceptedTruncates: [],
        parkUnusableSchema: options.parkUnusableSchema === true,
        serveHttp: false,
      });
    });
}

function parseStart(text: string): ReplayStart {
  if (text === 'beginning') return { from: 'beginning' };
  if (/^\d+$/.test(text)) return { from: 'offset', offset: BigInt(text) };
  const epochMs = Date.parse(text);
  if (Number.isNaN(epochMs))
    throw new InvalidArgumentError('it is none of: beginning, an offset, an ISO time');
  return { from: 'time', epochMs };
}
