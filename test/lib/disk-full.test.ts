import { expect, test } from 'vitest';
import { namedError } from '../../lib/named-error.ts';

test.each(['ENOSPC', 'EDQUOT'])('%s is a full disk, and no fault of the program', (code) => {
  const error = Object.assign(new Error(`${code}: no room, write`), { code });
  expect(namedError(error)).toMatchObject({ code: 'DISK_FULL', cause: error });
});

test('another error of the system is not', () => {
  expect(namedError(Object.assign(new Error('EACCES: refused'), { code: 'EACCES' }))).toBeUndefined();
});
