import { spawnSync } from 'node:child_process';
import type { LaunchCommand } from './process.ts';
import { missing } from './prerequisites.ts';

/** Changes a command so that it runs as an account which Postgres accepts. Postgres refuses to run as root. */
export interface Account {
  /** The account that must own the data folder; undefined if it is our own. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  as(command: LaunchCommand): LaunchCommand;
}

const OURSELVES: Account = { owner: undefined, as: (command) => command };
const CANDIDATES = ['postgres', 'nobody'];

/**
 * Chooses the account that runs Postgres. Root changes to an account that the system already has. There are several
 * ways to change; it runs the probe with each, because only that shows whether the account can reach the binaries.
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
 * If the binaries are below a folder that others may not enter, such as /root, the account keeps the one capability
 * that it needs to pass: to read and enter, not to write. Without the secure bit, the kernel ignores this capability in
 * access(2), and Postgres would not find its own files.
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

/** Runs the command. Returns undefined if it succeeded, otherwise the reason why not. */
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
