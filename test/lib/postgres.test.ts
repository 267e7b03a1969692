import { AssertionError } from 'node:assert';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { FatalError, TransientError } from '../../consumers/lib/errors.ts';
import { Conflict, isDataError, isEnvironmentError, sqlState } from '../../consumers/lib/postgres.ts';

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
    ['23505', 'unique violation: a race', 'environment'],
    ['42P01', 'undefined table', 'neither'],
    ['42501', 'no privilege', 'neither'],
    ['42601', 'syntax error', 'neither'],
    ['28P01', 'wrong password', 'neither'],
    ['3D000', 'no such database', 'neither'],
    ['P0001', 'raised by a trigger', 'neither'],
    ['XX000', 'internal error', 'neither'],
  ])('%s, %s: %s', (state, _, kind) => {
    const error = databaseError(state);
    expect({ data: isDataError(error), environment: isEnvironmentError(error) }).toEqual({
      data: kind === 'data',
      environment: kind === 'environment',
    });
    expect(sqlState(error)).toBe(state);
  });
});

describe('an error that is not Postgres’s own', () => {
  test.each([
    ['a connection that broke', new Error('Connection terminated unexpectedly'), true],
    [
      'a refused connection',
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
      true,
    ],
    ['a connection refused on both address families', new AggregateError([new Error('a')]), true],
    ['a fault of the program', new TypeError('x is undefined'), false],
    ['a broken assumption', new AssertionError({ message: 'rows do not add up' }), false],
    ['a fatal error', new FatalError({ code: 'FENCED', message: 'm', wayOut: 'w' }), false],
    ['a transient error of another system', new TransientError('m'), false],
    ['rows that changed under our hands', new Conflict('m'), true],
    ['no error at all', 'text', false],
  ])('%s is the environment’s: %s', (_, error, expected) => {
    expect(isEnvironmentError(error)).toBe(expected);
    expect(isDataError(error)).toBe(false);
  });
});
