import { InvalidArgumentError, type Command } from 'commander';
import type { Check } from '../operations/checks/check.ts';
import { CHECKS } from '../operations/checks/all.ts';
import { settingsOf } from '../operations/checks/choice.ts';
import { examine } from '../operations/doctor/doctor.ts';
import { lookAfterDrop } from '../operations/status/after-drop.ts';
import { retiredDoctor } from '../operations/status/retired-doctor.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { renderChecks, renderDoctor } from './doctor-view.ts';
import { assertNotRetiredAt } from './with-databases.ts';

interface DoctorOptions {
  readonly only?: readonly Check[];
  readonly list?: true;
  readonly json?: true;
}

export function registerDoctor(command: Command, context: CommandContext): void {
  command
    .option('--only <ids>', 'only these checks, separated by commas', parseIds)
    .option('--list', 'list the checks, and ask nothing')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      '\nIt only reads. Things that a later step of the deployment creates are "not yet", with that step. If a service does not\nanswer, only its own checks fail. Ends with 1 if a check has failed, or if an error cannot be ruled out.\nAfter `retire drop`, it judges what is left of the deployment and how the archive stands instead.\n\nExamples:\n  history-cdc doctor\n  history-cdc doctor --only wal-level,wal-cap,slot-wal-status --json',
    )
    .action(async ({ only: checks = CHECKS, list, json }: DoctorOptions) => {
      if (list === true) {
        context.answer('doctor --list', {
          json,
          facts: { checks: checks.map(({ id, group, severity, title }) => ({ id, group, severity, title })) },
          text: () => renderChecks(checks),
        });
        return;
      }
      const config = context.config(settingsOf(checks));
      if (checks !== CHECKS) await assertNotRetiredAt(config.DATABASE_URL, 'doctor');
      const retired = checks === CHECKS ? await lookAfterDrop(config) : undefined;
      const report = retired === undefined ? await examine(config, checks) : retiredDoctor(retired);
      context.answer('doctor', { json, facts: report, text: () => renderDoctor(report) });
      if (!report.mayGoOn) throw new AnswerNo();
    });
}

function parseIds(text: string): readonly Check[] {
  const ids = text.split(',').map((id) => id.trim());
  const unknown = ids.filter((id) => !CHECKS.some((check) => check.id === id));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(
      `There is no check ${unknown.join(', ')}: \`history-cdc doctor --list\` names them.`,
    );
  }
  return CHECKS.filter(({ id }) => ids.includes(id));
}
