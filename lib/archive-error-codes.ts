import type { ErrorMeaning } from './error-codes.ts';

/** The codes of `history-cdc archive`. */
export const ARCHIVE_ERRORS = {
  ARCHIVE_NONE: {
    cause: 'The target has no complete archive, or none with the id that was given.',
    remedy: '`history-cdc archive list` shows what is there. `history-cdc archive export` makes an archive.',
  },
  ARCHIVE_BUSY: {
    cause: 'Another command is writing an archive of this table.',
    remedy: 'Wait until it has ended. The message names its session.',
  },
  ARCHIVE_DAMAGED: {
    cause:
      'An object of the archive, or its manifest, is torn, changed, or not the one that was written under its name.',
    remedy:
      'Look at who can write to the target. The next `history-cdc archive export` writes the rows of a damaged object again under another name.',
  },
  ARCHIVE_OBJECT_MISSING: {
    cause: 'The target does not have an object that the manifest names, or the bucket does not exist.',
    remedy: 'Check `ARCHIVE_TARGET` and `ARCHIVE_S3_ENDPOINT`. If the object was deleted, export again.',
  },
  ARCHIVE_OBJECT_EXISTS: {
    cause:
      'The target already has an object of the name under which one was to be written. Nothing was overwritten.',
    remedy: 'Run the command again. If it says the same, look at who else writes to `ARCHIVE_TARGET`.',
  },
  ARCHIVE_DENIED: {
    cause:
      'The target refuses the request: there are no credentials, they have expired, or they lack a right.',
    remedy:
      'Renew the credentials in one of the ways of the AWS SDK. The role must be able to list the bucket, and to read, write and abort uploads below the prefix.',
  },
  ARCHIVE_TARGET_BUSY: {
    cause: 'The object store asked to slow down, several times in a row.',
    remedy: 'Run the command again later. An export keeps the objects that are complete.',
  },
  ARCHIVE_TARGET_FULL: {
    cause: 'The target has no room for the next object.',
    remedy: 'Make room, and run the command again. An export keeps the objects that are complete.',
  },
  ARCHIVE_TARGET_FAILED: {
    cause:
      'The target did not answer, cut the connection, or refused a request for a reason that we did not expect.',
    remedy:
      'The message has the answer. Check `ARCHIVE_S3_ENDPOINT` and the network, and run the command again.',
  },
  ARCHIVE_ROW_ALTERED: {
    cause:
      'A row reached us with another content than Postgres has: the hash that Postgres made of it differs from the hash of what arrived.',
    remedy:
      'Nothing was recorded as archived. Run the command again; if it says the same row, report it as a fault of this program.',
  },
  ARCHIVE_NO_USERS: {
    cause: 'The archived table has no column `user_id`, so nobody can tell whose rows it holds.',
    remedy: 'Restore the archive, change the rows there, and archive that table.',
  },
  RESTORE_EXISTS: {
    cause: 'A relation of the name under which the archive was to be restored is there already.',
    remedy: 'Name another table with `--as`, or another database with `RESTORE_DATABASE_URL`.',
  },
  RESTORE_TYPE_MISSING: {
    cause: 'A column has a type that the database does not have, and that the archive cannot make.',
    remedy: 'Create the type there first; for a type of an extension, with `CREATE EXTENSION`.',
  },
  RESTORE_DIFFERS: {
    cause:
      'The hashes that Postgres made of the restored rows are not those of the archive. The transaction was rolled back.',
    remedy:
      'Run `history-cdc archive verify`. Restore into a database of the same release and the same encoding as the source.',
  },
} as const satisfies Record<string, ErrorMeaning>;
