/** What can be asked for in the console. Each runs the functions of the command of the same name. */
import { z } from 'zod';
import type { Config } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import type { EventName } from './store.ts';
import { explain, attestation, revocation } from './soak-commands.ts';
import { repairLast, reconcileAll } from './reconcile-commands.ts';
import { retryRecords, waiveRecords } from './quarantine-commands.ts';
import { startOne, switchOne } from './snapshot-commands.ts';

export interface Running {
  readonly config: Config;
  /** The person who asked for it. */
  readonly by: string;
  readonly applies: boolean;
  /** Fires when the console stops. */
  readonly signal: AbortSignal;
}

export interface Outcome {
  readonly event: Extract<EventName, 'done' | 'no'>;
  /** Ids, counts, decisions and reasons: never a value of a row. */
  readonly result: Readonly<Record<string, unknown>>;
}

export interface RequestCommand {
  readonly title: string;
  /** Its dry run comes first, and is shown before it is applied. */
  readonly dryRunFirst: boolean;
  /** Checks the fields of a form. */
  readonly arguments: z.ZodType<Readonly<Record<string, unknown>>>;
  readonly run: (running: Running, values: Readonly<Record<string, unknown>>) => Promise<Outcome>;
}

function command<S extends z.ZodObject>(
  title: string,
  shape: S,
  run: (running: Running, values: z.output<S>) => Promise<Outcome>,
): RequestCommand {
  return {
    title,
    dryRunFirst: false,
    arguments: shape,
    run: (running, values) => run(running, shape.parse(values)),
  };
}

const text = z.string().trim().min(1, 'must not be empty').max(1000, 'must be at most 1,000 characters');
const id = z.string().regex(/^[1-9]\d{0,17}$/, 'must be an id');
/** One id, or several separated by spaces or commas. */
const ids = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(/[\s,]+/).filter((one) => one !== '') : value),
  z.array(id).min(1, 'must name at least one id').max(500),
);
const none = z.object({});

const COMMANDS: Readonly<Record<string, RequestCommand>> = {
  'quarantine retry': {
    ...command(
      'Retry parked records',
      z.object({ ids: ids.optional(), reason: z.string().min(1).max(100).optional() }),
      retryRecords,
    ),
    dryRunFirst: true,
  },
  'quarantine waive': command('Waive parked records', z.object({ ids, reason: text }), waiveRecords),
  reconcile: command('Compare everything', none, reconcileAll),
  'reconcile --repair': { ...command('Repair findings', none, repairLast), dryRunFirst: true },
  'snapshot start': command(
    'Start a snapshot',
    z.object({ scope: z.enum(['table', 'ids']), ids: z.string().max(60_000).optional() }),
    startOne,
  ),
  'snapshot pause': command('Pause the snapshot', z.object({ why: text }), switchOne('pause')),
  'snapshot resume': command('Resume the snapshot', z.object({ why: text }), switchOne('resume')),
  'snapshot stop': command('Stop the snapshot', z.object({ why: text }), switchOne('stop')),
  'soak attest': command(
    'Attest a condition',
    z.object({
      condition: z.enum(['reading-canonical', 'third-party-plan']),
      since: z.iso.date('must be a day: 2026-11-01'),
      note: text,
    }),
    attestation,
  ),
  'soak revoke': command(
    'Take an attestation back',
    z.object({ condition: z.enum(['reading-canonical', 'third-party-plan']), note: text }),
    revocation,
  ),
  'soak explain': command('Explain incidents', z.object({ ids, reason: text }), explain),
};

export function commandOf(name: string): RequestCommand {
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (found !== undefined) return found;
  throw refused(`the console has no action ${name.slice(0, 40)}`);
}

/** The arguments in the fields of a form; throws REQUEST_REFUSED with what is wrong with each. */
export function argumentsIn(
  command: RequestCommand,
  fields: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ''));
  const parsed = command.arguments.safeParse(given);
  if (parsed.success) return parsed.data;
  throw refused(parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
}

function refused(message: string): FatalError {
  return new FatalError({
    code: 'REQUEST_REFUSED',
    message,
    wayOut: 'go back, and correct what is named',
  });
}
