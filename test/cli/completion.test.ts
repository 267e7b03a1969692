import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { runInProcess } from '../support/run-in-process.ts';

async function scriptOf(shell: string): Promise<string> {
  const { code, stdout, stderr } = await runInProcess(['completion', shell], {});
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const file = path.join(temporaryFolder(), 'completion');
  writeFileSync(file, stdout);
  return file;
}

/** What each shell offers at the end of a line, asked of the shell itself. */
const OFFERED = {
  bash: (file: string, words: readonly string[]) =>
    execFileSync(
      'bash',
      [
        '-c',
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _history_cdc; printf "%s\n" "${COMPREPLY[@]}"',
        'bash',
        file,
        ...words,
      ],
      { encoding: 'utf8' },
    ),
  zsh: (file: string, words: readonly string[]) =>
    execFileSync(
      'zsh',
      [
        '-fc',
        // Outside of the line editor there is nobody to show the words to.
        '_describe() { print -l -- ${(P)2%%:*} }; compadd() { shift; print -l -- "$@" }; _files() { }; source "$1"; shift; words=("$@"); CURRENT=$#; _history_cdc',
        'zsh',
        file,
        ...words,
      ],
      { encoding: 'utf8' },
    ),
  fish: (file: string, words: readonly string[]) =>
    execFileSync('fish', ['-Nc', 'source $argv[1]; complete -C $argv[2]', file, words.join(' ')], {
      encoding: 'utf8',
    }),
} as const;

/** zsh and fish are not on every machine; bash is. */
const SHELLS = (Object.keys(OFFERED) as (keyof typeof OFFERED)[]).filter(
  (shell) => shell === 'bash' || spawnSync(shell, ['-c', 'exit 0']).status === 0,
);

describe.each(SHELLS)('%s', (shell) => {
  // It starts a shell seven times, which takes long on a busy machine.
  test('completes commands, commands below them, options and choices', { timeout: 300_000 }, async () => {
    const file = await scriptOf(shell);
    const offered = (...words: string[]) =>
      OFFERED[shell](file, ['history-cdc', ...words])
        .split('\n')
        .map((line) => line.split('\t')[0] ?? '');
    expect(offered('')).toEqual(expect.arrayContaining(['stack', 'reconcile', 'completion']));
    expect(offered('connector', '')).toEqual(expect.arrayContaining(['sql', 'plan', 'apply']));
    expect(offered('connector', 'sql', '--')).toEqual(expect.arrayContaining(['--part', '--run', '--help']));
    expect(offered('connector', 'sql', '--part', '')).toEqual(expect.arrayContaining(['role']));
    expect(offered('completion', '')).toEqual(expect.arrayContaining(['bash', 'zsh', 'fish']));
    expect(offered('reconcile', '--')).not.toContain('--part');
    // Behind an option and its value the command is still known.
    expect(offered('stack', 'up', '--name', 'second', '--')).toEqual(expect.arrayContaining(['--example']));
  });
});
