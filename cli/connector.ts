import { Option, type Command } from 'commander';
import { applyConnector, planWith, SILENT_AFTER_MS } from '../operations/connector/apply.ts';
import { logAction } from '../operations/connector/log-action.ts';
import { isClean } from '../connectors/deploy/plan.ts';
import { runSourceSql } from '../connectors/deploy/run-sql.ts';
import { sourceSql, SQL_PARTS, workerSql, type SqlPart } from '../connectors/deploy/source-sql.ts';
import { connectorReport } from '../operations/connector/connector-report.ts';
import { switchConnector } from '../operations/connector/switch.ts';
import { connectClient } from '../connectors/deploy/target.ts';
import { withServices } from '../operations/facts/services.ts';
import { resumeConnector } from '../operations/connector/resume.ts';
import { topicNames } from '../lib/names.ts';
import { renderApplied, renderPlan, renderReport } from './connector-view.ts';
import { registerPrint } from './connector-print.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { whole } from './parsers.ts';

const NEEDS = ['CONNECT_URL', 'KAFKA_BROKERS', 'CONNECTOR_DATABASE_URL'] as const;

interface JsonOption {
  readonly json?: true;
}

export function registerConnector(command: Command, context: CommandContext): void {
  const connector = command.addHelpText(
    'after',
    '\nExamples:\n  history-cdc connector plan\n  history-cdc connector apply',
  );
  registerSql(connector, context);
  registerPrint(connector, context);
  registerPlan(connector, context);
  registerApply(connector, context);
  registerStatus(connector, context);
  registerSwitches(connector, context);
  registerDelete(connector, context);
}

function registerSql(connector: Command, context: CommandContext): void {
  connector
    .command('sql')
    .description("print the DBA's script: role, signal and heartbeat tables, publication, grants; idempotent")
    .addOption(new Option('--part <part>', 'only one part of it').choices(SQL_PARTS))
    .addOption(
      new Option(
        '--projector <role>',
        "print instead the grants that this role needs on the application's tables for `project` and all commands that read",
      ).conflicts(['part', 'operator']),
    )
    .addOption(
      new Option('--operator <role>', 'the same, with the grants for `snapshot`').conflicts([
        'part',
        'projector',
      ]),
    )
    .option(
      '--run',
      'run the script at LEGACY_DATABASE_URL in one transaction instead of printing it; the grants of a role also at DATABASE_URL',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  history-cdc connector sql | psql -1 -v ON_ERROR_STOP=1 "$OWNER_URL"\n  history-cdc connector sql --part role\n  history-cdc connector sql --projector history_cdc_projector',
    )
    .action(async ({ part, run, projector, operator }: SqlOptions) => {
      if (projector !== undefined) {
        await grantWorker(context, { kind: 'projector', role: projector, run });
        return;
      }
      if (operator !== undefined) {
        await grantWorker(context, { kind: 'operator', role: operator, run });
        return;
      }
      if (run !== true) {
        context.print(sourceSql(context.config(), part).trimEnd());
        return;
      }
      const config = context.config(['LEGACY_DATABASE_URL']);
      const options = part === undefined ? [] : [`--part ${part}`];
      await logAction(config, { command: 'connector sql --run', options }, context);
      const notices = await runSourceSql(config.LEGACY_DATABASE_URL, sourceSql(config, part));
      for (const notice of notices) context.note(notice);
      context.print('the script ran');
    });
}

interface SqlOptions {
  readonly part?: SqlPart;
  readonly projector?: string;
  readonly operator?: string;
  readonly run?: true;
}

/** Runs the script in one or both databases. The answer is "no" while another owner has to grant something. */
async function grantWorker(
  context: CommandContext,
  { kind, role, run }: { kind: 'projector' | 'operator'; role: string; run: true | undefined },
): Promise<void> {
  const sql = workerSql(kind, role);
  if (run !== true) {
    context.print(sql.trimEnd());
    return;
  }
  const config = context.config(['DATABASE_URL', 'LEGACY_DATABASE_URL']);
  await logAction(config, { command: 'connector sql --run', options: [`--${kind}`] }, context);
  const remaining: string[] = [];
  for (const url of new Set([config.LEGACY_DATABASE_URL, config.DATABASE_URL])) {
    for (const notice of await runSourceSql(url, sql, (text) => remaining.push(text))) context.note(notice);
  }
  context.print('the script ran');
  if (remaining.length > 0) throw new AnswerNo();
}

function registerPlan(connector: Command, context: CommandContext): void {
  connector
    .command('plan')
    .description('show what `apply` would change; exit code 1 if there is a change, 0 if there is none')
    .option('--json', 'print the difference as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc connector plan')
    .action(async ({ json }: JsonOption) => {
      const config = context.config(NEEDS);
      const { plan } = await withServices(config, { name: 'history-cdc connector' }, (services) =>
        planWith(services, config),
      );
      context.answer('connector plan', {
        json,
        facts: plan,
        text: () => renderPlan(plan, config.CONNECTOR_NAME),
      });
      if (!isClean(plan)) throw new AnswerNo();
    });
}

function registerApply(connector: Command, context: CommandContext): void {
  connector
    .command('apply')
    .description('create or update topics and connector, and wait until a heartbeat has arrived')
    .option(
      '--timeout <seconds>',
      'give up after this time without a row or a heartbeat',
      whole(5, 86_400),
      SILENT_AFTER_MS / 1000,
    )
    .option('--unseen', UNSEEN)
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', '\nExample:\n  history-cdc connector apply')
    .action(async ({ json, timeout, unseen = false }: JsonOption & { timeout: number; unseen?: boolean }) => {
      const config = context.config(NEEDS);
      const result = await applyConnector(config, {
        note: context.note,
        unseen,
        silentAfterMs: timeout * 1000,
      });
      context.answer('connector apply', {
        json,
        facts: result.kind === 'alive' ? { ...result, rows: Number(result.rows) } : result,
        text: () => renderApplied(config.CONNECTOR_NAME, result),
      });
      if (result.kind === 'suspended') throw new AnswerNo();
    });
}

function registerStatus(connector: Command, context: CommandContext): void {
  connector
    .command('status')
    .description('show connector, tasks, heartbeat and slot; exit code 1 if there is a problem')
    .option('--json', 'print the facts as JSON, with the whole trace of a failure')
    .addHelpText('after', '\nExample:\n  history-cdc connector status --json')
    .action(async ({ json }: JsonOption) => {
      const report = await connectorReport(context.config(NEEDS));
      context.answer('connector status', { json, facts: report, text: () => renderReport(report) });
      if (!report.healthy) throw new AnswerNo();
    });
}

const UNSEEN =
  'resume although a part of the source or the ledger does not answer; rows may then be missing unnoticed';
const RUNS =
  'runs, according to Kafka Connect; `history-cdc connector status` shows whether its heartbeat arrives';
const SWITCHES = {
  pause: { does: 'stop reading; the slot stays, so the server keeps WAL for it', done: 'is paused' },
  resume: { does: 'continue where it stopped; refused if rows would be missing', done: RUNS },
  restart: { does: 'restart the connector and all its tasks, also failed ones', done: RUNS },
} as const;

function registerSwitches(connector: Command, context: CommandContext): void {
  for (const verb of ['pause', 'resume', 'restart'] as const) {
    const command = connector
      .command(verb)
      .description(SWITCHES[verb].does)
      .addHelpText('after', `\nExample:\n  history-cdc connector ${verb}`)
      .action(async ({ unseen = false }: { unseen?: boolean }) => {
        const config = context.config(['CONNECT_URL']);
        const options = unseen ? ['--unseen'] : [];
        await logAction(config, { command: `connector ${verb}`, options }, context);
        if (verb === 'resume') await resumeConnector(config, { note: context.note, unseen });
        else await switchConnector(connectClient(config), { name: config.CONNECTOR_NAME, to: verb });
        context.print(`${config.CONNECTOR_NAME} ${SWITCHES[verb].done}`);
      });
    if (verb === 'resume') command.option('--unseen', UNSEEN);
  }
}

function registerDelete(connector: Command, context: CommandContext): void {
  connector
    .command('delete')
    .description('remove the connector from Kafka Connect, and nothing else')
    .option(
      '--forget-offsets',
      "also delete Connect's stored offset, so that the next `apply` takes a new snapshot",
    )
    .addHelpText('after', '\nExample:\n  history-cdc connector delete')
    .action(async ({ forgetOffsets = false }: { forgetOffsets?: boolean }) => {
      const config = context.config(['CONNECT_URL']);
      const options = forgetOffsets ? ['--forget-offsets'] : [];
      await logAction(config, { command: 'connector delete', options }, context);
      const connect = connectClient(config);
      if (forgetOffsets) await connect.forgetOffsets(config.CONNECTOR_NAME);
      await connect.delete(config.CONNECTOR_NAME);
      const remains = [
        `the replication slot ${config.SLOT_NAME}: the server keeps WAL for it until it is dropped`,
        `the publication ${config.PUBLICATION_NAME}, the role, and the tables of history_cdc_source`,
        `the topics ${Object.values(topicNames(config)).join(', ')}`,
        ...(forgetOffsets
          ? []
          : ["Connect's stored offset: a connector of the same name continues where this one stopped"]),
      ];
      context.print(`${config.CONNECTOR_NAME} is deleted. What remains:\n  ${remains.join('\n  ')}`);
    });
}
