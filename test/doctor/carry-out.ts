import pg from 'pg';
import { runSourceSql } from '../../connectors/deploy/run-sql.ts';
import { sqlState } from '../../lib/postgres-errors.ts';
import { runInProcess, type Answer } from '../support/run-in-process.ts';
import { until } from '../support/until.ts';
import { stepsOf, type FixStep } from './fix-steps.ts';

export type Settings = Readonly<Record<string, string>>;

/** Where a fix is carried out. */
export interface Place {
  readonly settings: Settings;
  /** Whoever may do everything in the database: SQL is pasted as that role. */
  readonly superuserUrl: string;
  /** Runs a tool that is not ours, as the line has it. */
  readonly tool?: (name: string, args: readonly string[]) => Promise<unknown>;
  /** Starts a projector that runs on while the next lines are carried out. */
  readonly start?: (args: readonly string[]) => unknown;
}

/** They tell what is wrong, and so end with 1. */
const TELLS = new Set(['connector plan', 'connector status', 'doctor --only', 'quarantine list']);
const OBJECT_IN_USE = '55006';

/** Does what a fix says, line by line as it was printed. Gives the settings that stand then. */
export async function carryOut(fix: string | null, place: Place): Promise<Settings> {
  let { settings } = place;
  for (const step of stepsOf(fix ?? '')) settings = await carryOutStep(step, { ...place, settings });
  return settings;
}

async function carryOutStep(step: FixStep, place: Place): Promise<Settings> {
  const { settings, superuserUrl } = place;
  switch (step.kind) {
    case 'setting':
      return { ...settings, [step.name]: step.value };
    case 'sql':
      await asSuperuser(superuserUrl, step.text);
      return settings;
    case 'replication':
      await asSuperuser(superuserUrl, step.text, 'database');
      return settings;
    case 'tool':
      if (place.tool === undefined) throw new Error(`there is no ${step.name} here`);
      await place.tool(step.name, step.args);
      return settings;
    case 'command': {
      if (place.start !== undefined && step.args.join(' ') === 'project') {
        place.start(step.args);
        return settings;
      }
      const { code, stdout, stderr } = await historyCdc(step.args, settings);
      const told = code === 1 && TELLS.has(step.args.slice(0, 2).join(' '));
      if (code !== 0 && !told) {
        throw new Error(`history-cdc ${step.args.join(' ')} ended with ${String(code)}:\n${stderr}${stdout}`);
      }
      if (step.intoPsql) await runSourceSql(superuserUrl, stdout);
      return settings;
    }
  }
}

/** A command as it was printed; `project`, which goes on for ever, until it has caught up. */
export async function historyCdc(args: readonly string[], settings: Settings): Promise<Answer> {
  const ends = args[0] === 'project' ? [...args, '--until-caught-up'] : args;
  return await runInProcess(ends, settings);
}

/** A slot is in use for a moment after its connector has gone: whoever is told so pastes the line again. */
async function asSuperuser(url: string, text: string, replication?: 'database'): Promise<void> {
  await until(`${text} is carried out`, async () => {
    const client = new pg.Client({
      connectionString: url,
      ...(replication !== undefined && { replication }),
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query(text);
      return true;
    } catch (error) {
      if (sqlState(error) === OBJECT_IN_USE) return false;
      throw error;
    } finally {
      await client.end();
    }
  });
}
