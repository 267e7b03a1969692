import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach } from 'vitest';
import { createPool, type Pool } from '../../lib/postgres.ts';
import type { RetireContext } from '../../operations/retire/context.ts';
import type { SoakReport } from '../../operations/soak/soak.ts';
import type { Standing } from '../../operations/verification/standing.ts';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';

/** A gate that is met: the conditions themselves are soak's, and are tested there. */
export const MET: SoakReport = {
  at: new Date(),
  stage: 'soaking',
  allMet: true,
  conditions: [],
  incidents: [],
  forecast: new Date(),
} as unknown as SoakReport;
export const STANDS = { whole: null, background: {}, gaps: [], refusals: [] } as unknown as Standing;

/** A database with legacy rows, and roles beside the owner. */
export class RetiredTable {
  readonly open: OpenDatabase;
  readonly superuser: Pool;
  /** May write to the table, and owns nothing. */
  readonly writer: Pool;
  readonly writerName: string;

  constructor(open: OpenDatabase, writerName: string) {
    this.open = open;
    this.writerName = writerName;
    this.superuser = createPool({ url: open.database.superuserUrl, name: 'test superuser', connections: 3 });
    const url = new URL(open.database.url);
    url.username = writerName;
    url.password = 'secret';
    this.writer = createPool({ url: url.href, name: 'test writer', connections: 2 });
  }

  static async create(): Promise<RetiredTable> {
    const open = await openMigratedDatabase();
    const table = new RetiredTable(open, `writer_${randomBytes(4).toString('hex')}`);
    await table.superuser.query(`CREATE ROLE ${table.writerName} LOGIN PASSWORD 'secret'`);
    return table;
  }

  get pool(): Pool {
    return this.open.pool;
  }

  /** As the owner of the table gives it, for one step. */
  context(given: Partial<RetireContext> = {}): RetireContext {
    return {
      canonical: this.pool,
      legacy: this.pool,
      gate: () => Promise.resolve(MET),
      standing: () => Promise.resolve(STANDS),
      stream: { legacy: this.pool, slot: 'none', topicEnds: () => Promise.resolve('nobody was asked') },
      settleSeconds: 0,
      fencedDays: 0,
      ownerUrl: this.open.database.url,
      by: 'the data owner',
      waitSeconds: 0,
      signal: new AbortController().signal,
      note: () => undefined,
      ...given,
    };
  }

  async fill(): Promise<string> {
    await this.pool.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON public.agent_test_history, public.agent_contexts TO ${this.writerName}`,
    );
    const context = randomUUID();
    await this.pool.query(
      "INSERT INTO public.agent_contexts (id, organization_id, agent_url) VALUES ($1, 'org', $2)",
      [context, `https://${context}.example/mcp`],
    );
    for (let n = 0; n < 3; n++) await this.pool.query(INSERT, [context]);
    return context;
  }

  async rows(): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM public.agent_test_history',
    );
    return rows[0]?.n ?? -1;
  }

  async close(): Promise<void> {
    await this.superuser.query(`DROP OWNED BY ${this.writerName}; DROP ROLE ${this.writerName}`);
    await Promise.all([this.superuser.end(), this.writer.end()]);
    await this.open.close();
  }
}

export const INSERT = `
  INSERT INTO public.agent_test_history (id, agent_context_id, scenario, overall_passed, steps_passed, steps_failed)
  VALUES (gen_random_uuid(), $1, 'quality_evaluation', true, 1, 0)`;

/** A fresh table for each test of a file. */
export function useRetiredTable(): () => RetiredTable {
  let table: RetiredTable | undefined;
  beforeEach(async () => {
    table = await RetiredTable.create();
  });
  afterEach(async () => {
    await table?.close();
  });
  return () => {
    if (table === undefined) throw new Error('the table is there once beforeEach has run');
    return table;
  };
}
