import { describe, expect, test } from 'vitest';
import type { Pool } from '../../lib/postgres.ts';
import { deleted, inserted, updated } from '../support/records.ts';
import type { Message, RowValues } from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';
import { after, projected, runOf, useTurns } from '../support/taking-turns.ts';
import { whereabouts } from '../support/waiting.ts';

const { topic, sessions, poolOf, standing } = useTurns();

/** A pool on which something happens between the lock of the agents and the look-up behind it. */
function beforeFirstLookUp(happening: () => Promise<void>): Pool {
  const pool = topic().pool;
  let happened = false;
  let before: Promise<unknown> = Promise.resolve();
  const connect = async () => {
    const client = await pool.connect();
    const query = async (question: string | { text: string }, values?: unknown[]) => {
      const text = typeof question === 'string' ? question : question.text;
      if (!happened && text.includes('WITH event AS MATERIALIZED')) {
        happened = true;
        await before;
        await happening();
      }
      const answer = client.query(question as string, values);
      before = answer;
      return await answer;
    };
    return { query, release: client.release.bind(client) };
  };
  return { connect, query: pool.query.bind(pool) } as unknown as Pool;
}

describe('two partitions with runs of one agent take turns:', () => {
  /** A batch of partition 0 that has done all its work but one delete, for which it waits. */
  async function beforeItsCommit(messages: readonly Message[], last: RowValues, offset: bigint) {
    const held = await sessions.hold(
      topic().pool,
      'SELECT FROM history_cdc.ledger WHERE legacy_id = $1 FOR UPDATE',
      last.id,
    );
    const { claim } = await topic().claim('first', 0);
    const run = runRecords(
      topic().commit([...messages, deleted(last.id)], { claim, nextOffset: offset }, poolOf('first')),
    );
    expect(await whereabouts(topic().pool, 'first', run)).toBe('another row');
    return {
      commit: async () => {
        await held.release();
        await run;
      },
    };
  }

  /** A batch of partition 1, and how often it was tried again. */
  async function second(messages: readonly Message[], offset = 0n) {
    const retries: Error[] = [];
    const { claim } = await topic().claim('second', 1);
    const run = runRecords({
      ...topic().commit(messages, { claim, nextOffset: offset }, poolOf('second')),
      retrying: (error) => retries.push(error),
    });
    return { run, retries };
  }

  const waitsForAgents = async (run: Promise<unknown>) => {
    expect(await whereabouts(topic().pool, 'second', run)).toBe('agents');
  };

  test('a run meets the live row that another batch is just unlinking', async () => {
    const owner = await topic().owner();
    const live = await topic().live({ agent_url: owner.url, tested_at: after(1) });
    const [linked, last, late] = [
      runOf(owner),
      runOf(owner, { summary: 'other' }),
      runOf(owner, { started_at: after(9) }),
    ];
    await runRecords(topic().commit([inserted(linked), inserted(last)], await topic().claim('first')));
    const first = await beforeItsCommit([updated({ ...linked, summary: 'changed' })], last, 2n);
    const { run, retries } = await second([inserted(late)]);
    await waitsForAgents(run);
    await first.commit();
    await run;
    expect(await standing(linked)).toEqual(projected(linked));
    expect(await standing(late)).toEqual(['twin', live]);
    expect(retries).toEqual([]);
  });

  test('of two runs beside one live row the nearer has it, and nobody ran into the other', async () => {
    const owner = await topic().owner();
    const live = await topic().live({ agent_url: owner.url, tested_at: after(10) });
    const [far, last, near] = [
      runOf(owner),
      runOf(owner, { summary: 'other' }),
      runOf(owner, { started_at: after(9) }),
    ];
    await runRecords(topic().commit([inserted(last)], await topic().claim('first')));
    const first = await beforeItsCommit([inserted(far)], last, 1n);
    const { run, retries } = await second([inserted(near)]);
    await waitsForAgents(run);
    await first.commit();
    await run;
    expect(await standing(far)).toEqual(projected(far));
    expect(await standing(near)).toEqual(['twin', live]);
    expect(retries).toEqual([]);
  });

  test('an image is decided by what the other batch left, not by what was before', async () => {
    const owner = await topic().owner();
    const hourAgo = (seconds: number) => after(seconds - 3600);
    const live = await topic().live({ agent_url: owner.url, tested_at: hourAgo(10) });
    const [linked, last] = [runOf(owner, { started_at: hourAgo(0) }), runOf(owner, { summary: 'other' })];
    const nearer = runOf(owner, { started_at: hourAgo(9) });
    await runRecords(topic().commit([inserted(linked)], await topic().claim('second', 1)));
    await runRecords(topic().commit([inserted(last)], await topic().claim('first')));
    const first = await beforeItsCommit([inserted(nearer)], last, 1n);
    const { run, retries } = await second([updated({ ...linked, summary: 'newest' })], 1n);
    await waitsForAgents(run);
    await first.commit();
    await run;
    expect(await standing(nearer)).toEqual(['twin', live]);
    expect(await standing(linked)).toEqual(projected(linked));
    expect(await topic().run(linked.id)).toMatchObject({ headline: 'newest' });
    expect(retries).toEqual([]);
  });

  test('a run whose context gets another agent in the moment of the lock is matched under that one’s', async () => {
    const owner = await topic().owner();
    const url = `${owner.url}/renamed`;
    const live = await topic().live({ agent_url: url, tested_at: after(1) });
    const row = runOf(owner);
    const rename = async () => {
      await topic().execute('UPDATE agent_contexts SET agent_url = $2 WHERE id = $1', owner.context, url);
      await topic().profile(owner.organization, [{ url }]);
    };
    const retries: Error[] = [];
    await runRecords({
      ...topic().commit([inserted(row)], await topic().claim('first'), beforeFirstLookUp(rename)),
      retrying: (error) => retries.push(error),
    });
    expect(retries).toMatchObject([{ name: 'Conflict' }]);
    expect(await standing(row)).toEqual(['twin', live]);
  });

  test('a run that is being moved to another agent is no longer matched at the one that it leaves', async () => {
    const owner = await topic().owner();
    const other = await topic().owner();
    await topic().member(owner.user, other.organization);
    const [moving, last, late] = [
      runOf(owner),
      runOf(owner, { summary: 'other' }),
      runOf(owner, { started_at: after(9) }),
    ];
    await runRecords(topic().commit([inserted(moving), inserted(last)], await topic().claim('first')));
    const live = await topic().live({ agent_url: owner.url, tested_at: after(1) });
    const first = await beforeItsCommit([updated({ ...moving, agent_context_id: other.context })], last, 2n);
    const { run, retries } = await second([inserted(late)]);
    await waitsForAgents(run);
    await first.commit();
    await run;
    expect(await standing(moving)).toEqual(projected(moving));
    expect(await topic().run(moving.id)).toMatchObject({ agent_url: other.url });
    expect(await standing(late)).toEqual(['twin', live]);
    expect(retries).toEqual([]);
  });
});
