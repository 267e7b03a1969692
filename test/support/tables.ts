import { randomUUID } from 'node:crypto';
import { findScriptCopies } from '../../consumers/agent-test-history/lookup/script-copies.ts';
import type { Pool } from '../../lib/postgres.ts';
import type { RowValues } from './records.ts';
import * as sql from './table-rows.ts';
import type { LiveValues } from './table-rows.ts';

export interface Owner {
  readonly organization: string;
  readonly user: string;
  readonly context: string;
  readonly url: string;
}

/** A row as JSON: every column, timestamps with their microseconds. */
export type Row = Readonly<Record<string, unknown>>;

/** The tables as a test arranges them, and what became of them. */
export class Tables {
  readonly pool: Pool;

  constructor(pool: Pool) {
    this.pool = pool;
  }

  /** Nothing but the bystanders. */
  async reset(): Promise<void> {
    await this.pool.query(sql.RESET);
    await this.pool.query(sql.BYSTANDERS);
  }

  /** A user who owns the agent at `url`: member of an organisation that lists it and has a context for it. */
  async owner(url = `https://${randomUUID()}.example/mcp`): Promise<Owner> {
    const organization = `org_${randomUUID()}`;
    const user = `user_${randomUUID()}`;
    await this.profile(organization, [{ url }]);
    await this.member(user, organization);
    await this.pool.query(sql.STATUS_ROW, [url]);
    return { organization, user, url, context: await this.context(organization, url) };
  }

  async context(organization: string, url: string): Promise<string> {
    const id = randomUUID();
    await this.pool.query(sql.CONTEXT, [id, organization, url]);
    return id;
  }

  async profile(organization: string, agents: unknown): Promise<void> {
    await this.pool.query(sql.PROFILE, [organization, agents === undefined ? null : JSON.stringify(agents)]);
  }

  async member(user: string, organization: string): Promise<void> {
    await this.pool.query(sql.MEMBER, [user, organization]);
  }

  async registered(
    url: string,
    { stage = 'production', optedOut = false }: { stage?: string | null; optedOut?: boolean | null },
  ): Promise<void> {
    await this.pool.query(sql.REGISTERED, [url, stage, optedOut]);
  }

  async legacyRow(row: RowValues): Promise<void> {
    await this.pool.query(sql.LEGACY_ROW, sql.legacyValues(row));
  }

  /** A canonical row that the earlier script wrote, found as a projector finds it when it starts. */
  async scriptCopy(legacyId: string, id: string = randomUUID()): Promise<string> {
    await this.pool.query(sql.SCRIPT_COPY, [id, legacyId]);
    await findScriptCopies(this.pool);
    return id;
  }

  /** A canonical row that the live path wrote; its id. */
  async live(values: Partial<LiveValues> & Pick<LiveValues, 'agent_url'>): Promise<string> {
    const row = { ...sql.LIVE_VALUES, id: randomUUID(), ...values };
    await this.pool.query(sql.LIVE_ROW, sql.liveValues(row));
    return row.id;
  }

  async execute(statement: string, ...values: unknown[]): Promise<void> {
    const { rowCount } = await this.pool.query(statement, values);
    if (rowCount === 0) throw new Error(`a test's statement met no row: ${statement}`);
  }

  async ledger(legacyId: string): Promise<Row | undefined> {
    return await this.#row(sql.LEDGER_ROW, [legacyId]);
  }

  /** The canonical row that stands for a legacy row, by the ledger. */
  async run(legacyId: string): Promise<Row | undefined> {
    return await this.#row(sql.RUN_OF, [legacyId]);
  }

  async quarantined(): Promise<Row[]> {
    return (await this.pool.query<{ row: Row }>(sql.QUARANTINED)).rows.map(({ row }) => row);
  }

  async #row(statement: string, values: unknown[]): Promise<Row | undefined> {
    return (await this.pool.query<{ row: Row }>(statement, values)).rows[0]?.row;
  }
}
