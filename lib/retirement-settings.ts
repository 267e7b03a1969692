/** Settings of the soak, the archive and the webhook, a part of `SETTINGS` in settings.ts, which holds them to its type. */
export const RETIREMENT_SETTINGS = {
  SOAK_LIVE_DAYS: {
    meaning:
      'for how many days the live path must have written without an incident before `soak` lets the legacy table go; fewer than 14 are named in every report',
    default: '14',
  },
  SOAK_READ_DAYS: {
    meaning:
      'for how many days the dashboards must have read the canonical tables, as a person attests; fewer than 7 are named in every report',
    default: '7',
  },
  SOAK_QUIET_DAYS: {
    meaning:
      "for how many days nobody may have read the legacy table, updated a row of it, or written an owner's run to it; fewer than 7 are named in every report",
    default: '7',
  },
  RECORD_MAX_BYTES: {
    meaning:
      'maximum size of a record, in bytes; a larger record is parked by its position, hash and size, without its content',
    default: '33554432',
  },
  RETIRE_FENCED_DAYS: {
    meaning: 'for how many days the table must have been fenced before `retire drop` drops it',
    default: '7',
  },
  ARCHIVE_TARGET: {
    meaning: 'where archives of the legacy table lie: s3://bucket/prefix, or a folder',
  },
  ARCHIVE_S3_ENDPOINT: {
    meaning: 'address of an S3-compatible object store; if unset, the AWS SDK finds the one of AWS',
  },
  ARCHIVE_S3_REGION: {
    meaning: 'region of the bucket; if unset, the AWS SDK finds it (us-east-1 with ARCHIVE_S3_ENDPOINT)',
  },
  ARCHIVE_S3_UNSIGNED: {
    meaning:
      "true: requests without credentials, for a server without a login; otherwise the AWS SDK's own credential chain",
    default: 'false',
  },
  ARCHIVE_ENCRYPTION: {
    meaning: 'server-side encryption of new objects: AES256, aws:kms, or none; a folder has none',
    default: 'AES256',
  },
  ARCHIVE_KMS_KEY: { meaning: 'id of the KMS key for ARCHIVE_ENCRYPTION=aws:kms' },
  ARCHIVE_STORAGE_CLASS: {
    meaning: 'storage class of new objects, as S3 calls it: STANDARD_IA, GLACIER_IR …',
  },
  ARCHIVE_OBJECT_LOCK: {
    meaning:
      'how long nobody may delete new objects: governance:DAYS or compliance:DAYS; with it, `archive erase` cannot remove anything in time',
  },
  RESTORE_DATABASE_URL: {
    meaning: 'Postgres into which `archive restore` makes the table; if unset, it is LEGACY_DATABASE_URL',
    credentials: true,
  },
  WEBHOOK_URL: {
    meaning:
      'where `project` posts a message when a person should look (gap, wrong verdict, incident, stage, gate); if unset, nobody is told',
    credentials: true,
    address: true,
  },
  WEBHOOK_SECRET: {
    meaning:
      'keys that sign each message (Standard Webhooks): whsec_ and 24 to 64 bytes in base64; during a change of keys two of them, separated by a space',
    secret: true,
  },
  WEBHOOK_CA_FILE: { meaning: "PEM file of the authority that signed the certificate of WEBHOOK_URL's host" },
  WEBHOOK_GIVE_UP_HOURS: {
    meaning:
      'for how many hours a message is tried again that the receiver does not take; then it is given up, and `status` says so',
    default: '24',
  },
} as const;
