import type { Command } from 'commander';
import { settingsOf } from '../operations/checks/choice.ts';
import { SNAPSHOT_NEEDS } from '../operations/snapshot/session.ts';
import { lookAfterDrop, type RetiredReport } from '../operations/status/after-drop.ts';
import { Lookout } from '../operations/status/lookout.ts';
import { reportOf, type StatusReport } from '../operations/status/report.ts';
import { WATCHED } from '../operations/status/watched.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { whole } from './parsers.ts';
import { renderRetired } from './retired-view.ts';
import { renderStatus } from './status-view.ts';
import { watch } from './status-watch.ts';

const EVERY_SECONDS = 5;

interface StatusOptions {
  readonly watch?: number | true;
  readonly json?: true;
}

const HELP = `
It only reads, and a role that may only read is enough. If a service does not answer, it is named, and the rest is shown.
Ends with 1 if something is wrong, or if that cannot be ruled out. Ends with 0 if all is well, if somebody should look at
something some time, or if the deployment is not finished. \`doctor\` checks more.

After \`retire drop\` it says when and by whom the table was dropped, what is left on the servers, and how the archive stands.
It then ends with 0 once nothing is left, and with 1 while something is left, was not seen, or a projector still runs.

--watch looks again every 5 seconds, or at the interval that you give, until you stop it (Ctrl-C). The last look decides
the exit code. The rows of both tables are counted only now and then; the age of the counts is shown.

Examples:
  history-cdc status
  history-cdc status --watch
  history-cdc status --watch 30 --json`;

export function registerStatus(command: Command, context: CommandContext): void {
  command
    .option('--watch [seconds]', 'look again and again', whole(1, 3600))
    .option('--json', 'print the facts as JSON; with --watch, one line per look')
    .addHelpText('after', HELP)
    .action(async ({ watch: again, json }: StatusOptions) => {
      const config = context.config([...new Set([...settingsOf(WATCHED), ...SNAPSHOT_NEEDS])]);
      const lookout = new Lookout(config);
      const look = async () => (await lookAfterDrop(config)) ?? reportOf(await lookout.look(), config);
      const form = again === undefined ? json : json && 'line';
      const screen = (report: StatusReport | RetiredReport) =>
        'dropped' in report ? renderRetired(report) : renderStatus(report);
      const show = (report: StatusReport | RetiredReport) => {
        context.answer('status', { json: form, facts: report, text: () => screen(report) });
      };
      try {
        const last =
          again === undefined
            ? await look()
            : await watch(context, look, {
                everyMs: (again === true ? EVERY_SECONDS : again) * 1000,
                answer: show,
                screen: json === true ? undefined : screen,
              });
        if (again === undefined && last !== undefined) show(last);
        if (last?.state === 'wrong' || last?.state === 'unknown') throw new AnswerNo();
      } finally {
        await lookout.close();
      }
    });
}
