import { AssertionError } from 'node:assert';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { ConnectionLost } from '../../lib/postgres-session.ts';
import { FatalError, TransientError } from '../../lib/errors.ts';
import { Conflict, isEnvironmentError, isRowFault, sqlState } from '../../lib/postgres-errors.ts';

function databaseError(state: string): pg.DatabaseError {
  const error = new pg.DatabaseError('message', 7, 'error');
  error.code = state;
  return error;
}

describe('what an error of Postgres is', () => {
  test.each([
    ['22021', 'invalid byte sequence', 'data'],
    ['22P02', 'invalid text representation', 'data'],
    ['22P05', 'untranslatable character', 'data'],
    ['22003', 'number out of range', 'data'],
    ['22008', 'datetime out of range', 'data'],
    ['23502', 'NOT NULL violated', 'data'],
    ['23503', 'foreign key violated', 'data'],
    ['23514', 'CHECK violated', 'data'],
    ['54000', 'program limit exceeded', 'data'],
    ['54001', 'too complex', 'data'],
    ['08006', 'connection failure', 'environment'],
    ['25006', 'read-only transaction', 'environment'],
    ['25P03', 'idle in transaction timeout', 'environment'],
    ['40001', 'serialisation failure', 'environment'],
    ['40P01', 'deadlock', 'environment'],
    ['53100', 'disk full', 'environment'],
    ['53300', 'too many connections', 'environment'],
    ['55P03', 'lock timeout', 'environment'],
    ['57014', 'statement timeout', 'environment'],
    ['57P01', 'server shuts down', 'environment'],
    ['57P03', 'server starts up', 'environment'],
    ['58030', 'input/output error', 'environment'],
    ['23505', 'a unique key of the application', 'data'],
    ['23P01', 'an exclusion constraint', 'data'],
    ['23001', 'a foreign key that restricts', 'data'],
    ['44000', 'a view with a check option', 'data'],
    ['42P01', 'undefined table', 'neither'],
    ['42501', 'no privilege', 'neither'],
    ['42601', 'syntax error', 'neither'],
    ['28P01', 'wrong password', 'neither'],
    ['3D000', 'no such database', 'neither'],
    ['P0001', 'raised by a trigger', 'data'],
    ['AB123', 'a code that a trigger made up', 'data'],
    ['25P04', 'transaction_timeout', 'environment'],
    ['XX000', 'internal error', 'neither'],
  ])('%s, %s: %s', (state, _, kind) => {
    const error = databaseError(state);
    expect({ data: isRowFault(error), environment: isEnvironmentError(error) }).toEqual({
      data: kind === 'data',
      environment: kind === 'environment',
    });
    expect(sqlState(error)).toBe(state);
  });
});

describe('an error that is not Postgres’s own', () => {
  test.each([
    ['a connection that broke', new ConnectionLost('Connection terminated unexpectedly'), true],
    ['an error of ours without a class', new Error('rows do not add up'), false],
    ['several of them', new AggregateError([new Error('a')]), false],
    [
      'an error of the system that did not come through the driver',
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      false,
    ],
    ['a fault of the program', new TypeError('x is undefined'), false],
    ['a broken assumption', new AssertionError({ message: 'rows do not add up' }), false],
    ['a fatal error', new FatalError({ code: 'FENCED', message: 'm', wayOut: 'w' }), false],
    ['a transient error of another system', new TransientError('m'), false],
    ['rows that changed under our hands', new Conflict('m'), true],
    ['no error at all', 'text', false],
  ])('%s is the environment’s: %s', (_, error, expected) => {
    expect(isEnvironmentError(error)).toBe(expected);
    expect(isRowFault(error)).toBe(false);
  });
});
