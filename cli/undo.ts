import type { Command } from 'commander';
import { planUndo, undo, type UndoResult } from '../operations/undo/undo.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { whole } from './parsers.ts';
import { withProgress } from './progress.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { withDatabases } from './with-databases.ts';

interface Options {
  readonly apply?: boolean;
  readonly confirm?: number;
  readonly json?: true;
}

export function registerUndo(command: Command, context: CommandContext): void {
  command
    .option('--apply', 'remove the rows; needs --confirm, and no projector may run')
    .option('--confirm <rows>', 'the number of rows that the dry run says it would remove', whole(0))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Removes the canonical rows that the ledger says we wrote, with their decisions. Live rows and the earlier script's copies
stay, with their decisions, because they were only linked. Removed rows are kept in history_cdc.undone.
\`history-cdc replay\`, or any later event of a row, restores it with the same id, content and decision, even if contexts
and memberships have changed since. If a live twin or a script's copy has come in the meantime, the run is linked to it.

Ends with 1 if rows stay because another table refers to them.

Examples:
  history-cdc undo
  history-cdc undo --apply --confirm 1234`,
    )
    .action(async ({ json, confirm, apply = false }: Options) => {
      const result = await withDatabases(context, 'undo', ({ canonical }) =>
        withProgress(context, apply ? 'taken back' : 'looked at', async (progress) =>
          apply ? await undo({ canonical, progress }, confirm) : await planUndo({ canonical, progress }),
        ),
      );
      context.answer('undo', { json, facts: factsOf(result, apply), text: () => render(result, apply) });
      if (result.blocked.size > 0) throw new AnswerNo();
    });
}

function factsOf({ removable, pruned, blocked, ...result }: UndoResult, applied: boolean) {
  return {
    ...result,
    applied,
    [applied ? 'removed' : 'wouldBeRemoved']: removable,
    prunedBefore: pruned,
    blocked: Object.fromEntries(blocked),
  };
}

function render({ projected, removable, onlyInTopic, pruned, blocked }: UndoResult, apply: boolean): Screen {
  const table = tableOf(
    ['what', 'rows'],
    [
      ['decided as projected', projected],
      [
        apply ? 'canonical rows removed, with their decisions' : 'canonical rows that would be removed',
        removable,
      ],
      [
        'rows among them whose legacy row is gone: only their events in the topic can restore them',
        onlyInTopic,
      ],
      ['rows whose canonical row was gone before: the decision stays', pruned],
      ['blocked rows: the canonical row stays', blocked.size],
    ],
  );
  const lines = [...blocked].map(([legacyId, why]) => `blocked ${legacyId}: ${why}`);
  return [table, ...lines, next(removable, apply)];
}

function next(rows: number, apply: boolean): string {
  if (apply) return '`history-cdc replay` restores the removed rows with the same ids, content and decisions';
  return rows === 0
    ? 'there is nothing to remove'
    : `nothing was changed; to do it, run: history-cdc undo --apply --confirm ${String(rows)}`;
}
