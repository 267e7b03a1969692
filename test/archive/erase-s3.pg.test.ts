import {
  GetBucketVersioningCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { writeWhole } from '../../operations/archive/target.ts';
import { BUCKET } from '../../stack/state.ts';
import { useObjectStore } from './object-store.ts';

const store = useObjectStore();

test('an object goes with every version that the bucket keeps of it; one whose name goes on stays', async () => {
  const target = await store().target();
  const client = new S3Client({
    endpoint: store().url,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  await client.send(
    new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  expect((await client.send(new GetBucketVersioningCommand({ Bucket: BUCKET }))).Status).toBe('Enabled');
  const names = ['objects/a', 'objects/a.more'];
  for (const name of names) await writeWhole(target, name, Buffer.from('once'));
  const Key = `${target.place.slice(`s3://${BUCKET}/`.length)}/objects/a`;
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: 'twice' }));
  const versions = async () => {
    const { Versions = [], DeleteMarkers = [] } = await client.send(
      new ListObjectVersionsCommand({ Bucket: BUCKET }),
    );
    const prefix = target.place.slice(`s3://${BUCKET}/`.length);
    return [...Versions, ...DeleteMarkers]
      .flatMap(({ Key = '' }) => (Key.startsWith(prefix) ? [Key.slice(prefix.length + 1)] : []))
      .sort();
  };
  expect(await versions()).toEqual(['objects/a', 'objects/a', 'objects/a.more']);
  await target.erase('objects/a');
  expect(await versions()).toEqual(['objects/a.more']);
  client.destroy();
});
