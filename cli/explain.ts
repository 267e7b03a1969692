import type { Command } from 'commander';
import { explain } from '../operations/explain/explain.ts';
import { eventReader } from '../operations/explain/read-from-kafka.ts';
import type { Report } from '../operations/explain/report.ts';
import { matchingOf } from '../consumers/agent-test-history/twins/matching.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { renderExplanation } from './explain-view.ts';
import { uuid } from './parsers.ts';
import { withProgress } from './progress.ts';
import { camelCase, rowJson } from './row-json.ts';
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
      '\nChanges nothing. Ends with 1 if the id is unknown. It prints values of the row and of its canonical row; for JSON\ncolumns only the size.\n\nExamples:\n  history-cdc explain 6b0f7a52-3f0e-4c55-9d52-0c8f7c1f7a10\n  history-cdc explain 6b0f7a52-3f0e-4c55-9d52-0c8f7c1f7a10 --no-events --json',
    )
    .action(async (id: string, { json, events }: ExplainOptions) => {
      const report = await explainOnce(context, id, events);
      context.answer('explain', { json, facts: factsOf(report), text: () => renderExplanation(report) });
      if (!report.known) throw new AnswerNo();
    });
}

async function explainOnce(context: CommandContext, id: string, events: boolean): Promise<Report> {
  return await withDatabases(context, 'explain', ({ config, canonical, legacy }) =>
    withProgress(context, 'records of the topic read', (progress) =>
      explain(
        { canonical, legacy, optOutPolicy: config.OPT_OUT_POLICY, matching: matchingOf(config) },
        id,
        events
          ? eventReader({ config, canonical, progress })
          : () => Promise.resolve('not read, because of --no-events'),
      ),
    ),
  );
}

function factsOf(report: Report) {
  const { lookUps, ...facts } = rowJson(report);
  return {
    ...facts,
    lookUps: lookUps && { ...lookUps, changed: report.look_ups?.changed.map(camelCase) ?? [] },
  };
}
