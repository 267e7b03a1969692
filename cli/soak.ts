import { Argument, InvalidArgumentError, type Command } from 'commander';
import { withServices } from '../operations/facts/services.ts';
import { ATTESTABLE, type Attestable } from '../operations/soak/attestations.ts';
import { keepLook } from '../operations/soak/look-store.ts';
import { attest, explainIncidents, revoke } from '../operations/soak/person.ts';
import { lookAtSoak, type SoakReport } from '../operations/soak/soak.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { filled, rowId, several, whole } from './parsers.ts';
import { renderSoak, soakFacts } from './soak-view.ts';
import { watch } from './status-watch.ts';
import { withDatabases } from './with-databases.ts';

const EVERY_SECONDS = 30;

interface SoakOptions {
  readonly watch?: number | true;
  readonly json?: true;
}

const HELP = `
May the legacy table go? Every condition is met, not met, not known, or attested by a person. What is not known never
counts as met. All days are counted by the clock of the canonical database. Ends with 0 only when every condition is met
or attested; else with 1.

It records incidents (a gap, a wrong verdict, a parked record, a straggler, an owner's run written late) and samples of
the legacy table's counters, as \`project\` does every few minutes; it changes nothing else. What a person attests or
explains carries a name, and stays listed.

Examples:
  history-cdc soak
  history-cdc soak --watch
  history-cdc soak attest reading-canonical --since 2026-11-01 --by "Ada" --note "dashboards of release 7"
  history-cdc soak explain 17 --by "Ada" --reason "load test of Tuesday"`;

export function registerSoak(command: Command, context: CommandContext): void {
  command
    .enablePositionalOptions()
    .option('--watch [seconds]', 'look again and again', whole(1, 3600))
    .option('--json', 'print the facts as JSON; with --watch, a line a look')
    .addHelpText('after', HELP)
    .action(async (options: SoakOptions) => {
      await runSoak(context, options);
    });
  registerAttest(command, context);
  registerRevoke(command, context);
  registerExplain(command, context);
}

async function runSoak(context: CommandContext, { watch: again, json }: SoakOptions): Promise<void> {
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
  // Refuses a ledger that is not of this release, and databases that do not answer.
  await withDatabases(context, 'soak', () => Promise.resolve());
  const look = () =>
    withServices(
      { ...config, LOG_LEVEL: 'silent' },
      { name: 'history-cdc soak', bounds: 'work' },
      async (services) => {
        const report = await lookAtSoak(services, config);
        await keepLook(services.canonical(), report);
        return report;
      },
    );
  const form = again === undefined ? json : json && 'line';
  const show = (report: SoakReport) => {
    const text = () => renderSoak(report);
    context.answer('soak', { json: form, facts: soakFacts(report), text });
  };
  const last =
    again === undefined
      ? await look()
      : await watch(context, look, {
          everyMs: (again === true ? EVERY_SECONDS : again) * 1000,
          answer: show,
          screen: json === true ? undefined : renderSoak,
        });
  if (again === undefined && last !== undefined) show(last);
  if (last?.allMet !== true) throw new AnswerNo();
}

/** `soak` has the option, too, and takes it wherever it stands. */
type Json = Pick<SoakOptions, 'json'>;

interface AttestOptions {
  readonly since: Date;
  readonly by: string;
  readonly note: string;
}

const CONDITION = () => new Argument('<condition>', 'what only a person knows').choices([...ATTESTABLE]);

function registerAttest(soak: Command, context: CommandContext): void {
  soak
    .command('attest')
    .description('say with your name since when a condition holds that no database knows')
    .addArgument(CONDITION())
    .requiredOption('--since <time>', 'since when it is so: 2026-11-01, or 2026-11-01T12:00:00Z', time)
    .requiredOption('--by <name>', 'your name', filled)
    .requiredOption('--note <text>', 'what it rests on', filled)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  history-cdc soak attest third-party-plan --since 2026-11-01 --by "Ada" --note "they go to the audit log"',
    )
    .action(async (condition: Attestable, { since, by, note }: AttestOptions, self: Command) => {
      const { json } = self.optsWithGlobals<Json>();
      const id = await withDatabases(context, 'soak attest', ({ canonical }) =>
        attest(canonical, { condition, since, by, note }),
      );
      context.answer('soak attest', {
        json,
        facts: { id, condition, revoked: false, since, by, note },
        text: () => `attestation ${id}: ${condition} since ${since.toISOString()}, by ${by}`,
      });
    });
}

function registerRevoke(soak: Command, context: CommandContext): void {
  soak
    .command('revoke')
    .description('take back what was attested')
    .addArgument(CONDITION())
    .requiredOption('--by <name>', 'your name', filled)
    .requiredOption('--note <text>', 'why', filled)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExample:\n  history-cdc soak revoke reading-canonical --by "Ada" --note "the dashboards were rolled back"',
    )
    .action(async (condition: Attestable, { by, note }: Omit<AttestOptions, 'since'>, self: Command) => {
      const { json } = self.optsWithGlobals<Json>();
      const id = await withDatabases(context, 'soak revoke', ({ canonical }) =>
        revoke(canonical, { condition, by, note }),
      );
      context.answer('soak revoke', {
        json,
        facts: { id, condition, revoked: true, since: null, by, note },
        text: () => `${condition} is not attested any more, by ${by}`,
      });
    });
}

interface ExplainOptions {
  readonly by: string;
  readonly reason: string;
}

function registerExplain(soak: Command, context: CommandContext): void {
  soak
    .command('explain')
    .description('explain incidents that are over, so that they do not stop the clock; they stay listed')
    .argument('<id...>', 'ids of incidents, as `soak` lists them', several(rowId))
    .requiredOption('--by <name>', 'your name', filled)
    .requiredOption('--reason <text>', 'why it does not count', filled)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nA gap and an owner’s run that was written late cannot be explained: only time ends them.\n\nExample:\n  history-cdc soak explain 17 18 --by "Ada" --reason "load test of Tuesday"',
    )
    .action(async (ids: string[], { by, reason }: ExplainOptions, self: Command) => {
      const { json } = self.optsWithGlobals<Json>();
      await withDatabases(context, 'soak explain', ({ canonical }) =>
        explainIncidents(canonical, { ids, by, reason }),
      );
      context.answer('soak explain', {
        json,
        facts: { ids, by, reason },
        text: () => `explained by ${by}: ${ids.join(', ')}`,
      });
    });
}

function time(text: string): Date {
  const at = new Date(text);
  if (
    /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text) &&
    !Number.isNaN(at.getTime())
  )
    return at;
  throw new InvalidArgumentError(
    'It must be a day (2026-11-01), or a time with its zone (2026-11-01T12:00:00Z).',
  );
}
