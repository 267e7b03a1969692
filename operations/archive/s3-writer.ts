import { createHash } from 'node:crypto';
import type { CompletedPart } from '@aws-sdk/client-s3';
import { FatalError } from '../../lib/errors.ts';
import { s3Fault, statusOf } from './s3-errors.ts';
import type { S3 } from './s3-target.ts';
import type { ObjectWriter } from './target.ts';

/** S3 takes at most 10,000 parts of an object, so an object may have 80 GB. Two parts are in memory at a time. */
const PART_BYTES = 8_388_608;

/** Only an upload that is completed can be seen, so a killed process leaves no part of an object where readers look. */
export async function s3Writer(s3: S3, name: string): Promise<ObjectWriter> {
  return await Promise.resolve(new Upload(s3, name));
}

class Upload implements ObjectWriter {
  readonly #s3: S3;
  readonly #name: string;
  readonly #where: { readonly Bucket: string; readonly Key: string };
  readonly #hash = createHash('sha256');
  readonly #parts: CompletedPart[] = [];
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #uploadId: string | undefined;
  #sending: Promise<void> = Promise.resolve();

  constructor(s3: S3, name: string) {
    this.#s3 = s3;
    this.#name = name;
    this.#where = { Bucket: s3.bucket, Key: s3.key(name) };
  }

  async write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= PART_BYTES) await this.#sendPart();
  }

  async finish(): Promise<void> {
    if (this.#uploadId === undefined) {
      await this.#once(() =>
        this.#s3.client.send(
          new this.#s3.sdk.PutObjectCommand({
            ...this.#where,
            ...this.#options(),
            Body: this.#take(),
            IfNoneMatch: '*',
          }),
        ),
      );
      return;
    }
    if (this.#waitingBytes > 0) await this.#sendPart();
    await this.#sending;
    const { sdk, client } = this.#s3;
    const command = new sdk.CompleteMultipartUploadCommand({
      ...this.#where,
      UploadId: this.#uploadId,
      MultipartUpload: { Parts: this.#parts },
      IfNoneMatch: '*',
    });
    await this.#once(() => client.send(command));
    this.#uploadId = undefined;
  }

  async abort(): Promise<void> {
    await this.#sending.catch(() => undefined);
    const UploadId = this.#uploadId;
    this.#uploadId = undefined;
    if (UploadId === undefined) return;
    // The next export aborts what is left, should this not arrive.
    const command = new this.#s3.sdk.AbortMultipartUploadCommand({ ...this.#where, UploadId });
    await this.#s3.client.send(command).catch(() => undefined);
  }

  #take(): Buffer {
    const body = Buffer.concat(this.#waiting);
    [this.#waiting, this.#waitingBytes] = [[], 0];
    return body;
  }

  /** Waits for the part before, and sends this one while the next is being filled. */
  async #sendPart(): Promise<void> {
    const body = this.#take();
    await this.#sending;
    this.#uploadId ??= await this.#begin();
    const PartNumber = this.#parts.length + 1;
    const part: CompletedPart = { PartNumber };
    this.#parts.push(part);
    const { sdk, client } = this.#s3;
    const command = new sdk.UploadPartCommand({
      ...this.#where,
      UploadId: this.#uploadId,
      PartNumber,
      Body: body,
    });
    this.#sending = client.send(command).then(
      ({ ETag, ChecksumCRC32 }) => {
        Object.assign(part, { ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) });
      },
      (error: unknown) => {
        throw s3Fault(error, this.#name);
      },
    );
    this.#sending.catch(() => undefined);
  }

  async #begin(): Promise<string> {
    const { sdk, client } = this.#s3;
    // The completion is conditional, too. But s3mock removes the object that exists when the refused upload is aborted.
    const exists = await client.send(new sdk.HeadObjectCommand(this.#where)).then(
      () => true,
      () => false,
    );
    if (exists) throw this.#exists();
    const command = new sdk.CreateMultipartUploadCommand({
      ...this.#where,
      ...this.#options(),
      ChecksumAlgorithm: 'CRC32',
    });
    const { UploadId } = await client.send(command).catch((error: unknown) => {
      throw s3Fault(error, this.#name);
    });
    if (UploadId === undefined) throw new Error('the object store began an upload without an id');
    return UploadId;
  }

  #options() {
    const { encryption, kmsKey, storageClass, lock } = this.#s3.settings.objects;
    return {
      ...(encryption !== 'none' && { ServerSideEncryption: encryption }),
      ...(kmsKey !== undefined && { SSEKMSKeyId: kmsKey }),
      ...(storageClass !== undefined && { StorageClass: storageClass as 'STANDARD' }),
      ...(lock !== undefined && {
        ObjectLockMode: lock.mode,
        ObjectLockRetainUntilDate: new Date(Date.now() + lock.days * 86_400_000),
      }),
    };
  }

  /**
   * Makes the object visible, if there is none of this name. When an answer is lost, the SDK asks again, and is then told that the
   * object exists: it is ours, if it has the same bytes.
   */
  async #once(send: () => Promise<unknown>): Promise<void> {
    try {
      await send();
    } catch (error) {
      const status = statusOf(error);
      const mayBeThere =
        status === 412 || status === 409 || status === 304 || (error as Error).name === 'NoSuchUpload';
      if (mayBeThere && (await this.#isThere())) return;
      if (status !== 412 && status !== 304) throw s3Fault(error, this.#name);
      throw this.#exists(error);
    }
  }

  #exists(cause?: unknown): FatalError {
    return new FatalError({
      code: 'ARCHIVE_OBJECT_EXISTS',
      message: `the archive has another object ${this.#name} already; nothing was overwritten`,
      wayOut: 'run the command again; if it says the same, look at who else writes to ARCHIVE_TARGET',
      facts: { object: this.#name },
      ...(cause !== undefined && { cause }),
    });
  }

  async #isThere(): Promise<boolean> {
    const { sdk, client } = this.#s3;
    const hash = createHash('sha256');
    try {
      const { Body } = await client.send(new sdk.GetObjectCommand(this.#where));
      for await (const chunk of Body as AsyncIterable<Uint8Array>) hash.update(chunk);
    } catch {
      return false;
    }
    return hash.digest('hex') === this.#hash.copy().digest('hex');
  }
}
