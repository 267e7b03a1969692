import { InvalidArgumentError, type Command } from 'commander';
import { explain } from '../operations/explain/explain.ts';
import { eventReader } from '../operations/explain/read-from-kafka.ts';
import type { Report } from '../operations/explain/report.ts';
import { matchingOf } from '../consumers/agent-test-history/twins/matching.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { createProgress } from './progress.ts';
import { renderExplanation } from './explain-view.ts';
import { withDatabases } from './with-databases.ts';

interface ExplainOptions {
  readonly json?: true;
  readonly events: boolean;
}

export function registerExplain(command: Command, context: CommandContext): void {
  command
    .argument('<id>', 'the id of a legacy row, or of a canonical row', uuid)
    .option('--no-events', 'do not read the topic')
    .option('--json', 'print the facts as JSON')
    .addHelpText(
      'after',
      '\nChanges nothing. Ends with 1 where nothing knows the id. What the row and its canonical row say is printed,\nbecause you ask for it; of JSON only the size.\n\nExamples:\n  history-cdc explain 6b0f7a52-3f0e-4c55-9d52-0c8f7c1f7a10\n  history-cdc explain 6b0f7a52-3f0e-4c55-9d52-0c8f7c1f7a10 --no-events --json',
    )
    .action(async (id: string, options: ExplainOptions) => {
      const report = await explainOnce(context, id, options.events);
      context.print(options.json === true ? JSON.stringify(report, null, 2) : renderExplanation(report));
      if (!report.known) throw new AnswerNo();
    });
}

async function explainOnce(context: CommandContext, id: string, events: boolean): Promise<Report> {
  return await withDatabases(context, 'explain', async ({ config, canonical, legacy }) => {
    const progress = createProgress('records of the topic read', context.surroundings);
    const fromKafka = eventReader({
      config,
      canonical,
      progress: (done, total) => {
        progress.update(done, total);
      },
    });
    try {
      return await explain(
        { canonical, legacy, optOutPolicy: config.OPT_OUT_POLICY, matching: matchingOf(config) },
        id,
        events ? fromKafka : () => Promise.resolve('not read, because of --no-events'),
      );
    } finally {
      progress.end();
    }
  });
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function uuid(text: string): string {
  if (!UUID.test(text)) throw new InvalidArgumentError('it is no UUID');
  return text.toLowerCase();
}
