import type { Command } from 'commander';
import { verbatim, type Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';
import { teardown, type PartReport, type TeardownReport } from '../operations/teardown/teardown.ts';
import { AnswerNo, type CommandContext } from './context.ts';

interface Options {
  readonly apply?: boolean;
  readonly ledger?: boolean;
  readonly confirm?: string;
  readonly json?: true;
}

export function registerTeardown(command: Command, context: CommandContext): void {
  command
    .option('--apply', 'take it away; refused while a projector runs')
    .option('--ledger', 'take the schema history_cdc away, too, with all decisions and evidence')
    .option('--confirm <name>', 'agent_test_history while that table is there; history_cdc with --ledger')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Lists what the deployment left on the servers: connector, stored offset, slot, publication, signal and heartbeat tables,
the connector's role, topics, schema subjects, consumer group. With --apply it takes them away in that order, and looks
again. The connector goes before its slot, and only if the slot can be dropped right after it, because a server keeps all
WAL for a slot that nobody reads. What this login may not do is printed as SQL for the owner or a DBA.

It can be run again at any time, also when half of it is gone. A service that does not answer is named, and what lies on
it counts as not seen. The role stays where our SQL script did not make it. Kafka's access rules stay.

Ends with 0 where everything was seen and nothing is left (dry run: nothing would keep --apply from that), else with 1.

Examples:
  history-cdc teardown
  history-cdc teardown --apply
  history-cdc teardown --apply --ledger --confirm history_cdc`,
    )
    .action(async ({ apply = false, ledger = false, confirm, json }: Options) => {
      const config = context.config();
      const report = await teardown(config, { apply, ledger, confirmed: confirm, note: context.note });
      context.answer('teardown', { json, facts: report, text: () => render(report) });
      if (!(apply ? report.complete : report.ready)) throw new AnswerNo();
    });
}

function render(report: TeardownReport): Screen {
  const table = tableOf(
    ['part', 'state', 'what'],
    report.parts.map((part) => [part.id, stateOf(part), part.things.join(', ')]),
  );
  const reasons = report.parts.flatMap(({ id, why }) => (why === null ? [] : [`${id}: ${why}`]));
  const sql = report.parts.flatMap(({ byHand }) => (byHand === null ? [] : [byHand]));
  return [
    table,
    ...reasons,
    ...report.projectors.running.map((name) => `at work: ${name}`),
    ...(sql.length === 0 ? [] : ['For the owner or a DBA, in this order:', ...sql.map(verbatim)]),
    closing(report),
  ];
}

function stateOf({ state, removed }: PartReport): string {
  if (state === 'absent') return removed ? 'removed' : 'not there';
  return { there: 'there', unknown: 'not seen', kept: 'kept' }[state];
}

function closing({ applied, complete, ready }: TeardownReport): string {
  if (complete) return 'nothing is left to take away';
  if (applied) return 'something is left or was not seen; run this command again once that is put right';
  return ready
    ? 'nothing was changed: history-cdc teardown --apply'
    : 'nothing was changed; --apply would leave something';
}
