import { expect, test } from 'vitest';
import { createProgress } from '../../cli/progress.ts';
import { runProgram } from '../../cli/program.ts';
import { createLogger } from '../../lib/log.ts';
import { logLines } from '../support/log-lines.ts';

/** What a service writes to stderr where no terminal is. */
async function stderrOf(args: readonly string[], settings: Readonly<Record<string, string>>) {
  let stderr = '';
  const write = (text: string) => void (stderr += text);
  const code = await runProgram(args, {
    environment: { HISTORY_CDC_STATE_DIR: '/nonexistent', ...settings },
    stdout: () => undefined,
    stderr: write,
    log: write,
    redraws: false,
    drawsBars: false,
    stopSignal: () => new AbortController().signal,
  });
  return { code, stderr };
}

const UNREACHABLE = { DATABASE_URL: 'postgres://app@127.0.0.1:1/app', KAFKA_BROKERS: '127.0.0.1:1' };

test.each([
  [['project'], {}, 'CONFIG_INVALID'],
  [['project'], UNREACHABLE, 'DATABASE_UNREACHABLE'],
  [['project', '--fast'], {}, 'USAGE'],
  [['replay'], UNREACHABLE, 'DATABASE_UNREACHABLE'],
  [['console'], {}, 'CONFIG_INVALID'],
])('%j: the fatal line has the format of the log', async (args, settings, expected) => {
  const { code, stderr } = await stderrOf(args, settings);
  expect(code).toBe(2);
  expect(logLines(stderr).at(-1)).toMatchObject({
    level: 60,
    code: expected,
    wayOut: expect.any(String) as unknown,
  });
});

test('a key that is there twice is found', () => {
  let line = '';
  createLogger('info', (text) => (line = text)).info({ service: 'connect' }, 'twice');
  expect(() => logLines(line)).toThrow();
});

test('--json keeps the form of its errors', async () => {
  const { stderr } = await stderrOf(['project', '--json'], {});
  expect(JSON.parse(stderr)).toMatchObject({ code: 'CONFIG_INVALID' });
});

test('progress is a line of the log, too', () => {
  let stderr = '';
  const logger = createLogger('info', (line) => void (stderr += line));
  const progress = createProgress('projected', {
    drawsBars: false,
    stderr: (line) => {
      logger.info(line.trimEnd());
    },
  });
  progress.update(1, 1);
  expect(logLines(stderr)).toHaveLength(1);
});
