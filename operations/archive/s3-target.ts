import type { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { retrying, s3Fault } from './s3-errors.ts';
import { s3Writer } from './s3-writer.ts';
import type { Listed, Target } from './target.ts';

export interface S3Settings {
  readonly bucket: string;
  /** Without a slash at its ends; '' for the whole bucket. */
  readonly prefix: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  /** Requests without a signature, for a server that has no login (the local stack's). */
  readonly unsigned: boolean;
  /** How often a request is made until it is given up; the waits between grow up to 20 s. Default: 5. */
  readonly attempts?: number;
  /** What each new object is given. */
  readonly objects: ObjectSettings;
}

export interface ObjectSettings {
  readonly encryption: 'none' | 'AES256' | 'aws:kms';
  readonly kmsKey: string | undefined;
  readonly storageClass: string | undefined;
  readonly lock: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number } | undefined;
}

export type Sdk = typeof import('@aws-sdk/client-s3');

/** What the parts of this target share. */
export interface S3 {
  readonly sdk: Sdk;
  readonly client: S3Client;
  readonly settings: S3Settings;
  readonly bucket: string;
  /** The key of an object's name. */
  readonly key: (name: string) => string;
}

const ATTEMPTS = 5;
/** The server gives no byte for this long. */
const SILENT_MS = 60_000;

/** A bucket as a target. The SDK is loaded here and nowhere else, because no other command needs its 26 packages. */
export async function s3Target(settings: S3Settings): Promise<Target> {
  const sdk = await import('@aws-sdk/client-s3');
  const { bucket, prefix, endpoint, region, unsigned, attempts = ATTEMPTS } = settings;
  const client = new sdk.S3Client({
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...((region ?? endpoint) !== undefined && { region: region ?? 'us-east-1' }),
    ...(unsigned && {
      credentials: { accessKeyId: 'unsigned', secretAccessKey: 'unsigned' },
      signer: { sign: (request) => Promise.resolve(request) },
    }),
    maxAttempts: attempts,
    requestHandler: { connectionTimeout: 10_000, requestTimeout: SILENT_MS, throwOnRequestTimeout: true },
  });
  const key = (name: string) => (prefix === '' ? name : `${prefix}/${name}`);
  const s3: S3 = { sdk, client, settings, bucket, key };
  return {
    place: `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}`,
    check: async () => {
      await asking('the bucket', () => client.send(new sdk.HeadBucketCommand({ Bucket: bucket })));
    },
    list: (of) => list(s3, of),
    read: (name) => read(s3, name),
    write: (name) => s3Writer(s3, name),
    removeUnfinished: () => removeUnfinished(s3),
    remove: async (name) => {
      await asking(name, () => client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key(name) })));
    },
    erase: (name) => eraseVersions(s3, name),
    close: () => {
      client.destroy();
    },
  };
}

/**
 * A bucket that keeps versions only marks an object as deleted, so each version is removed by its id: the newest comes last, so
 * that an object with a locked version stays listed. A bucket without versions has one, whose id is `null`.
 */
async function eraseVersions({ sdk, client, bucket, key }: S3, name: string): Promise<void> {
  const ids: string[] = [];
  let markers: { KeyMarker?: string; VersionIdMarker?: string } | undefined = {};
  while (markers !== undefined) {
    const command: InstanceType<Sdk['ListObjectVersionsCommand']> = new sdk.ListObjectVersionsCommand({
      Bucket: bucket,
      Prefix: key(name),
      ...markers,
    });
    const page = await asking(name, () => client.send(command));
    for (const { Key: found, VersionId: id } of [...(page.DeleteMarkers ?? []), ...(page.Versions ?? [])])
      if (found === key(name) && id !== undefined) ids.push(id);
    markers =
      page.IsTruncated === true
        ? {
            ...(page.NextKeyMarker !== undefined && { KeyMarker: page.NextKeyMarker }),
            ...(page.NextVersionIdMarker !== undefined && { VersionIdMarker: page.NextVersionIdMarker }),
          }
        : undefined;
  }
  for (const id of ids.length === 0 ? [undefined] : ids.toReversed())
    await asking(name, () =>
      client.send(
        new sdk.DeleteObjectCommand({
          Bucket: bucket,
          Key: key(name),
          ...(id !== undefined && { VersionId: id }),
        }),
      ),
    );
}

async function asking<T>(name: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw s3Fault(error, name);
  }
}

async function* list({ sdk, client, bucket, key }: S3, prefix: string): AsyncGenerator<Listed> {
  const own = key('').length;
  let token: string | undefined;
  do {
    const command = new sdk.ListObjectsV2Command({
      Bucket: bucket,
      Prefix: key(prefix),
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const page = await asking(prefix, () => client.send(command));
    for (const { Key: found, Size: bytes } of page.Contents ?? [])
      if (found !== undefined) yield { name: found.slice(own), bytes: bytes ?? 0 };
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

/**
 * Reads an object. If the connection is cut, reading goes on at the byte that it had reached, and only of the same object (by its
 * ETag), because a large object would otherwise never arrive over a bad line.
 */
async function read(s3: S3, name: string): Promise<AsyncIterable<Buffer>> {
  const begin = async (from: number, etag: string | undefined) => {
    const command = new s3.sdk.GetObjectCommand({
      Bucket: s3.bucket,
      Key: s3.key(name),
      ...(from > 0 && { Range: `bytes=${String(from)}-` }),
      ...(etag !== undefined && { IfMatch: etag }),
    });
    return await asking(name, () => s3.client.send(command));
  };
  const first = await begin(0, undefined);
  return (async function* () {
    let [answer, at] = [first, 0];
    for (let attempt = 1; ; attempt++) {
      try {
        for await (const chunk of answer.Body as AsyncIterable<Uint8Array>) {
          at += chunk.length;
          yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
        }
        return;
      } catch (error) {
        // The SDK compares the checksum of the whole; what it refuses is not there a second time either.
        if (attempt === ATTEMPTS || !retrying(error)) throw s3Fault(error, name);
      }
      answer = await begin(at, first.ETag);
    }
  })();
}

/** Aborts multipart uploads below the prefix: their parts are paid for, and nobody sees them. */
async function removeUnfinished({ sdk, client, bucket, key }: S3): Promise<string[]> {
  const removed: string[] = [];
  let markers: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (markers !== undefined) {
    const command: InstanceType<Sdk['ListMultipartUploadsCommand']> = new sdk.ListMultipartUploadsCommand({
      Bucket: bucket,
      Prefix: key(''),
      ...markers,
    });
    const page = await asking('unfinished uploads', () => client.send(command));
    for (const { Key: found, UploadId } of page.Uploads ?? []) {
      if (found === undefined || UploadId === undefined || !found.startsWith(key(''))) continue;
      const abort = new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: found, UploadId });
      await asking(found, () => client.send(abort).catch(unlessGone));
      removed.push(found.slice(key('').length));
    }
    markers =
      page.IsTruncated === true
        ? {
            ...(page.NextKeyMarker !== undefined && { KeyMarker: page.NextKeyMarker }),
            ...(page.NextUploadIdMarker !== undefined && { UploadIdMarker: page.NextUploadIdMarker }),
          }
        : undefined;
  }
  return removed;
}

function unlessGone(error: unknown): void {
  if ((error as S3ServiceException).name !== 'NoSuchUpload') throw error;
}
