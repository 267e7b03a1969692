import { describe, expect, test } from 'vitest';
import { FatalError, messageOf, TransientError } from '../../lib/errors.ts';
import { renderErrorPage, storedErrorPage } from '../../docs/errors.ts';

test('a fatal error carries its code, its facts, its cause and the way out', () => {
  const cause = new Error('cause');
  const error = new FatalError({ code: 'FENCED', message: 'm', wayOut: 'w', facts: { partition: 3 }, cause });
  expect(error).toMatchObject({
    name: 'FatalError',
    code: 'FENCED',
    message: 'm',
    wayOut: 'w',
    facts: { partition: 3 },
    cause,
  });
  expect(new FatalError({ code: 'FENCED', message: 'm', wayOut: 'w' })).toMatchObject({ facts: {} });
});

test('docs/errors.md is what `npm run docs:errors` writes', () => {
  expect(storedErrorPage()).toBe(renderErrorPage());
});

describe('the message of anything thrown', () => {
  test.each([
    [new Error('one'), 'one'],
    [new TransientError('two'), 'two'],
    ['text', 'text'],
    [undefined, 'undefined'],
    // A refused connection on both address families: Node leaves the message of the whole empty.
    [
      new AggregateError([new Error('::1 refused'), new Error('127.0.0.1 refused')]),
      '::1 refused; 127.0.0.1 refused',
    ],
    [new AggregateError([new Error('inner')], 'outer'), 'outer'],
  ])('%s: "%s"', (error, message) => {
    expect(messageOf(error)).toBe(message);
  });
});
