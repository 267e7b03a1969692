import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { writeProperties } from '../../stack/jvm.ts';
import { temporaryFolder } from '../support/folder.ts';

/** As java.util.Properties reads one line: bytes are ISO-8859-1, blanks before the value do not count, and then the escapes. */
function asJavaReads(file: string): string {
  const [line = ''] = readFileSync(file, 'latin1').split('\n');
  const value = line.slice(line.indexOf('=') + 1).replace(/^[ \t\f]+/, '');
  return value.replace(/\\(?:u([0-9a-f]{4})|(.))/g, (_, code: string | undefined, letter = '') => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return letter === 'n' ? '\n' : String(letter);
  });
}

test('Java reads a value as it was written: accents, symbols beyond 16 bits, #, %, =, spaces, backslashes and line ends', () => {
  const value = ' /tmp/é ü/œuvre €/\u{1F600}/a b/#1/50%/x=y:z!/back\\slash/\\u0041/line\nend';
  const file = writeProperties({ name: 'one', folder: temporaryFolder() }, 'some.properties', { value });
  expect(asJavaReads(file)).toBe(value);
});
