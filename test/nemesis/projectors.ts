import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Command } from '../../demo/command.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Environment } from '../../lib/config.ts';
import type { Journal } from './journal.ts';

/** As a service manager does: what ended is started again after this time. */
const RESTART_AFTER_MS = 1000;

interface ProjectorsOptions {
  readonly environment: Environment;
  readonly logs: string;
  readonly journal: Journal;
}

/** A projector's process; undefined while it is down. `wanted`: what the service manager shall have it be. */
interface Place {
  readonly name: string;
  command: Command | undefined;
  wanted: boolean;
}

/** The projectors, each under a service manager that starts it again when it ends. */
export class Projectors {
  readonly #options: ProjectorsOptions;
  readonly #places: Place[] = [];
  readonly #stopped = new AbortController();
  /** How far the clock of a projector that starts now is ahead of the machine's. */
  clockOffsetHours = 0;

  constructor(options: ProjectorsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#places.filter(({ wanted }) => wanted).length;
  }

  /** Starts one more. */
  add(): void {
    const place: Place = {
      name: `projector-${String(this.#places.length + 1)}`,
      command: undefined,
      wanted: true,
    };
    this.#places.push(place);
    this.#start(place);
  }

  /** Ends the newest one gracefully, for good. */
  async remove(): Promise<void> {
    const place = this.#places.findLast(({ wanted }) => wanted);
    if (place === undefined) return;
    place.wanted = false;
    await place.command?.stop().catch(() => undefined);
  }

  /** The logs of all projectors that ever ran, newest line last in each. */
  get logFiles(): readonly string[] {
    return this.#places.map((place) => this.#logOf(place));
  }

  /** Sends a signal to the `nth` of those that run, counted round. Returns its name; undefined if none runs. */
  signal(nth: number, signal: NodeJS.Signals): string | undefined {
    const running = this.#places.filter(({ command }) => command !== undefined);
    const place = running[nth % Math.max(running.length, 1)];
    place?.command?.signal(signal);
    return place?.name;
  }

  /** Lets every stopped process go on. */
  continueAll(): void {
    for (const { command } of this.#places) command?.signal('SIGCONT');
  }

  /** Ends all of them gracefully, for good. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.continueAll();
    for (const place of this.#places) place.wanted = false;
    await Promise.all(this.#places.flatMap(({ command }) => command?.stop().catch(() => undefined) ?? []));
  }

  /** Kills what still runs. */
  async kill(): Promise<void> {
    this.#stopped.abort();
    for (const place of this.#places) place.wanted = false;
    await Promise.all(this.#places.flatMap(({ command }) => command?.end() ?? []));
  }

  #logOf({ name }: Place): string {
    return path.join(this.#options.logs, `${name}.log`);
  }

  #start(place: Place): void {
    const { environment, journal } = this.#options;
    const clock = this.clockOffsetHours === 0 ? {} : { NODE_OPTIONS: wrongClock(this.clockOffsetHours) };
    const command = new Command(['project', '--json'], {
      environment: { ...environment, ...clock },
      logFile: this.#logOf(place),
    });
    place.command = command;
    const ended = (how: string) => {
      place.command = undefined;
      journal.saw('projector ended', { name: place.name, how });
      void this.#restart(place);
    };
    command.answer.then(
      () => {
        ended('exit code 0');
      },
      (error: unknown) => {
        ended(messageOf(error).split(';')[0] ?? '');
      },
    );
  }

  async #restart(place: Place): Promise<void> {
    await setTimeout(RESTART_AFTER_MS, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
    if (place.wanted) this.#start(place);
  }
}

/** Options for Node under which `Date` is wrong by these hours. Timers are as they were. */
function wrongClock(hours: number): string {
  const code = `
    const offset = ${String(hours)} * 3600000;
    const RealDate = Date;
    globalThis.Date = class Date extends RealDate {
      constructor(...args) { super(...(args.length === 0 ? [RealDate.now() + offset] : args)); }
      static now() { return RealDate.now() + offset; }
    };`;
  return `--import=data:text/javascript,${encodeURIComponent(code)}`;
}
