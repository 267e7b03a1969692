import type { Command } from 'commander';
import { countText } from '../lib/figures.ts';
import { drillArchive, type Drill } from '../operations/archive/drill.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { filled, uuid } from './parsers.ts';
import { withProgress } from './progress.ts';
import { manifestOf, withArchives } from './recorded-archive.ts';
import { startThrowAwayPostgres } from './throw-away-postgres.ts';

interface Options {
  readonly by?: string;
  readonly json?: true;
}

export function registerDrill(archive: Command, context: CommandContext): void {
  archive
    .command('drill')
    .description(
      'restore the archive into a Postgres that is thrown away, and record whether it came back equal',
    )
    .argument('[id]', 'the archive; default: the newest one of ARCHIVE_TARGET', uuid)
    .option('--by <name>', 'who does it, for the log of actions; default: the user of this machine', filled)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Starts a Postgres of its own in the folder for temporary files (TMPDIR), which needs room for the whole table, and restores
the archive into it as \`archive restore\` does. Ends with 1 if the archive did not come back as it was; the result is
recorded in either case. It fetches Postgres by Maven on first use, as \`history-cdc stack\` does. Where there is no Maven, as in the
image, run it on another machine.

Example:
  history-cdc archive drill`,
    )
    .action(async (id: string | undefined, { by, json }: Options) => {
      const { manifest, drill } = await withArchives(
        context,
        { command: 'archive drill' },
        async (opened) => {
          const found = await manifestOf(opened, id);
          const { canonical, target } = opened;
          const { environment, surroundings } = context;
          const result = await withProgress(context, 'restored', (progress) =>
            drillArchive({
              canonical,
              target,
              manifest: found,
              by,
              start: () => startThrowAwayPostgres(environment, context.note),
              signal: surroundings.stopSignal(),
              progress,
            }),
          );
          return { manifest: found, drill: result };
        },
      );
      context.answer('archive drill', {
        json,
        facts: { archive: manifest.id, ...drill },
        text: () => render(manifest.id, drill),
      });
      if (!drill.passed) throw new AnswerNo();
    });
}

function render(id: string, drill: Drill): string {
  const span = `${String(drill.seconds)} s`;
  if (!drill.passed)
    return `the archive ${id} did not come back as it was (${span}): ${drill.code}: ${drill.why}`;
  const lines = drill.leftOut.map(({ what, why }) => `left out: ${what} (${why})`);
  return [
    `the archive ${id} came back with all ${countText(drill.rows)} rows as they were, in ${span}`,
    ...lines,
  ].join('\n');
}
