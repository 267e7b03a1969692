import { InvalidArgumentError, type Command } from 'commander';
import { Watchdog } from '../operations/watchdog/watchdog.ts';
import { bothWatch } from '../consumers/agent-test-history/stream/watch.ts';
import { GaugeWatch } from '../operations/gauges/gauge-watch.ts';
import { SoakWatch } from '../operations/soak/watch.ts';
import { endpointOf } from '../operations/webhook/send.ts';
import { WebhookWatch } from '../operations/webhook/watch.ts';
import { Verifier } from '../operations/verification/verifier.ts';
import { runProjector, type RunOptions } from '../consumers/agent-test-history/stream/run.ts';
import { createLogger } from '../lib/log.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { rowId, several } from './parsers.ts';
import { createProgress } from './progress.ts';
import { renderRun, runFacts } from './run-report.ts';

interface ProjectOptions {
  readonly untilCaughtUp?: true;
  readonly dryRun?: true;
  readonly acceptNewTopic?: true;
  readonly acceptNewSettings?: true;
  readonly acceptTruncate?: string[];
  readonly acceptGap?: string[];
  readonly parkUnusableSchema?: true;
  readonly json?: true;
}

export function registerProject(command: Command, context: CommandContext): void {
  command
    .option('--until-caught-up', 'end when all records that are in the topic now are projected')
    .option('--dry-run', 'run the same code, but roll back every transaction (implies --until-caught-up)')
    .option('--accept-new-topic', 'accept a topic that was made again and begins with a whole snapshot')
    .option(
      '--accept-new-settings',
      'accept that OPT_OUT_POLICY, MATCH_WINDOW_SECONDS or SETTLE_MARGIN_SECONDS were changed for all projectors',
    )
    .option(
      '--accept-truncate <partition:offset...>',
      'accept this truncate of the legacy table, and go on after it',
      several(position),
    )
    .option(
      '--accept-gap <id...>',
      'accept a break of the stream, and go on; the gap stays open until `reconcile` proves that nothing is missing',
      several(rowId),
    )
    .option(
      '--park-unusable-schema',
      'put records that lack a column into quarantine; `snapshot start` reads their rows again later',
    )
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nWith --until-caught-up it ends with 1 if everything is projected, but a part of the source could not be checked.\n\nExamples:\n  history-cdc project\n  history-cdc project --until-caught-up --json',
    )
    .action(async (options: ProjectOptions) => {
      const dryRun = options.dryRun === true;
      const untilCaughtUp = dryRun || options.untilCaughtUp === true;
      await runAndReport(context, options.json, {
        mode: 'project',
        dryRun,
        untilCaughtUp,
        replayStart: { from: 'beginning' },
        acceptNewTopic: options.acceptNewTopic === true,
        acceptNewSettings: options.acceptNewSettings === true,
        acceptedTruncates: options.acceptTruncate ?? [],
        acceptedGaps: options.acceptGap ?? [],
        parkUnusableSchema: options.parkUnusableSchema === true,
        // A run that ends by itself is not watched over HTTP, because somebody waits for it.
        serveHttp: !untilCaughtUp,
      });
    });
}

type Settings = Omit<RunOptions, 'config' | 'logger' | 'stop' | 'progress' | 'watch'> & {
  readonly acceptedGaps?: readonly string[];
};

/** Runs a projector for a command, with its configuration, log, progress, stop signal and answer. */
export async function runAndReport(
  context: CommandContext,
  json: boolean | undefined,
  settings: Settings,
): Promise<void> {
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL', 'KAFKA_BROKERS']);
  const endpoint = endpointOf(config);
  const logger = createLogger(config.LOG_LEVEL, context.surroundings.log);
  const progress = createProgress(settings.mode === 'replay' ? 'replayed' : 'projected', {
    ...context.surroundings,
    // Where a collector reads stderr, every line of it is one of the log.
    stderr: (line) => {
      logger.info(line.trimEnd());
    },
  });
  try {
    const result = await runProjector({
      ...settings,
      config,
      logger,
      stop: context.surroundings.stopSignal(),
      watch: (tools) => {
        const { acceptedGaps = [], acceptNewTopic } = settings;
        const watchdog = new Watchdog({ ...tools, config, acceptedGaps, acceptNewTopic });
        const beside = bothWatch(new Verifier({ ...tools, config }), new SoakWatch({ ...tools, config }));
        const watched = bothWatch(watchdog, beside);
        const told =
          endpoint === undefined
            ? watched
            : bothWatch(watched, new WebhookWatch({ ...tools, config, endpoint }));
        return settings.serveHttp ? bothWatch(told, new GaugeWatch({ ...tools, config })) : told;
      },
      progress: progress.update,
    });
    progress.end();
    context.answer(settings.mode, {
      json,
      facts: runFacts(result, settings.dryRun),
      text: () => renderRun(result, settings.dryRun),
    });
    if (result.unseen.length > 0) throw new AnswerNo();
  } finally {
    progress.end();
  }
}

function position(text: string): string {
  if (/^\d+:\d+$/.test(text)) return text;
  throw new InvalidArgumentError('It must be partition:offset.');
}
