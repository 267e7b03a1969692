import { expect, test } from 'vitest';
import { lockThenRead } from '../../lib/lock-then-read.ts';
import type { Client } from '../../lib/postgres.ts';

/** Remembers what is sent, and answers later. */
function connection() {
  const sent: string[] = [];
  const query = async (text: string) => {
    sent.push(text);
    await Promise.resolve();
    return { rows: [] };
  };
  return { sent, client: { query } as unknown as Client };
}

test('the lock is sent before the read, and neither waits for the answer to the other', async () => {
  const { sent, client } = connection();
  const both = lockThenRead(
    client,
    (locking) => locking.query('lock'),
    () => client.query('read'),
  );
  expect(sent).toEqual(['lock', 'read']);
  expect(await both).toEqual([{ rows: [] }, { rows: [] }]);
});

test('a lock that is sent too late is refused, and nothing is read', async () => {
  const { sent, client } = connection();
  const late = lockThenRead(
    client,
    async (locking) => {
      await Promise.resolve();
      return await locking.query('lock');
    },
    () => client.query('read'),
  );
  await expect(late).rejects.toThrow();
  expect(sent).not.toContain('read');
});
