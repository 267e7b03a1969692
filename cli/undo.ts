import type { Command } from 'commander';
import { planUndo, undo, type UndoResult } from '../operations/undo/undo.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { whole } from './parsers.ts';
import { withProgress } from './progress.ts';
import { renderTable } from '../lib/table.ts';
import { withDatabases } from './with-databases.ts';

interface Options {
  readonly apply?: boolean;
  readonly confirm?: number;
  readonly json?: true;
}

export function registerUndo(command: Command, context: CommandContext): void {
  command
    .option('--apply', 'remove them; needs --confirm, and that no projector runs')
    .option('--confirm <rows>', 'the number of rows that the dry run says would be removed', whole(0))
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Removes, by the ledger, the canonical rows of what was projected, with those decisions. Live rows and the earlier
script's copies are only ever linked, so they and their decisions stay. What is removed is kept in history_cdc.undone:
\`history-cdc replay\`, or any later event of a row, restores it with the same id, content and decision, whatever became
of contexts and memberships since. A live twin or a script's copy that came meanwhile takes its place.

Ends with 1 where rows stay because something refers to them.

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

function render({ projected, removable, onlyInTopic, pruned, blocked }: UndoResult, apply: boolean): string {
  const table = renderTable(
    ['what', 'rows'],
    [
      ['decided as projected', projected],
      [
        apply ? 'canonical rows removed, with their decisions' : 'canonical rows that would be removed',
        removable,
      ],
      ['of them, the legacy row is gone: only its events in the topic restore it', onlyInTopic],
      ['canonical row gone before: stays decided', pruned],
      ['blocked: the canonical row stays', blocked.size],
    ],
  );
  const lines = [...blocked].map(([legacyId, why]) => `blocked ${legacyId}: ${why}`);
  return [table, ...lines, next(removable, apply)].join('\n');
}

function next(rows: number, apply: boolean): string {
  if (apply) return '`history-cdc replay` restores what was removed: the same ids, content and decisions';
  return rows === 0
    ? 'there is nothing to remove'
    : `nothing was changed: history-cdc undo --apply --confirm ${String(rows)}`;
}
