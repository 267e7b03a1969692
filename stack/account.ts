import { spawnSync } from 'node:child_process';
import type { LaunchCommand } from './process.ts';
import { missing } from './prerequisites.ts';

/** Turns a command into one that runs as an account which Postgres accepts: it refuses to run as root. */
export interface Account {
  /** Who has to own the data folder; undefined: whoever we are. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  as(command: LaunchCommand): LaunchCommand;
}

const OURSELVES: Account = { owner: undefined, as: (command) => command };
const CANDIDATES = ['postgres', 'nobody'];

/**
 * Who runs Postgres. Root drops to an account that the system has already; which way of dropping works is found
 * out by running the probe, because only that shows whether the account can reach the binaries.
 */
export function chooseAccount(probe: LaunchCommand): Account {
  if (process.getuid?.() !== 0) {
    const answer = run(probe);
    if (answer !== undefined) throw missing(`Postgres does not run here: ${answer}`, WAY_OUT);
    return OURSELVES;
  }
  const owner = findAccount();
  if (owner === undefined) {
    throw missing(
      `Postgres refuses to run as root, and there is no account ${CANDIDATES.join(' or ')} to run it as`,
      'run the stack as an ordinary user, or create the account postgres',
    );
  }
  const plain: Account = { owner, as: (command) => ({ ...command, ...owner }) };
  const withPassage: Account = { owner, as: (command) => throughSetpriv(command, owner) };
  const refusals: string[] = [];
  for (const account of [plain, withPassage]) {
    const refusal = run(account.as(probe));
    if (refusal === undefined) return account;
    refusals.push(refusal);
  }
  throw missing(
    `Postgres cannot be run as an ordinary account from this folder: ${refusals.join('; ')}`,
    WAY_OUT,
  );
}

const WAY_OUT =
  'set HISTORY_CDC_STATE_DIR to a folder that every account may enter (for instance /var/tmp/history-cdc), or run the stack as an ordinary user';

/**
 * Below a folder that others may not enter, as /root is, the account keeps the one capability it takes to pass:
 * to read and enter, not to write. Without the secure bit the kernel leaves that capability out of access(2), by
 * which Postgres looks for its own files.
 */
function throughSetpriv(command: LaunchCommand, { uid, gid }: { uid: number; gid: number }): LaunchCommand {
  const args = [
    `--reuid=${String(uid)}`,
    `--regid=${String(gid)}`,
    '--clear-groups',
    '--inh-caps=+dac_read_search',
    '--ambient-caps=+dac_read_search',
    '--securebits=+no_setuid_fixup',
  ];
  return { ...command, file: 'setpriv', args: [...args, command.file, ...command.args] };
}

/** Undefined when the command ran and liked it; otherwise why not. */
function run(command: LaunchCommand): string | undefined {
  const answer = spawnSync(command.file, [...command.args], { ...command, encoding: 'utf8' });
  if (answer.status === 0) return undefined;
  const reason = answer.error?.message ?? answer.stderr;
  return reason.trim().split('\n')[0] ?? 'no reason given';
}

function findAccount(): { uid: number; gid: number } | undefined {
  for (const name of CANDIDATES) {
    const [uid, gid] = ['-u', '-g'].map((flag) => {
      const id = spawnSync('id', [flag, name], { encoding: 'utf8' });
      return id.status === 0 ? Number(id.stdout) : 0;
    });
    if (uid !== undefined && uid > 0 && gid !== undefined && gid > 0) return { uid, gid };
  }
  return undefined;
}
