import { expect } from 'vitest';
import { ANSWERS, ERROR_ANSWER, type AnswerName } from '../../cli/answers.ts';

interface Answered {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Holds what a command said with `--json` to the schema of its answer: one object on stdout and nothing else, or one line per
 * look of `status --watch`; and the error, where it could not run, as the last line of stderr.
 */
export function expectJsonAnswer(args: readonly string[], { code, stdout, stderr }: Answered): void {
  // A signal ended it, and it may not have come to an answer.
  if (!args.includes('--json') || code === null) return;
  if (code === 2) ERROR_ANSWER.parse(JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? ''));
  // `config` lists the settings before it refuses one.
  if (code === 2 && stdout === '') return;
  const texts = args.includes('--watch') ? stdout.trimEnd().split('\n') : [stdout];
  for (const text of texts) {
    const { error } = ANSWERS[answerName(args)].safeParse(JSON.parse(text));
    expect(error, args.join(' ')).toBeUndefined();
  }
}

function answerName(args: readonly string[]): AnswerName {
  const [command = '', second = ''] = args;
  const option = ['--list', '--repair', '--history'].find((each) => args.includes(each)) ?? '';
  const name = [`${command} ${option}`, `${command} ${second}`, command].find((each) => each in ANSWERS);
  if (name === undefined) throw new Error(`there is no schema for the answer of ${args.join(' ')}`);
  return name as AnswerName;
}
