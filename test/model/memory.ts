import type { Client, Pool } from '../../lib/postgres.ts';
import type { RowValues } from '../support/records.ts';
import type { LiveValues } from '../support/table-rows.ts';
import { PRUNE, REFER, type Engine, type LiveWrite, type Observed, type Setup } from './engine.ts';
import { OTHER_STATEMENTS } from './memory/delete-and-park.ts';
import { OFFSET_STATEMENTS } from './memory/offset-statements.ts';
import { READ_STATEMENTS } from './memory/read-statements.ts';
import { rowsOf, type Answer, type Run, type Statement } from './memory/statement.ts';
import { databaseError, Transaction } from './memory/store.ts';
import { microsOf, Tables, type LegacyTableRow, type RunRow } from './memory/tables.ts';
import { SWEEP_STATEMENTS } from './memory/sweep-statements.ts';
import { WRITE_STATEMENTS } from './memory/write-statements.ts';
import type { Connection } from './scheduler.ts';

const prune: Run = async ({ tx, tables: { runs, diagnostics } }, [id]) => {
  const key = id as string;
  if (tx.get(runs, key) === undefined) return rowsOf([]);
  await tx.lockRow(runs, key);
  await tx.lock(`key of run ${key}`);
  if (tx.get(runs, key) === undefined) return rowsOf([]);
  tx.put(runs, key, undefined);
  tx.put(diagnostics, key, undefined);
  return rowsOf([{}]);
};

/** It waits for whoever deletes the run, and for nobody who changes it. */
const refer: Run = async ({ tx, tables: { runs, diagnostics } }, [id]) => {
  const key = id as string;
  if (tx.get(runs, key) === undefined) return rowsOf([]);
  await tx.lock(`key of run ${key}`);
  if (tx.get(runs, key) === undefined) throw databaseError('23503', 'the run is gone');
  tx.put(diagnostics, key, { runId: key });
  return rowsOf([{}]);
};

const STATEMENTS: readonly Statement[] = [
  ...OFFSET_STATEMENTS,
  ...READ_STATEMENTS,
  ...WRITE_STATEMENTS,
  ...OTHER_STATEMENTS,
  ...SWEEP_STATEMENTS,
  { text: PRUNE, run: prune },
  { text: REFER, run: refer },
];
const known = new Map<string, Run>();

function runOf(text: string): Run {
  const found =
    known.get(text) ??
    STATEMENTS.find((one) => (typeof one.text === 'string' ? one.text === text : one.text.test(text)))?.run;
  if (found === undefined) throw new TypeError(`the model does not know this statement: ${text}`);
  known.set(text, found);
  return found;
}

class MemoryConnection {
  readonly #tables: Tables;
  #tx: Transaction | undefined;
  /** A statement of the transaction has failed: nothing else runs in it. */
  #isAborted = false;
  #running: Transaction | undefined;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get isWaiting(): boolean {
    return this.#running?.isWaiting === true;
  }

  async query(text: string, values: readonly unknown[] = []): Promise<Answer> {
    if (text.startsWith('BEGIN')) {
      this.#tx = new Transaction(this.#tables.locks);
      this.#isAborted = false;
    } else if (text === 'COMMIT' || text === 'ROLLBACK') this.#end(text);
    // Nothing is refused for the sake of one row here, so that no savepoint is gone back to.
    else if (!/^(SET LOCAL|SET CONSTRAINTS|SAVEPOINT|RELEASE)\b/.test(text))
      return await this.#run(text, values);
    return rowsOf([]);
  }

  #end(how: 'COMMIT' | 'ROLLBACK'): void {
    if (how === 'COMMIT' && !this.#isAborted) this.#tx?.commit();
    else this.#tx?.rollback();
    this.#tx = undefined;
  }

  async #run(text: string, values: readonly unknown[]): Promise<Answer> {
    const tx = this.#tx ?? new Transaction(this.#tables.locks);
    if (this.#tx !== undefined && this.#isAborted) throw databaseError('25P02', 'the transaction is aborted');
    this.#running = tx;
    try {
      const answer = await runOf(text)({ tx, tables: this.#tables }, values, text);
      if (this.#tx === undefined) tx.commit();
      return answer;
    } catch (error) {
      this.#isAborted = true;
      throw error;
    } finally {
      if (this.#tx === undefined) tx.rollback();
    }
  }
}

function openConnection(tables: Tables): Connection {
  return Object.assign(new MemoryConnection(tables), { release: () => undefined }) as unknown as Connection;
}

/** An engine without a database: the projector's own code runs on statements that the model carries out. */
export class MemoryEngine implements Engine {
  #tables = new Tables(1);

  get pool(): Pool {
    const query = (text: string, values?: unknown[]) => openConnection(this.#tables).query(text, values);
    return { connect: () => Promise.resolve(openConnection(this.#tables)), query } as unknown as Pool;
  }

  reset({ partitions, contexts, members }: Setup): Promise<void> {
    const tables = new Tables(partitions);
    for (const { id, organizationId, agentUrl, isListed, isOptedOut } of contexts) {
      tables.contexts.set(id, { id, organizationId, agentUrl });
      if (isListed) tables.listed.add(`${organizationId} ${agentUrl}`);
      if (isOptedOut) tables.optedOut.add(agentUrl);
    }
    for (const { userId, organizationId } of members) tables.members.add(`${userId} ${organizationId}`);
    this.#tables = tables;
    return Promise.resolve();
  }

  blocked(connections: readonly Connection[]): Promise<ReadonlySet<Connection>> {
    const isWaiting = (connection: Client) => (connection as unknown as MemoryConnection).isWaiting;
    return Promise.resolve(new Set(connections.filter(isWaiting)));
  }

  join(userId: string, organizationId: string): Promise<void> {
    this.#tables.members.add(`${userId} ${organizationId}`);
    return Promise.resolve();
  }

  writeLegacy(row: RowValues): Promise<void> {
    this.#tables.legacy.set(row.id, legacyTableRow(row));
    return Promise.resolve();
  }

  deleteLegacy(legacyId: string): Promise<void> {
    this.#tables.legacy.delete(legacyId);
    return Promise.resolve();
  }

  async beginLive(row: LiveValues): Promise<LiveWrite> {
    const tx = new Transaction(this.#tables.locks);
    await tx.lockRow(this.#tables.runs, row.id);
    tx.put(this.#tables.runs, row.id, liveRun(row));
    return {
      commit: () => {
        tx.commit();
        return Promise.resolve();
      },
      abort: () => {
        tx.rollback();
        return Promise.resolve();
      },
    };
  }

  observe(): Promise<Observed> {
    const { ledger, runs, unsettled, offsets, quarantine } = this.#tables;
    const sorted = <Row>(rows: ReadonlyMap<string, Row>) =>
      [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
    return Promise.resolve({
      ledger: sorted(ledger.committed),
      runs: sorted(runs.committed),
      unsettled: sorted(unsettled.committed).map(({ legacyId, run }) => ({ legacyId, hasRun: run !== null })),
      offsets: sorted(offsets.committed),
      quarantined: sorted(quarantine.committed)
        .flatMap(({ legacyId, isHealed }) => (isHealed || legacyId === null ? [] : [legacyId]))
        .sort(),
    });
  }
}

function legacyTableRow(row: RowValues): LegacyTableRow {
  return {
    id: row.id,
    contextId: row.agent_context_id,
    scenario: row.scenario,
    overallPassed: row.overall_passed,
    stepsPassed: row.steps_passed,
    stepsFailed: row.steps_failed,
    durationMs: row.total_duration_ms,
    summary: row.summary,
    dryRun: row.dry_run,
    userId: row.user_id,
    profile: row.agent_profile_json,
    startedAt: row.started_at,
  };
}

function liveRun(row: LiveValues): RunRow {
  return {
    id: row.id,
    agentUrl: row.agent_url,
    lifecycleStage: 'production',
    overallStatus: row.overall_status,
    headline: row.headline,
    durationMs: row.total_duration_ms,
    testedAtUs: microsOf(row.tested_at),
    tracksPassed: 6,
    tracksFailed: 0,
    profile: row.agent_profile_json,
    observations: { note: 'live' },
    dryRun: false,
    organizationId: row.triggered_org_id,
  };
}
