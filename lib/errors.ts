import pg from 'pg';
import type { ErrorCode } from './error-codes.ts';

/** Where an error happened: topic, partition, offset, key, table …; never a row's values. */
export type ErrorFacts = Readonly<Record<string, string | number | boolean | undefined>>;

interface ErrorDetails {
  readonly code: ErrorCode;
  readonly message: string;
  /** What the reader does next, as one sentence or command. */
  readonly wayOut: string;
  readonly facts?: ErrorFacts;
  readonly cause?: unknown;
}

/**
 * Ends the process with exit code 2. Callers branch on the class and the code, never on the text. A record that cannot be
 * decoded or mapped is no error of this kind: it is data, and goes to the quarantine.
 */
export class FatalError extends Error {
  override readonly name = 'FatalError';
  readonly code: ErrorCode;
  readonly wayOut: string;
  readonly facts: ErrorFacts;

  constructor(details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.wayOut = details.wayOut;
    this.facts = details.facts ?? {};
  }
}

/** The environment failed for the moment. The same work is tried again as a whole. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  readonly facts: ErrorFacts;

  constructor(message: string, options: { readonly facts?: ErrorFacts; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.facts = options.facts ?? {};
  }
}

/** Classes of SQLSTATE whose messages contain names only, and no values: connection, login, objects, resources. */
const WITHOUT_VALUES = /^(08|25|28|3D|3F|40|42|53|55|57)/;
/**
 * Source files of the procedural languages. An error from there has a text that a function of the application wrote.
 */
const RAISED = /^pl(_exec|py_|perl|tcl|v8)/;

/**
 * True if the message of a Postgres error may quote the value of a row. That is so in every class that is about values,
 * and if a function of the application raised the error, whatever code it gave.
 */
export function mayQuoteValues({ code = '', file = '' }: pg.DatabaseError): boolean {
  return !WITHOUT_VALUES.test(code) || RAISED.test(file);
}

/**
 * True if a function raised the error on purpose. An error that Postgres met while the function ran (a full disk, a
 * deadlock) comes from another source file, also if the function raises it again.
 */
export function isRaised({ file = '' }: pg.DatabaseError): boolean {
  return RAISED.test(file);
}

/**
 * The text of anything thrown, as it may be logged. For an AggregateError (a connection refused on both address
 * families), it is the text of the parts. For a Postgres error that may quote a row, it is the SQLSTATE alone;
 * otherwise logs would hold personal data.
 */
export function messageOf(error: unknown): string {
  if (error instanceof pg.DatabaseError && mayQuoteValues(error)) return `SQLSTATE ${error.code ?? '?'}`;
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
