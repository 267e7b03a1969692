import type { Command } from 'commander';
import { forget, type Forgotten } from '../operations/forget/forget.ts';
import { topicNames } from '../lib/names.ts';
import type { CommandContext } from './context.ts';
import { notBlank } from './parsers.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { withDatabases } from './with-databases.ts';

interface Options {
  readonly user: string;
  readonly apply?: boolean;
  readonly json?: true;
}

export function registerForget(command: Command, context: CommandContext): void {
  command
    .requiredOption('--user <id>', 'user id, as agent_test_history has it', notBlank)
    .option('--apply', 'do it; needs the role that migrates, and projectors wait for it')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A random alias takes the place of the user id in the ledger, in the provenance of our canonical rows, and in what we keep
aside. The content of parked records that name the user is removed; hash and size stay. Events of that user which come
later, or are replayed, are stored under the alias: a keyed hash of the id is kept for that, and nothing else.

It does not change the rows of agent_test_history, the earlier script's copies, the topic, or the logs of the servers.

Example:
  history-cdc forget --user user_01H0000000000000000000000
  history-cdc forget --user user_01H0000000000000000000000 --apply`,
    )
    .action(async ({ user, apply = false, json }: Options) => {
      const result = await withDatabases(context, 'forget', ({ canonical, legacy }) =>
        forget({ canonical, legacy, user, apply }),
      );
      const topic = topicNames(context.config()).data;
      context.answer('forget', {
        json,
        facts: { applied: apply, ...result, topic },
        text: () => render(result, { apply, topic }),
      });
    });
}

function render(
  result: Forgotten,
  { apply, topic }: { readonly apply: boolean; readonly topic: string },
): Screen {
  const table = tableOf(
    [apply ? 'named the user, and does not any more' : 'names the user', 'rows'],
    [
      ['decisions in the ledger', result.ledger],
      ['canonical rows of ours', result.canonicalRuns],
      ['canonical rows kept beside twins', result.unsettledTwins],
      ['rows that undo took back', result.undone],
      ['parked records (their content)', result.parked.length],
    ],
  );
  const open = result.open.join(' ');
  return [
    table,
    ...(open === ''
      ? []
      : [
          `${apply ? 'Without content' : 'To be without content'}, so that no retry can decide them: open records ${open}. The next event of the row decides it; else waive them.`,
        ]),
    `Not ours, and not changed: ${String(result.legacyRows)} rows of agent_test_history and ${String(result.scriptCopies)} copies of the earlier script name the user.`,
    'Delete or change them in the application. Their deletion is streamed, and changes nothing here.',
    `The topic ${topic} keeps its records until Kafka removes them: delete.retention.ms and min.compaction.lag.ms of a compacted topic, retention.ms of another.`,
    ...(apply ? [] : ['Nothing was changed: --apply does it.']),
  ];
}
