import { expect, test } from 'vitest';
import { readOptions } from '../../bench/options.ts';

const only = (...args: readonly string[]) => readOptions(['node', 'run.ts', ...args]).only;

test('parts can be given in each way that people try, and each once', () => {
  expect(only('--only', 'latency,window')).toEqual(['latency', 'window']);
  expect(only('--only', 'latency', 'window')).toEqual(['latency', 'window']);
  expect(only('--only', 'latency', '--only', 'window', '--only', 'latency')).toEqual(['latency', 'window']);
  expect(only()).toBeUndefined();
});
