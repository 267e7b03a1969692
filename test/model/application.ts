import { sqlState } from '../../lib/postgres-errors.ts';
import { PRUNE, REFER, type Engine, type LiveWrite } from './engine.ts';
import {
  LEAVABLE,
  type History,
  type Image,
  type LiveScript,
  type RowScript,
  type RowStep,
} from './history.ts';
import { legacyIdOf, legacyRowOf, liveIdOf, liveRowOf, ORGANIZATIONS, ownRunIdOf } from './names.ts';
import { gated, type Scheduler } from './scheduler.ts';
import type { Topic } from './topic.ts';

export interface Step {
  readonly label: string;
  /** The statement that comes next, of a step of a projector. */
  readonly what?: string;
  run(): Promise<void> | void;
}

/** Steps of one writer, in its order. */
export type Script = Step[];

interface Parts {
  readonly engine: Engine;
  readonly topic: Topic;
  readonly scheduler: Scheduler;
}

/** The application around the projector: it writes legacy rows and live rows, and its retention prunes. */
export class Application {
  readonly scripts: Script[];
  /** Rows as the legacy table has them; null where they are gone, or not there yet. */
  readonly images: (Image | null)[];
  /** Rows that an event was sent for. */
  readonly sent = new Set<number>();
  readonly committedLives = new Set<number>();
  readonly pruned = new Set<string>();
  readonly referred = new Set<string>();
  hasJoined = false;
  /** Live transactions that are open. */
  readonly #open = new Set<LiveWrite>();
  readonly #parts: Parts;

  constructor(history: History, parts: Parts) {
    this.#parts = parts;
    this.images = history.rows.map(() => null);
    this.scripts = [
      ...history.rows.map((row, index) => this.#rowScript(row, index)),
      ...history.lives.map((live, index) => this.#liveScript(live, index)),
    ];
  }

  async join(): Promise<void> {
    this.hasJoined = true;
    for (const organizationId of ORGANIZATIONS) await this.#parts.engine.join('user_late', organizationId);
  }

  async abandon(): Promise<void> {
    for (const write of this.#open) await write.abort();
  }

  /** A snapshot of the rows that no event was sent for. */
  readUnsent(rows: readonly RowScript[]): void {
    for (const [index, script] of rows.entries()) if (!this.sent.has(index)) this.#read(index, script);
  }

  #rowScript(script: RowScript, index: number): Script {
    return [
      { label: `row ${String(index)}: insert`, run: () => this.#insert(index, script.image, script) },
      ...script.steps.map((step) => ({
        label: `row ${String(index)}: ${step.step}`,
        run: () => this.#rowStep(index, step, script),
      })),
    ];
  }

  async #rowStep(index: number, step: RowStep, script: RowScript): Promise<void> {
    switch (step.step) {
      case 'update':
        await this.#update(index, step, script);
        break;
      case 'delete':
        await this.#delete(index, script);
        break;
      case 'read':
        this.#read(index, script);
        break;
      case 'prune own':
        this.#prune(ownRunIdOf(index), `row ${String(index)}`);
        break;
      case 'refer':
        this.#refer(ownRunIdOf(index), `row ${String(index)}`);
    }
  }

  async #insert(index: number, image: Image, { partition, isStreamed }: RowScript): Promise<void> {
    this.images[index] = image;
    await this.#parts.engine.writeLegacy(legacyRowOf(index, image));
    if (!isStreamed) return;
    this.sent.add(index);
    this.#parts.topic.committed({ row: index, partition, op: 'c', image, leftOut: [] });
  }

  async #update(index: number, step: RowStep & { step: 'update' }, script: RowScript): Promise<void> {
    const before = this.images[index];
    if (before == null) {
      await this.#insert(index, { ...script.image, ...step.values }, { ...script, isStreamed: true });
      return;
    }
    const image = { ...before, ...step.values };
    this.images[index] = image;
    await this.#parts.engine.writeLegacy(legacyRowOf(index, image));
    const leftOut = step.leavesOut ? unchanged(before, image) : [];
    this.sent.add(index);
    this.#parts.topic.committed({ row: index, partition: script.partition, op: 'u', image, leftOut });
  }

  async #delete(index: number, { partition }: RowScript): Promise<void> {
    if (this.images[index] == null) return;
    this.images[index] = null;
    await this.#parts.engine.deleteLegacy(legacyIdOf(index));
    this.sent.add(index);
    this.#parts.topic.committed({ row: index, partition, op: 'd', image: null, leftOut: [] });
  }

  #read(index: number, { partition }: RowScript): void {
    const image = this.images[index];
    if (image == null) return;
    this.sent.add(index);
    this.#parts.topic.read(index, { partition, image });
  }

  #liveScript(live: LiveScript, index: number): Script {
    let write: LiveWrite | undefined;
    const label = `live ${String(index)}`;
    const begin: Step = {
      label: `${label}: begin`,
      run: async () => {
        write = await this.#parts.engine.beginLive(liveRowOf(index, live));
        this.#open.add(write);
      },
    };
    const end: Step = {
      label: `${label}: ${live.end}`,
      run: async () => {
        if (write === undefined) return;
        if (live.end === 'commit') this.committedLives.add(index);
        this.#open.delete(write);
        await write[live.end]();
      },
    };
    const prune: Step = {
      label: `${label}: prune`,
      run: () => {
        this.#prune(liveIdOf(index), label);
      },
    };
    return live.isPruned ? [begin, end, prune] : [begin, end];
  }

  #prune(runId: string, name: string): void {
    this.#parts.scheduler.begin(`retention of ${name}`, async (actor) => {
      this.pruned.add(runId);
      await gated(this.#parts.engine.pool, actor).query(PRUNE, [runId]);
    });
  }

  #refer(runId: string, name: string): void {
    this.#parts.scheduler.begin(`a reference to ${name}`, async (actor) => {
      this.referred.add(runId);
      try {
        await gated(this.#parts.engine.pool, actor).query(REFER, [runId]);
      } catch (error) {
        if (sqlState(error) !== RUN_IS_GONE) throw error;
      }
    });
  }
}

/** A foreign key to a row that was deleted while the insert waited. */
const RUN_IS_GONE = '23503';

/** Columns that hold a value and that the update did not touch: the connector may leave them out. */
function unchanged(before: Image, after: Image): (typeof LEAVABLE)[number][] {
  const [old, now] = [legacyRowOf(0, before), legacyRowOf(0, after)];
  return LEAVABLE.filter((column) => now[column] !== null && now[column] === old[column]);
}
