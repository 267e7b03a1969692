import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readArchive } from '../../operations/archive/read-object.ts';
import { readWhole, writeWhole, type Target } from '../../operations/archive/target.ts';
import { verifyArchive } from '../../operations/archive/verify.ts';
import { exported, hardRows, useArchiveWorld } from './archived.ts';
import { useObjectStore } from './object-store.ts';

const world = useArchiveWorld();
const store = useObjectStore();

beforeAll(async () => {
  await hardRows(world().canonical);
});

beforeEach(() => {
  store().mend();
});

const verified = (target: Target) =>
  verifyArchive({ ...world(), target, signal: new AbortController().signal, progress: () => undefined });

async function names(target: Target): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of target.list('')) found.push(name);
  return found;
}

const LARGE = randomBytes(20_000_000);

describe('an object store', () => {
  test('takes an archive, gives it back, and keeps what did not change', async () => {
    const target = await store().target();
    const first = await exported({ ...world(), target });
    expect((await verified(target)).verdict).toBe('verified');
    let rows = 0;
    for await (const portion of readArchive(target, first.manifest)) rows += portion.length;
    expect(rows).toBe(first.manifest.rows);
    expect(await exported({ ...world(), target })).toMatchObject({ isNew: false, written: [] });
    expect(await names(target)).toHaveLength(first.manifest.objects.length + 1);
  });

  test('a large object comes in parts, and is never overwritten', async () => {
    const target = await store().target();
    const writer = await target.write('objects/large');
    for (let at = 0; at < LARGE.length; at += 1_000_000)
      await writer.write(LARGE.subarray(at, at + 1_000_000));
    await writer.finish();
    expect((await readWhole(target, 'objects/large')).equals(LARGE)).toBe(true);
    expect(store().requests.filter((line) => line.includes('partNumber=')).length).toBeGreaterThanOrEqual(3);
    for (const bytes of [Buffer.from('small'), Buffer.alloc(10_000_000)])
      await expect(writeWhole(target, 'objects/large', bytes)).rejects.toMatchObject({
        code: 'ARCHIVE_OBJECT_EXISTS',
      });
    expect((await readWhole(target, 'objects/large')).equals(LARGE)).toBe(true);
  });

  test('uploads that were left behind are aborted, those of others are not', async () => {
    const [target, other] = [await store().target(), await store().target()];
    for (const each of [target, other]) await (await each.write('objects/left')).write(LARGE);
    expect(await target.removeUnfinished()).toEqual(['objects/left']);
    expect(await target.removeUnfinished()).toEqual([]);
    expect(await other.removeUnfinished()).toEqual(['objects/left']);
  });
});

describe('what an object store may answer:', () => {
  test.each([
    [403, 'AccessDenied', 'ARCHIVE_DENIED'],
    [400, 'ExpiredToken', 'ARCHIVE_DENIED'],
    [404, 'NoSuchBucket', 'ARCHIVE_OBJECT_MISSING'],
    [503, 'SlowDown', 'ARCHIVE_TARGET_BUSY'],
    [412, 'PreconditionFailed', 'ARCHIVE_OBJECT_EXISTS'],
    [507, 'InsufficientStorage', 'ARCHIVE_TARGET_FULL'],
    [501, 'NotImplemented', 'ARCHIVE_TARGET_FAILED'],
  ])('%i %s to a write ends the export, and leaves no archive', async (status, code, expected) => {
    const target = await store().target();
    store().breakAt(/^PUT .*9999-12/, { status, code });
    await expect(exported({ ...world(), target })).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining('objects/9999-12/') as string,
    });
    expect((await names(target)).filter((name) => name.startsWith('manifests/'))).toEqual([]);
    store().mend();
    const again = await exported({ ...world(), target });
    expect(again.kept).toContain('0044-03-BC');
    expect(again.written).toContain('9999-12');
    expect((await verified(target)).verdict).toBe('verified');
  });

  test.each([
    [403, 'AccessDenied', 'ARCHIVE_DENIED'],
    [503, 'SlowDown', 'ARCHIVE_TARGET_BUSY'],
    [500, 'InternalError', 'ARCHIVE_TARGET_FAILED'],
  ])('%i %s to a read ends the comparison, and nothing is recorded', async (status, code, expected) => {
    const target = await store().target();
    await exported({ ...world(), target });
    const events = async () =>
      (await world().canonical.query('SELECT FROM history_cdc.archive_event')).rowCount ?? 0;
    const before = await events();
    store().breakAt(/^GET .*9999-12/, { status, code });
    await expect(verified(target)).rejects.toMatchObject({
      code: expected,
      message: expect.stringContaining('objects/9999-12/') as string,
    });
    expect(await events()).toBe(before);
  });

  test('404 to a read: the archive differs, and the object is named', async () => {
    const target = await store().target();
    const { manifest } = await exported({ ...world(), target });
    const name = manifest.objects[3]?.name ?? '';
    await target.remove(name);
    expect(await verified(target)).toMatchObject({ verdict: 'differs', damaged: [{ object: name }] });
  });

  test('a store that slows down for a while is waited for', async () => {
    const target = await store().target();
    store().breakAt(/^PUT .*9999-12/, { status: 503, code: 'SlowDown', times: 2 });
    expect(await exported({ ...world(), target })).toMatchObject({ isNew: true });
  });

  test('an answer to a read that breaks off is read on, and one that always breaks off is an error', async () => {
    const target = await store().target();
    await writeWhole(target, 'objects/large', LARGE);
    store().breakAt(/^GET .*large/, { cutAfter: 3_000_000, times: 3 });
    expect((await readWhole(target, 'objects/large')).equals(LARGE)).toBe(true);
    store().breakAt(/^GET .*large/, { cutAfter: 1_000 });
    await expect(readWhole(target, 'objects/large')).rejects.toMatchObject({ code: 'ARCHIVE_TARGET_FAILED' });
  });

  test.each([
    ['put', 'small', Buffer.from('small')],
    ['completion', 'large', LARGE],
  ])('the answer to a %s that is lost: the object is there, and is ours', async (_, name, bytes) => {
    const target = await store().target();
    store().breakAt(name === 'small' ? /^PUT/ : /^POST .*uploadId=/, { loseAnswer: true, times: 1 });
    await writeWhole(target, `objects/${name}`, bytes);
    expect((await readWhole(target, `objects/${name}`)).equals(bytes)).toBe(true);
  });

  test('nobody answers', async () => {
    const target = await store().target({ endpoint: 'http://127.0.0.1:1' });
    await expect(target.check()).rejects.toMatchObject({ code: 'ARCHIVE_TARGET_FAILED' });
  });

  test('there are no credentials', async () => {
    const target = await store().target({ unsigned: false });
    await expect(target.check()).rejects.toMatchObject({ code: 'ARCHIVE_DENIED' });
  });
});
