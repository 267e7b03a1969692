import { expect, test } from 'vitest';
import { takeOver } from '../../consumers/agent-test-history/batch/offsets.ts';
import { readLegacyWrites } from '../../operations/soak/legacy-writes.ts';
import { committedAt, COMMITTED_AT_MS, inserted, snapshotOf, updated, aRow } from '../support/records.ts';
import { TOPIC_ID } from '../support/run-records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
const kept = () => readLegacyWrites(world().pool);
const look = async (...ids: string[]) => {
  for (const id of ids) await world().ledger(id);
};

test('the last insert of an owner and the last update are kept; snapshots and strangers are not', async () => {
  await world().pool.query('DELETE FROM history_cdc.legacy_write');
  const owner = await world().owner();
  const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
  const read = aRow({ agent_context_id: owner.context, user_id: owner.user, summary: 'read' });
  const stranger = aRow({ agent_context_id: owner.context, user_id: 'stranger' });
  await world().project([snapshotOf(read), inserted(stranger)]);
  await look(read.id, stranger.id);
  expect(await kept()).toMatchObject({ ownerInsert: null, update: null });
  await world().project([inserted(row)]);
  await look(row.id);
  expect(await kept()).toMatchObject({
    ownerInsert: { legacyId: row.id, sourceAt: new Date(COMMITTED_AT_MS) },
    update: null,
  });
  const other = await world().context(owner.organization, owner.url.replace('/mcp', '/other'));
  await world().project([
    committedAt(updated({ ...stranger, agent_context_id: other }), COMMITTED_AT_MS + 1000),
  ]);
  await look(stranger.id);
  expect((await kept()).update).toMatchObject({
    legacyId: stranger.id,
    columns: ['agent_context_id'],
    sourceAt: new Date(COMMITTED_AT_MS + 1000),
  });
});

test('the watch begins anew behind a projector that does not keep them', async () => {
  await world().owner();
  const claim = () => takeOver(world().pool, { topicId: TOPIC_ID, partition: 3, offset: 1n }, 'test');
  const since = async () => {
    const sql = `SELECT watched_since, watched_epoch = epoch AS watched FROM history_cdc.consumer_offset WHERE partition = 3`;
    return (await world().pool.query<{ watched_since: Date; watched: boolean }>(sql)).rows[0];
  };
  await claim();
  const first = await since();
  await claim();
  expect(await since()).toEqual(first);
  // As a release does that knows nothing of the watch.
  await world().execute('UPDATE history_cdc.consumer_offset SET epoch = epoch + 1 WHERE partition = 3');
  expect((await since())?.watched).toBe(false);
  await claim();
  const again = await since();
  expect(again?.watched).toBe(true);
  expect(again?.watched_since.getTime()).toBeGreaterThan(first?.watched_since.getTime() ?? 0);
  const read = aRow({ agent_context_id: (await world().owner()).context, user_id: 'x' });
  await world().project([snapshotOf(read)]);
  await world().ledger(read.id);
});
