import type { Safeguard } from '../mutant.ts';

export const UNDONE: Safeguard = {
  name: 'What `undo` took back comes back as it was',
  mutants: [
    {
      id: 'undone-is-restored',
      breaks: 'a row that was taken back is decided anew: a context that is gone since makes it orphaned',
      at: 'batch/restore.ts',
      find: 'if (undone.length === 0) return known;',
      replace: 'if (undone.length >= 0) return known;',
      by: 'undo/restore.pg.test.ts',
    },
    {
      id: 'undone-meets-live-rows',
      breaks: 'a live row that reached the run meanwhile stays beside it: the run is there twice',
      at: 'batch/restore.ts',
      find: '  await client.query(ENTER_MATCHING, [legacyIds]);\n',
      replace: '',
      by: 'undo/restore.pg.test.ts',
    },
    {
      id: 'undone-adopts-copies',
      breaks: 'a copy of the earlier script that came meanwhile stays beside the run that is put back',
      at: 'batch/restore.ts',
      find: '[event.legacyId, adoption(facts.scriptCopies)] as const',
      replace:
        '[event.legacyId, facts.scriptCopies.length < 0 ? adoption(facts.scriptCopies) : undefined] as const',
      by: 'undo/restore.pg.test.ts',
    },
    {
      id: 'undone-before-a-retry',
      breaks: 'a retry of the quarantine decides anew what was taken back',
      at: '../../operations/quarantine/attempt.ts',
      find: 'await restoreUndone(context, await withFacts(context, keyed), emptyResult());',
      replace:
        'if (keyed.length < 0) await restoreUndone(context, await withFacts(context, keyed), emptyResult());',
      by: 'undo/next-event.pg.test.ts',
    },
    {
      id: 'undo-fences-replays',
      breaks: 'a replay that was idle, or behind a pooler, when rows were taken back writes them again',
      at: 'batch/offsets.ts',
      find: 'if (undoGeneration !== undefined) await assertNothingUndone(client, undoGeneration);',
      replace: 'if (undoGeneration === undefined) await assertNothingUndone(client, 0n);',
      by: 'undo/fence.pg.test.ts',
    },
    {
      id: 'undo-fences-projectors',
      breaks: 'a projector whose group gives it its partitions anew writes again what was taken back',
      at: 'batch/offsets.ts',
      find: 'AND ($8::bigint IS NULL OR $8 = (SELECT generation FROM history_cdc.undo_fence))',
      replace: 'AND ($8::bigint IS NULL OR $8 >= 0)',
      by: 'undo/fence.pg.test.ts',
    },
    {
      id: 'undo-fence-without-its-row',
      breaks: 'a fence that has lost its row lets every replay through',
      at: 'batch/undo-fence.ts',
      find: 'if (row !== undefined) return BigInt(row.generation);',
      replace: 'if (row !== undefined || row === undefined) return BigInt(row?.generation ?? 0);',
      by: 'undo/fence.pg.test.ts',
    },
    {
      id: 'undo-waits-for-replays',
      breaks: 'a replay commits rows while an undo goes by that does not see them',
      at: 'batch/undo-fence.ts',
      find: ' FOR SHARE',
      replace: '',
      by: 'undo/fence.pg.test.ts',
    },
  ],
};
