import { setTimeout } from 'node:timers/promises';
import type { Pool } from '../../lib/postgres.ts';
import { assertRunning, sinkConfig } from '../peers/jdbc-sink.ts';
import type { SinkWorker } from '../peers/sink-worker.ts';
import type { Source } from '../topic.ts';
import type { Case, Seen } from './seen.ts';

const PEER = 'JDBC sink';
const POLL_MS = 100;
const CASE = `
  SELECT h.summary AS wanted, f.summary AS found, f.dry_run, f.id IS NOT NULL AS there
  FROM bench.hard_case c JOIN agent_test_history h USING (id) LEFT JOIN public.flat f USING (id) WHERE c.name = $1`;
const FOLLOWS = `
  SELECT f.agent_context_id = h.agent_context_id AS answer
  FROM bench.hard_case c JOIN agent_test_history h USING (id) JOIN public.flat f USING (id) WHERE c.name = $1`;

interface Row {
  readonly wanted: string;
  readonly found: string | null;
  readonly dry_run: boolean | null;
  readonly there: boolean;
}

interface Streaming {
  readonly source: Source;
  readonly pool: Pool;
  readonly worker: SinkWorker;
  readonly signal: AbortSignal;
}

/** The JDBC sink on the stream of the cases. */
export class Sink {
  readonly #streaming: Streaming;
  #runs = 0;

  constructor(streaming: Streaming) {
    this.#streaming = streaming;
  }

  /** Reads the topic from its beginning until the flat table has every legacy row. */
  async readsAll(): Promise<void> {
    await this.#start();
    await this.#until(async () => {
      await assertRunning(this.#streaming.worker, this.#name);
      return await this.#isTrue(
        'SELECT count(*) = (SELECT count(*) FROM agent_test_history) AS answer FROM public.flat',
      );
    });
  }

  async seenOfRows(): Promise<Seen[]> {
    const nothing = await this.#row('null');
    const isNull = nothing.dry_run === null;
    return [
      seen('null', isNull, isNull ? 'NULL' : `NULL became ${String(nothing.dry_run)}`),
      await this.#taken('stranger', false, 'taken like any other row'),
      await this.#taken('recorded', false, 'a second row, linked to nothing'),
      await this.#taken('straggler', true, 'its row is there'),
    ];
  }

  /** A second group reads everything again, over rows of which each has been marked. */
  async readsTwice(): Promise<Seen> {
    const { pool } = this.#streaming;
    const before = await this.#hash();
    await pool.query("UPDATE public.flat SET scenario = scenario || ' marked'");
    await this.stop();
    await this.#start();
    await this.#until(() =>
      this.#isTrue("SELECT NOT EXISTS (SELECT FROM public.flat WHERE scenario LIKE '% marked') AS answer"),
    );
    const same = (await this.#hash()) === before;
    return seen('redelivery', same, same ? 'every row written again, with the same content' : 'rows changed');
  }

  async seenOfText(): Promise<Seen> {
    await this.#until(() => this.#follows('large text'));
    const { wanted, found } = await this.#row('large text');
    if (found === wanted) return seen('large text', true, 'value kept, and the update followed');
    const placeholder = found === this.#streaming.source.config.UNAVAILABLE_PLACEHOLDER;
    return seen(
      'large text',
      false,
      placeholder ? 'overwritten with the placeholder, silently' : 'overwritten',
    );
  }

  async seenOfJsonb(): Promise<Seen> {
    await this.#until(async () => (await this.#hasFailed()) || (await this.#follows('large jsonb')));
    return (await this.#hasFailed())
      ? seen('large jsonb', false, 'its task fails, and stands still until a person comes')
      : seen('large jsonb', true, 'the update followed');
  }

  async stop(): Promise<void> {
    await this.#streaming.worker.connect.delete(this.#name);
  }

  get #name(): string {
    return `sink-cases-${String(this.#runs)}`;
  }

  async #start(): Promise<void> {
    this.#runs += 1;
    const { source, worker } = this.#streaming;
    const plan = {
      name: this.#name,
      source,
      databaseUrl: source.config.DATABASE_URL,
      tasks: 1,
      tuned: 'latency',
    } as const;
    await worker.connect.putConfig(this.#name, sinkConfig(plan));
  }

  async #taken(name: Case, good: boolean, what: string): Promise<Seen> {
    const { there } = await this.#row(name);
    return there ? seen(name, good, what) : seen(name, !good, 'not taken');
  }

  async #row(name: Case): Promise<Row> {
    const { rows } = await this.#streaming.pool.query<Row>(CASE, [name]);
    const [row] = rows;
    if (row === undefined) throw new Error(`there is no case ${name}`);
    return row;
  }

  async #hash(): Promise<string | undefined> {
    const text = "SELECT md5(string_agg(f::text, E'\\n' ORDER BY id)) AS hash FROM public.flat f";
    return (await this.#streaming.pool.query<{ hash: string }>(text)).rows[0]?.hash;
  }

  /** The update of the case has arrived. */
  async #follows(name: Case): Promise<boolean> {
    return await this.#isTrue(FOLLOWS, [name]);
  }

  async #hasFailed(): Promise<boolean> {
    const status = await this.#streaming.worker.connect.status(this.#name);
    return status?.tasks.some(({ state }) => state === 'FAILED') ?? false;
  }

  async #isTrue(text: string, values: readonly unknown[] = []): Promise<boolean> {
    return (
      (await this.#streaming.pool.query<{ answer: boolean }>(text, [...values])).rows[0]?.answer === true
    );
  }

  async #until(condition: () => Promise<boolean>): Promise<void> {
    while (!(await condition())) await setTimeout(POLL_MS, undefined, { signal: this.#streaming.signal });
  }
}

function seen(which: Case, good: boolean, what: string): Seen {
  return { peer: PEER, case: which, good, what };
}
