import { inTransaction, type Client, type Pool } from '../lib/postgres.ts';
import { demoSql } from './generate.ts';

const DELETED_AT_ONCE = 10;

/** Something that happens to the history between two runs of the stream. */
export interface Incident {
  readonly story: string;
  /** Returns the number of rows that it touched. */
  readonly run: (pool: Pool) => Promise<number>;
}

const STORIES = demoSql('stories');
const MERGE_CONTEXT = demoSql('merge-context');
const DELETE_ROWS = demoSql('delete-rows');
const NOTE_CONTEXT_DELETION = demoSql('note-context-deletion');
const SHORT_LIVED_CONTEXT = demoSql('short-lived-context');

/**
 * Chooses by the seed which context gets which incident. It must run before the first run is written: the chosen
 * contexts then get no other runs, so that only the intended races happen to them.
 */
export async function planIncidents(pool: Pool): Promise<Incident[]> {
  await pool.query(STORIES);
  const stories = await pool.query<Story>(
    'SELECT n, story, context_id, target_id FROM demo.story ORDER BY n',
  );
  const doomed = await pool.query<{ ids: string[] }>(
    'SELECT array_agg(legacy_id ORDER BY n) AS ids FROM demo.doomed_row GROUP BY n / $1 ORDER BY n / $1',
    [DELETED_AT_ONCE],
  );
  return [
    ...stories.rows.map(toIncident),
    ...doomed.rows.map(({ ids }) => ({
      story: 'row deleted',
      run: (on: Pool) => inTransaction(on, (client) => touch(client, DELETE_ROWS, [ids])),
    })),
  ];
}

/** The ledger's reason for rows whose context was deleted before they were decided. */
const MISSED = ['orphaned', 'gone'];

interface Story {
  readonly n: number;
  readonly story: string;
  readonly context_id: string;
  readonly target_id: string | null;
}

function toIncident(story: Story): Incident {
  return { story: story.story, run: (pool) => tell(pool, story) };
}

/**
 * The short-lived contexts are where a projector meets a row whose context is no more: the event arrives after the
 * context went. Nothing pauses for that; whether it sees them in time is up to the machine, unless all happens in
 * one transaction.
 */
async function tell(pool: Pool, story: Story): Promise<number> {
  switch (story.story) {
    case 'context deleted':
      return await inTransaction(pool, (client) =>
        deleteContext(client, story, { instead: [], unseen: false }),
      );
    case 'created and deleted in one transaction':
      return await inTransaction(pool, async (client) => {
        await client.query(SHORT_LIVED_CONTEXT, [story.n]);
        return await deleteContext(client, story, { instead: MISSED, unseen: true });
      });
    case 'deleted right after its rows':
      await inTransaction(pool, (client) => client.query(SHORT_LIVED_CONTEXT, [story.n]));
      return await inTransaction(pool, (client) =>
        deleteContext(client, story, { instead: MISSED, unseen: false }),
      );
    case 'created and merged in one transaction':
      return await inTransaction(pool, async (client) => {
        await client.query(SHORT_LIVED_CONTEXT, [story.n]);
        return await mergeContext(client, story);
      });
    case 'merged right after its rows':
      await inTransaction(pool, (client) => client.query(SHORT_LIVED_CONTEXT, [story.n]));
      return await inTransaction(pool, (client) => mergeContext(client, story));
    default:
      return await inTransaction(pool, (client) => mergeContext(client, story));
  }
}

async function mergeContext(client: Client, { story, context_id, target_id }: Story): Promise<number> {
  const rows = await touch(client, MERGE_CONTEXT, [context_id, target_id, story]);
  await client.query('DELETE FROM agent_contexts WHERE id = $1', [context_id]);
  return rows;
}

interface IncidentVerdict {
  /** What the ledger may say of rows that it had not decided. */
  readonly instead: readonly string[];
  /** No projector can have seen the context, so an owner's or a stranger's row can get no other reason. */
  readonly unseen: boolean;
}

async function deleteContext(
  client: Client,
  { story, context_id }: Story,
  verdict: IncidentVerdict,
): Promise<number> {
  const rows = await touch(client, NOTE_CONTEXT_DELETION, [
    context_id,
    story,
    verdict.instead,
    verdict.unseen,
  ]);
  await client.query('DELETE FROM agent_contexts WHERE id = $1', [context_id]);
  return rows;
}

async function touch(client: Client, sql: string, values: unknown[]): Promise<number> {
  const result = await client.query<{ rows: number }>(sql, values);
  return result.rows[0]?.rows ?? 0;
}
