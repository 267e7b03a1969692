import type { Command } from 'commander';
import { asScript, FENCE_SQL, UNFENCE_SQL } from '../operations/fence/script.ts';
import { readFence } from '../operations/fence/state.ts';
import { retireCheck, type RetireCheck } from '../operations/retire/check.ts';
import { close } from '../operations/retire/close.ts';
import type { RetireContext } from '../operations/retire/context.ts';
import { drop, TABLE } from '../operations/retire/drop.ts';
import { fence, unfence } from '../operations/retire/fence.ts';
import { LOCK_WAITS_MS } from '../operations/retire/owner.ts';
import type { EnteredStage } from '../operations/soak/stages.ts';
import { AnswerNo, type CommandContext } from './context.ts';
import { filled, whole } from './parsers.ts';
import { checkFacts, renderCheck, renderRefusals } from './retire-view.ts';
import { withRetirement, type StepOptions } from './with-retirement.ts';

const LOCK_SECONDS = 60;
const SETTLE_SECONDS = 30;

export function registerRetire(command: Command, context: CommandContext): void {
  const retire = command.addHelpText(
    'after',
    `
In this order, each step a dry run until --apply: check, fence, (reconcile, archive export, archive verify), close, drop.
unfence goes back from every stage before the drop.

Example:
  history-cdc retire check`,
  );
  registerCheck(retire, context);
  registerFence(retire, context);
  registerUnfence(retire, context);
  registerClose(retire, context);
  registerDrop(retire, context);
}

function registerCheck(retire: Command, context: CommandContext): void {
  retire
    .command('check')
    .description(
      'the next step: what it waits for, the statements that it would run, and who has a lock on the table',
    )
    .option('--json', 'print the check as JSON')
    .addHelpText(
      'after',
      `
Ends with 0 if the next step may be taken now, else with 1. It records each write that the fence has refused as an incident.

Example:
  history-cdc retire check`,
    )
    .action(async ({ json }: { readonly json?: true }) => {
      const check = await withRetirement(context, { command: 'retire check' }, retireCheck);
      context.answer('retire check', { json, facts: checkFacts(check), text: () => renderCheck(check) });
      if (check.refusals.length > 0) throw new AnswerNo();
    });
}

/** A step, as a dry run: the check, if it is the next one. */
interface Step {
  readonly next: RetireCheck['next'];
  readonly command: 'retire fence' | 'retire close' | 'retire drop';
  readonly apply: (retirement: RetireContext) => Promise<EnteredStage>;
}

async function runStep(
  context: CommandContext,
  { next, command, apply }: Step,
  options: StepOptions,
): Promise<void> {
  const outcome = await withRetirement(context, { command, ...options }, async (retirement) => {
    const check = await retireCheck(retirement);
    const mayGo = check.next === next && check.refusals.length === 0;
    // A step that does not come next refuses by itself, with its code.
    const isRefused = check.next === next && !mayGo && !mayRecover(check);
    return { check, mayGo, entered: options.apply === true && !isRefused ? await apply(retirement) : null };
  });
  const { check, mayGo, entered } = outcome;
  context.answer(command, {
    json: options.json,
    facts: {
      applied: entered !== null,
      stage: entered?.stage ?? check.stage,
      refusals: check.next === next ? check.refusals : [`the next step is ${check.next}`],
      evidence: entered?.evidence ?? null,
    },
    text: () =>
      entered === null
        ? `${renderRefusals(check, next)}\nnothing was changed${mayGo ? `: history-cdc ${command} --apply --by …` : ''}`
        : `the stage is ${entered.stage} since ${entered.at.toISOString()}`,
  });
  if (entered === null && !mayGo) throw new AnswerNo();
}

/** The table was dropped, and the command was killed before it could say so. */
function mayRecover({ next, state }: RetireCheck): boolean {
  return next === 'drop' && state.tableOid === null && state.fence?.droppedAt != null;
}

const BY = ['--by <name>', 'who answers for it; stands in the evidence as it is given', filled] as const;
const WAIT = [
  '--wait-seconds <seconds>',
  'give up when the table stays locked for so long',
  whole(0, 86_400),
  LOCK_SECONDS,
] as const;
const SETTLE = [
  '--settle-seconds <seconds>',
  'how long to wait until what was streamed is projected',
  whole(0, 3_600),
  SETTLE_SECONDS,
] as const;

function registerFence(retire: Command, context: CommandContext): void {
  retire
    .command('fence')
    .description('let nobody write to the table any more; a deleted context still takes its rows with it')
    .option('--apply', 'do it, as the role of OWNER_DATABASE_URL')
    .option(...BY)
    .option(...WAIT)
    .option('--print', 'print the script for a DBA instead; then run --apply, which records the fence')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', FENCE_HELP)
    .action(async ({ print, ...options }: StepOptions & { readonly print?: true }) => {
      if (print === true) {
        context.print(asScript(FENCE_SQL, LOCK_WAITS_MS.at(-1) ?? 0).trimEnd());
        return;
      }
      const apply = async (retirement: RetireContext) => (await fence(retirement)).stage;
      await runStep(context, { next: 'fence', command: 'retire fence', apply }, options);
    });
}

const FENCE_HELP = `
Triggers refuse INSERT, UPDATE and TRUNCATE of every role, of the owner and of superusers, too, and DELETE of every role but
the owner. No right is changed, because Postgres would then refuse before a trigger could count: what is refused is counted by
role, and is an incident. A trigger that a superuser disables is seen by \`retire check\`; what is written then, by \`drop\`.

It waits only for transactions that have written to the table, at most 1.5 s at a time, and tries again.

Examples:
  history-cdc retire fence
  OWNER_DATABASE_URL=… history-cdc retire fence --apply --by "the data owner"
  history-cdc retire fence --print | psql -v ON_ERROR_STOP=1 "$OWNER_URL"`;

function registerUnfence(retire: Command, context: CommandContext): void {
  retire
    .command('unfence')
    .description('the way back: open the table again, and go back to soaking')
    .option('--apply', 'do it, as the role of OWNER_DATABASE_URL')
    .option(...BY)
    .option(...WAIT)
    .option('--print', 'print the script for a DBA instead; then run --apply, which records it')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nEvery right is as it was, because the fence changed none.\n\nExample:\n  OWNER_DATABASE_URL=… history-cdc retire unfence --apply --by "the data owner"',
    )
    .action(async ({ print, ...options }: StepOptions & { readonly print?: true }) => {
      if (print === true) {
        context.print(asScript(UNFENCE_SQL, LOCK_WAITS_MS.at(-1) ?? 0).trimEnd());
        return;
      }
      const { apply = false, json } = options;
      const before = await withRetirement(
        context,
        { command: 'retire unfence', ...options },
        async (retirement) => {
          const { fence: found } = await readFence(retirement.legacy);
          if (apply) await unfence(retirement);
          return found;
        },
      );
      context.answer('retire unfence', {
        json,
        facts: { applied: apply, wasFenced: before !== null },
        text: () =>
          apply
            ? 'the table is open, and the stage is soaking'
            : `${before === null ? 'there is no fence' : `the fence of ${before.fencedAt.toISOString()} would be taken away`}; nothing was changed`,
      });
    });
}

function registerClose(retire: Command, context: CommandContext): void {
  retire
    .command('close')
    .description('after the fence: check that all of it is streamed, projected, proven and archived')
    .option('--apply', 'enter the stage `archived`')
    .option(...BY)
    .option(...SETTLE)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
It demands: the slot has passed the fence and the projector what the topic had by then; a whole \`reconcile\` that began
after the fence is proven; and an archive was verified with a snapshot in which every transaction of before the fence is over.

Example:
  history-cdc retire close --apply --by "the data owner"`,
    )
    .action(async (options: StepOptions) => {
      await runStep(context, { next: 'close', command: 'retire close', apply: close }, options);
    });
}

function registerDrop(retire: Command, context: CommandContext): void {
  retire
    .command('drop')
    .description('drop the table for good')
    .option('--apply', 'do it, as the role of OWNER_DATABASE_URL; needs --confirm')
    .option('--confirm <table>', `must be ${TABLE}`)
    .option(...BY)
    .option(...WAIT)
    .option(...SETTLE)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Only from the stage \`archived\`, with every condition of \`soak\` met, and fenced for RETIRE_FENCED_DAYS. In one transaction it
locks the table, shows that the fence stands and that no row was written since the archive was verified, and drops it without
CASCADE. It cannot be taken back: \`archive restore\` makes the table again elsewhere.

Examples:
  history-cdc retire drop
  OWNER_DATABASE_URL=… history-cdc retire drop --apply --by "the data owner" --confirm ${TABLE}`,
    )
    .action(async ({ confirm, ...options }: StepOptions & { readonly confirm?: string }) => {
      const apply = (retirement: RetireContext) => drop(retirement, confirm);
      await runStep(context, { next: 'drop', command: 'retire drop', apply }, options);
    });
}
