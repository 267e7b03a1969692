import { expect } from 'vitest';
import { printable } from '../../lib/printable.ts';

/** Every line of a service's stderr, parsed. Fails for a line that is no JSON object of the log, or has a key twice. */
export function logLines(stderr: string): Readonly<Record<string, unknown>>[] {
  return stderr
    .trimEnd()
    .split('\n')
    .map((line) => {
      const fields = JSON.parse(line) as Readonly<Record<string, unknown>>;
      expect(fields).toMatchObject({ service: 'agent-history-cdc', level: expect.any(Number) as unknown });
      expect(fields['msg']).toEqual(expect.any(String));
      // A key that is there twice is there once after parsing.
      expect(printable(JSON.stringify(fields))).toBe(line);
      return fields;
    });
}
