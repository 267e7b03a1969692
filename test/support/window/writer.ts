import { createPool, type Pool } from '../../../lib/postgres.ts';
import { Application, type OpenLive, type Phase } from './application.ts';
import { Cast, Dice, type Run } from './run.ts';
import { windowScenes, type Scene } from './scenes.ts';
import type { Step } from './steps.ts';

export interface WriterOptions {
  readonly url: string;
  readonly seed: number;
  /** Returns when a pod may begin the scene. */
  readonly pace: (scene: Scene) => Promise<void>;
  /** Returns what the ledger says of a legacy row, as soon as it says something. */
  readonly decided: (legacyId: string) => Promise<string>;
}

const PODS = 4;
/** A pod writes one thing at a time, beside the live writes that it has left open: two in a scene, at most. */
const CONNECTIONS = PODS * 3;

/**
 * The application during the window: pods take scene after scene, side by side. The seed decides what is written, not
 * when. It finds the tables as `seedWindow` leaves them.
 */
export class WindowWriter {
  phase: Phase = 'before';
  readonly #options: WriterOptions;
  readonly #pool: Pool;
  readonly #application: Application;
  readonly #dice: Dice;
  readonly #scenes: readonly Scene[];
  #next = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#pool = createPool({ url: options.url, name: 'application', connections: CONNECTIONS });
    this.#application = new Application(this.#pool);
    this.#dice = new Dice(options.seed);
    this.#scenes = windowScenes(this.#dice);
  }

  /** Legacy rows of the scenes that are still to come. */
  get legacyRowsLeft(): number {
    const steps = this.#scenes.slice(this.#next).flatMap((scene) => scene.steps);
    return steps.filter((step) => step.do === 'write legacy').length;
  }

  /** Plays the scenes that come before this moment of the window, and returns when they are over. */
  async write(before = 1): Promise<void> {
    await Promise.all(Array.from({ length: PODS }, () => this.#pod(before)));
  }

  /** An owner's run on an old pod, beside the scenes. */
  async straggle(): Promise<void> {
    const run = new Cast(this.#dice, 'old pod').run();
    await this.#play([{ do: 'write legacy', run }]);
  }

  /** A run whose live write commits once its legacy row is decided, and after `meanwhile`. */
  async writeLate(meanwhile: () => Promise<void>): Promise<void> {
    const run = new Cast(this.#dice, 'live commits late').run();
    await this.#application.note(run);
    const live = await this.#application.openLive(run);
    try {
      await this.#application.writeLegacy(run, this.phase);
      await this.#application.noteOpenLive(run, await this.#options.decided(run.legacyId));
      await meanwhile();
    } catch (error) {
      live.abandon();
      throw error;
    }
    await live.commit();
  }

  /** A row that says one thing only: what was written before lies before it in its partition. Gives its legacy id. */
  async mark(): Promise<string> {
    const run = new Cast(this.#dice, 'mark').run({ user: null, standing: 'anonymous' });
    await this.#play([{ do: 'write legacy', run }]);
    return run.legacyId;
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }

  async #pod(before: number): Promise<void> {
    for (;;) {
      const scene = this.#scenes[this.#next];
      if (scene === undefined || scene.at >= before) return;
      this.#next++;
      await this.#options.pace(scene);
      await this.#play(scene.steps);
    }
  }

  async #play(steps: readonly Step[]): Promise<void> {
    const runs = new Set(steps.flatMap((step) => ('run' in step ? step.run : [])));
    for (const run of runs) await this.#application.note(run);
    const open = new Map<Run, OpenLive>();
    try {
      for (const step of steps) await this.#take(step, open);
    } finally {
      for (const live of open.values()) live.abandon();
    }
  }

  async #take(step: Step, open: Map<Run, OpenLive>): Promise<void> {
    const application = this.#application;
    switch (step.do) {
      case 'write legacy':
        await application.writeLegacy(step.run, this.phase);
        return;
      case 'write live':
        await application.writeLive(step.run);
        return;
      case 'fail live':
        await application.failLive(step.run);
        return;
      case 'open live':
        open.set(step.run, await application.openLive(step.run));
        return;
      case 'close live':
        await this.#closeLive(step, open);
        return;
      case 'await decision':
        await this.#options.decided(step.run.legacyId);
        return;
      case 'write heartbeat':
        await application.writeHeartbeat(step.run);
        return;
      case 'create context':
        await application.createContext(step.place);
        return;
      case 'merge context':
        await application.mergeContext(step.from, step.into);
        return;
      case 'delete context':
        await application.deleteContext(step.place);
        return;
      case 'delete row':
        await application.deleteRow(step.run);
        return;
      case 'opt out':
        await application.optOut(step.place);
        return;
    }
  }

  async #closeLive(
    { run, by, when }: Extract<Step, { do: 'close live' }>,
    open: Map<Run, OpenLive>,
  ): Promise<void> {
    const live = open.get(run);
    if (live === undefined) throw new Error('the scene closes a live write that it never opened');
    if (when === 'decided') {
      await this.#application.noteOpenLive(run, await this.#options.decided(run.legacyId));
    }
    await (by === 'COMMIT' ? live.commit() : live.rollback());
    open.delete(run);
  }
}
