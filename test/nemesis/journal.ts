import type { Planned } from './schedule.ts';

/** Something that happened, with seconds since the storm began (negative: before it). */
export interface Entry {
  readonly atSeconds: number;
  readonly what: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** An entry of the schedule as it was really done: a busy machine is late. */
export interface Done extends Planned {
  readonly beganSeconds: number;
  readonly endedSeconds: number;
  /** What it did to whom, or what an errand answered. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** What was injected, what was seen, and what was wrong. One journal per run; the report is written from it. */
export class Journal {
  readonly seen: Entry[] = [];
  readonly done: Done[] = [];
  readonly failures: Entry[] = [];
  readonly #note: (line: string) => void;
  #began = performance.now();

  constructor(note: (line: string) => void) {
    this.#note = note;
  }

  /** Times count from now on. */
  begin(): void {
    this.#began = performance.now();
  }

  get seconds(): number {
    return Math.round((performance.now() - this.#began) / 100) / 10;
  }

  saw(what: string, facts: Entry['facts'] = {}): void {
    this.seen.push({ atSeconds: this.seconds, what, facts });
    this.#note(`${this.#stamp()} ${what} ${JSON.stringify(facts)}`);
  }

  did(planned: Planned, beganSeconds: number, facts: Done['facts']): void {
    this.done.push({ ...planned, beganSeconds, endedSeconds: this.seconds, facts });
    this.#note(`${this.#stamp()} did ${planned.kind} ${JSON.stringify(facts)}`);
  }

  /** Something that must not be. The run goes on, and is red at its end. */
  failed(what: string, facts: Entry['facts']): void {
    this.failures.push({ atSeconds: this.seconds, what, facts });
    this.#note(`${this.#stamp()} FAILED ${what} ${JSON.stringify(facts)}`);
  }

  #stamp(): string {
    return `${this.seconds.toFixed(1).padStart(7)} s`;
  }
}
