import { LiveWindowMeter } from '../../consumers/agent-test-history/twins/live-window.ts';
import { MATCHING } from '../support/run-records.ts';
import { Application, type Script, type Step } from './application.ts';
import { Counts } from './counts.ts';
import { PRUNE, REFER, type Engine, type Observed } from './engine.ts';
import type { History, Operation } from './history.ts';
import { Invariants } from './invariants.ts';
import { PARTITIONS, setupOf } from './names.ts';
import { checkOutcome } from './outcome.ts';
import { Projectors } from './projectors.ts';
import { Scheduler, type Actor } from './scheduler.ts';
import { Topic } from './topic.ts';

export interface Ran {
  readonly counts: Counts;
  readonly final: Observed;
  /** What happened, in order. */
  readonly trace: readonly string[];
  /** Its order was that of the choices, to the end. */
  readonly isDetermined: boolean;
}

/** Far more than any history takes. */
const ENOUGH = 10_000;
const LONG_AGO_US = -(2n ** 62n);
const NEVER_US = 2n ** 62n;

/** Chooses what happens next; undefined where it does not care. */
export type Director = (options: readonly Step[]) => Step | undefined;

/** Runs a history on an engine, holds it to the invariants after every step, and to the definition at the end. */
export async function runHistory(history: History, engine: Engine, director?: Director): Promise<Ran> {
  const run = new Run(history, engine, director);
  try {
    return await run.toTheEnd();
  } catch (error) {
    if (error instanceof Error) error.message += `\n  ${run.trace.map(lineOf).join('\n  ')}`;
    await run.abandon();
    throw error;
  }
}

class Run {
  readonly trace: Step[] = [];
  readonly #history: History;
  readonly #engine: Engine;
  readonly #scheduler: Scheduler;
  readonly #topic = new Topic();
  readonly #counts = new Counts();
  readonly #application: Application;
  readonly #projectors: Projectors;
  readonly #invariants: Invariants;
  readonly #scripts: Script[];
  readonly #director: Director | undefined;
  #chosen = 0;

  constructor(history: History, engine: Engine, director?: Director) {
    this.#history = history;
    this.#director = director;
    this.#engine = engine;
    this.#scheduler = new Scheduler(engine);
    const meter = new LiveWindowMeter(engine.pool, MATCHING);
    meter.lower(history.isFloorOpen ? LONG_AGO_US : NEVER_US);
    const parts = { engine, scheduler: this.#scheduler, topic: this.#topic, meter, counts: this.#counts };
    this.#application = new Application(history, parts);
    this.#projectors = new Projectors({
      ...parts,
      application: this.#application,
      pick: (below) => this.#pick(below),
    });
    this.#invariants = new Invariants({ history, topic: this.#topic, application: this.#application });
    this.#scripts = [
      ...this.#application.scripts,
      history.operations.map((operation) => this.#operation(operation)),
    ];
  }

  async toTheEnd(): Promise<Ran> {
    await this.#engine.reset(setupOf(this.#history));
    await this.#untilNothingIsLeft();
    this.#application.readUnsent(this.#history.rows);
    await this.#untilNothingIsLeft();
    this.#projectors.sweep();
    await this.#untilNothingIsLeft();
    const final = await this.#engine.observe();
    checkOutcome(
      { history: this.#history, topic: this.#topic, application: this.#application },
      { final, stuck: this.#invariants.stuck },
      this.#counts,
    );
    await this.#again(final);
    for (const { waits } of this.#scheduler.actors) this.#counts.add('waits for a lock', waits);
    const isDetermined = !this.#scheduler.hasQueued;
    return { counts: this.#counts, final, trace: this.trace.map(lineOf), isDetermined };
  }

  async abandon(): Promise<void> {
    await this.#scheduler.abandon();
    await this.#application.abandon();
  }

  /** I3: what is delivered again changes nothing, nor does another sweep. */
  async #again(final: Observed): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) this.#projectors.replay(partition);
    await this.#untilNothingIsLeft();
    this.#projectors.sweep();
    await this.#untilNothingIsLeft();
    const again = JSON.stringify(await this.#engine.observe());
    if (again !== JSON.stringify(final))
      throw new Error('I3: a replay of everything, or a second sweep, changed something');
  }

  async #untilNothingIsLeft(): Promise<void> {
    for (let taken = 0; taken < ENOUGH; taken++) {
      this.#projectors.assign();
      await this.#scheduler.quiet();
      const options = this.#options();
      const chosen =
        this.#director === undefined ? options[this.#pick(options.length)] : this.#director(options);
      if (chosen === undefined) {
        const stuck = this.#scheduler.actors.find(({ inFlight }) => inFlight !== undefined);
        if (stuck !== undefined) throw new Error(`${stuck.name} waits for a lock for ever`);
        return;
      }
      this.trace.push(chosen);
      await chosen.run();
      await this.#scheduler.quiet();
      await this.#look();
    }
    throw new Error('it does not come to an end');
  }

  /** What could happen next: in a history without choices, one thing after the other. */
  #options(): Step[] {
    const scripts = this.#scripts.flatMap((script) => {
      const [first] = script;
      if (first === undefined) return [];
      return [{ label: first.label, run: () => (script.shift(), first.run()) }];
    });
    const send: Step = {
      label: 'send',
      run: () => {
        this.#topic.sendNext();
      },
    };
    const actors = this.#scheduler.ready.map((actor) => stepOf(actor));
    return [...scripts, ...(this.#topic.isBehind ? [send] : []), ...actors];
  }

  #pick(below: number): number {
    const { choices } = this.#history;
    const choice = choices[this.#chosen % Math.max(choices.length, 1)] ?? 0;
    this.#chosen++;
    return below === 0 ? 0 : choice % below;
  }

  async #look(): Promise<void> {
    const done = this.#scheduler.actors.flatMap((actor) => actor.done.splice(0));
    const committed = this.#projectors.committed.splice(0);
    const isBusy = this.#scheduler.actors.some(({ isInTransaction }) => isInTransaction);
    if (this.trace.at(-1)?.label.startsWith('live') === true || done.some(mayCommit))
      this.#invariants.look(await this.#engine.observe(), { done, committed, isBusy }, this.#counts);
  }

  #operation(operation: Operation): Step {
    const { step } = operation;
    const name = step === 'sweep' || step === 'replay' ? `begin ${step}` : step;
    const label = 'partition' in operation ? `${name} ${String(operation.partition)}` : name;
    return { label, run: () => this.#operate(operation) };
  }

  async #operate(operation: Operation): Promise<void> {
    switch (operation.step) {
      case 'sweep':
        this.#projectors.sweep();
        break;
      case 'join':
        await this.#application.join();
        break;
      case 'an hour later':
        this.#topic.anHourLater();
        break;
      case 'crash':
        this.#projectors.crash(operation.partition, 'at once');
        break;
      case 'crash after commit':
        this.#projectors.crash(operation.partition, 'after the next commit');
        break;
      case 'take over':
        this.#projectors.takeOver(operation.partition);
        break;
      case 'replay':
        this.#projectors.replay(operation.partition);
        break;
      case 'redeliver':
        this.#topic.sendAgain(operation.events);
    }
  }
}

const mayCommit = (text: string) =>
  text === 'COMMIT' ||
  text === PRUNE ||
  text === REFER ||
  text.includes('INSERT INTO history_cdc.consumer_offset');

function lineOf({ label, what }: Step): string {
  return what === undefined ? label : `${label}: ${beginningOf(what)}`;
}

const beginnings = new Map<string, string>();

function beginningOf(statement: string): string {
  const known = beginnings.get(statement);
  if (known !== undefined) return known;
  const beginning = statement.trim().replaceAll(/\s+/g, ' ').slice(0, 60);
  beginnings.set(statement, beginning);
  return beginning;
}

function stepOf(actor: Actor): Step {
  return {
    label: actor.name,
    what: actor.next,
    run: () => {
      actor.go();
    },
  };
}
