import { execFile } from 'node:child_process';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { sizeOf, takesColours } from '../../cli/terminal.ts';
import { temporaryFolder } from '../support/folder.ts';

const REPOSITORY = path.join(import.meta.dirname, '..', '..');

/** What `history-cdc` writes to a real terminal of this width, by `script` of util-linux. */
async function onTerminal(args: string, columns: number): Promise<string> {
  const command = `stty cols ${String(columns)} rows 24; "${process.execPath}" bin/history-cdc.mjs ${args}`;
  const env = { ...process.env, TERM: 'xterm', HISTORY_CDC_STATE_DIR: temporaryFolder() };
  Reflect.deleteProperty(env, 'NO_COLOR');
  Reflect.deleteProperty(env, 'FORCE_COLOR');
  return await new Promise((resolve, reject) => {
    execFile('script', ['-qec', command, '/dev/null'], { cwd: REPOSITORY, env }, (error, stdout) => {
      if (error === null) resolve(stdout.replaceAll('\r\n', '\n'));
      else reject(new Error(`script failed: ${stdout}`, { cause: error }));
    });
  });
}

describe.runIf(process.platform === 'linux')('on a real terminal', { timeout: 300_000 }, () => {
  test.each([40, 80, 120])(
    'of %s columns, no line of `config` is wider, and no word is broken',
    async (columns) => {
      const coloured = await onTerminal('config', columns);
      expect(coloured).toContain('\u001b[1msetting\u001b[22m');
      const text = stripVTControlCharacters(coloured);
      const wide = text.split('\n').filter((line) => stringWidth(line) > columns);
      // What is longer than the terminal is one word on a line of its own.
      expect(wide.filter((line) => /\S\s+\S/.test(line))).toEqual([]);
      for (const word of ['CONNECTOR_SCHEMA_REGISTRY_URL', 'agent_test_history', 'bootstrap'])
        expect(text).toContain(word);
    },
  );
});

test.each([
  ['a terminal', { isTTY: true, environment: {}, takes: true }],
  ['a pipe', { isTTY: false, environment: {}, takes: false }],
  ['a terminal with NO_COLOR', { isTTY: true, environment: { NO_COLOR: '1' }, takes: false }],
  ['a terminal with an empty NO_COLOR', { isTTY: true, environment: { NO_COLOR: '' }, takes: true }],
  ['a terminal that is dumb', { isTTY: true, environment: { TERM: 'dumb' }, takes: false }],
  ['a pipe with FORCE_COLOR', { isTTY: false, environment: { FORCE_COLOR: '1' }, takes: true }],
  ['a terminal with FORCE_COLOR=0', { isTTY: true, environment: { FORCE_COLOR: '0' }, takes: false }],
  [
    'FORCE_COLOR and NO_COLOR',
    { isTTY: true, environment: { FORCE_COLOR: '1', NO_COLOR: '1' }, takes: false },
  ],
])('colours: %s', (_, { isTTY, environment, takes }) => {
  expect(takesColours({ isTTY }, environment)).toBe(takes);
});

test('the size of a terminal that does not know it is not taken for 0', () => {
  expect(sizeOf({ isTTY: true, columns: 0, rows: 0 })).toBeUndefined();
  expect(sizeOf({ isTTY: false, columns: 80, rows: 24 })).toBeUndefined();
  expect(sizeOf({ isTTY: true, columns: 80, rows: 24 })).toEqual({ columns: 80, rows: 24 });
});
