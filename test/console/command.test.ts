import { expect, test } from 'vitest';
import { ANSWERS } from '../../cli/answers.ts';
import { runProgram } from '../../cli/program.ts';

/** Runs the command until it has answered, asks the address, and stops it as Ctrl-C does. */
async function consoleCommand(...args: string[]) {
  const stop = new AbortController();
  let answered: Promise<Response> | undefined;
  let said = '';
  const code = await runProgram(['console', '--json', ...args], {
    environment: {
      HISTORY_CDC_STATE_DIR: '/nonexistent',
      DATABASE_URL: 'postgres://app@127.0.0.1:1/app',
      CONSOLE_PORT: '0',
      LOG_LEVEL: 'silent',
    },
    stdout: (text) => {
      said += text;
      const { url } = ANSWERS.console.parse(JSON.parse(said));
      answered = fetch(`${url}/settings`);
      void answered.finally(() => {
        stop.abort();
      });
    },
    stderr: () => undefined,
    redraws: false,
    drawsBars: false,
    stopSignal: () => stop.signal,
  });
  return { code, status: (await answered)?.status, facts: ANSWERS.console.parse(JSON.parse(said)) };
}

test('serves until it is stopped, and asks nobody to sign in', async () => {
  const { code, status, facts } = await consoleCommand();
  expect({ code, status }).toEqual({ code: 0, status: 200 });
  expect(facts).toMatchObject({ signInUrl: null, actions: false });
});

test('with --actions it gives an address that signs in', async () => {
  const { facts } = await consoleCommand('--actions');
  expect(facts.actions).toBe(true);
  expect(facts.signInUrl).toMatch(new RegExp(`^${facts.url}/sign-in\\?token=[\\w-]{32}$`));
});
