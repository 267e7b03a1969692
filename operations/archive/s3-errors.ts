import { FatalError, messageOf } from '../../lib/errors.ts';
import type { ErrorCode } from '../../lib/error-codes.ts';

/** What the SDK's errors have in common. */
interface SdkError {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

export function statusOf(error: unknown): number | undefined {
  return (error as SdkError).$metadata?.httpStatusCode;
}

/** Names of the SDK's errors that come without an answer of the server. */
const NO_LOGIN = ['CredentialsProviderError', 'TokenProviderError', 'ExpiredTokenException'];
const EXPIRED = ['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired', 'RequestExpired'];
const BUSY = [
  'SlowDown',
  'ServiceUnavailable',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'RequestLimitExceeded',
];

interface Meaning {
  readonly code: ErrorCode;
  readonly what: string;
  readonly wayOut: string;
}

/** True if the same object may be read on where the connection broke: no answer came, and the checksum was not the reason. */
export function retrying(error: unknown): boolean {
  return statusOf(error) === undefined && !/checksum/i.test(messageOf(error));
}

/** An error of the SDK by a code, with the object's name. It shows no credentials: the SDK puts none into its messages. */
export function s3Fault(error: unknown, name: string): FatalError {
  if (error instanceof FatalError) return error;
  const { code, what, wayOut } = meaningOf(error);
  const { name: kind = '' } = error as SdkError;
  return new FatalError({
    code,
    message: `${what}: ${name} (${[statusOf(error), kind, messageOf(error)].filter(Boolean).join(', ')})`,
    wayOut,
    facts: { object: name },
    cause: error,
  });
}

function meaningOf(error: unknown): Meaning {
  const { name = '', code = '' } = error as SdkError;
  const status = statusOf(error);
  if (EXPIRED.includes(name))
    return denied('the credentials have expired', 'renew the credentials, and run the command again');
  if (NO_LOGIN.includes(name))
    return denied(
      'no credentials were found',
      'give credentials in one of the ways of the AWS SDK: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, the role of the machine',
    );
  if (status === 401 || status === 403)
    return denied(
      'the object store refuses it',
      'give the role the right to list the bucket, and to read, write and abort uploads below the prefix; check ARCHIVE_TARGET and the credentials',
    );
  if (status === 404)
    return {
      code: 'ARCHIVE_OBJECT_MISSING',
      what: name === 'NoSuchBucket' ? 'the bucket does not exist' : 'the object store does not have it',
      wayOut: 'check ARCHIVE_TARGET and ARCHIVE_S3_ENDPOINT; `history-cdc archive list` shows what is there',
    };
  if (status === 503 || status === 429 || BUSY.includes(name))
    return {
      code: 'ARCHIVE_TARGET_BUSY',
      what: 'the object store asks to slow down, several times in a row',
      wayOut: 'run the command again later: it keeps the objects that are complete',
    };
  if (status === 507 || code === 'ENOSPC')
    return {
      code: 'ARCHIVE_TARGET_FULL',
      what: 'the object store has no room',
      wayOut: 'make room, and run the command again: it keeps the objects that are complete',
    };
  return {
    code: 'ARCHIVE_TARGET_FAILED',
    what:
      status === undefined
        ? 'the object store did not answer, or the answer broke off'
        : 'the object store refuses it',
    wayOut:
      status === 400 || status === 501
        ? 'if the server does not know encryption, storage classes or object lock, say so by ARCHIVE_ENCRYPTION, ARCHIVE_STORAGE_CLASS and ARCHIVE_OBJECT_LOCK; check ARCHIVE_S3_REGION'
        : 'check ARCHIVE_S3_ENDPOINT and the network, and run the command again: it keeps the objects that are complete',
  };
}

function denied(what: string, wayOut: string): Meaning {
  return { code: 'ARCHIVE_DENIED', what, wayOut };
}
