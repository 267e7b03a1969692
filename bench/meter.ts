import { machineBusy, parsePeakMiB, readProcess, treeSeconds } from './processes.ts';

const EVERY_MS = 50;

/** The processes that a figure covers, by group. */
export type Groups = Readonly<Record<string, readonly number[]>>;

interface Sample {
  readonly atMs: number;
  /** CPU seconds so far, one a group. */
  readonly cpu: Readonly<Record<string, number>>;
  /** MiB that each process had at most, summed up. */
  readonly peak: Readonly<Record<string, number>>;
  readonly busy: number;
}

/**
 * Looks at processes twenty times a second. Between two moments it then tells the CPU time of each group, the most
 * memory it had, and how much of the machine somebody else used: a figure that was measured beside a busy neighbour
 * says so.
 */
export class Meter {
  readonly #groups: Map<string, readonly number[]>;
  readonly #samples: Sample[] = [];
  /** The last figures of a process that has ended are kept. */
  readonly #last = new Map<number, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(groups: Groups) {
    this.#groups = new Map([...Object.entries(groups), ['bench', [process.pid]]]);
    this.#sample();
    this.#timer = setInterval(() => {
      this.#sample();
    }, EVERY_MS);
  }

  /** Processes that have come since. */
  add(group: string, pids: readonly number[]): void {
    this.#groups.set(group, pids);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#sample();
  }

  /** CPU seconds of a group between two moments (epoch milliseconds), as by a straight line between the samples. */
  cpuSeconds(group: string, fromMs: number, toMs: number): number {
    return this.#at(toMs, ({ cpu }) => cpu[group] ?? 0) - this.#at(fromMs, ({ cpu }) => cpu[group] ?? 0);
  }

  /** MiB: the most memory that the processes of a group had up to a moment. */
  peakMiB(group: string, untilMs = Infinity): number {
    const until = this.#samples.filter(({ atMs }) => atMs <= untilMs);
    return Math.max(0, ...until.map(({ peak }) => peak[group] ?? 0));
  }

  /** Cores that were busy between two moments with something that is in no group. */
  foreignCores(fromMs: number, toMs: number): number {
    const others = (sample: Sample) =>
      sample.busy - Object.values(sample.cpu).reduce((sum, cpu) => sum + cpu, 0);
    return Math.max(0, ((this.#at(toMs, others) - this.#at(fromMs, others)) * 1000) / (toMs - fromMs));
  }

  #sample(): void {
    const cpu: Record<string, number> = {};
    const peak: Record<string, number> = {};
    for (const [group, pids] of this.#groups) {
      cpu[group] = pids.reduce((sum, pid) => sum + this.#secondsOf(group, pid), 0);
      peak[group] = pids.reduce((sum, pid) => sum + parsePeakMiB(readProcess(pid, 'status') ?? ''), 0);
    }
    this.#samples.push({ atMs: Date.now(), cpu, peak, busy: machineBusy() });
  }

  #secondsOf(group: string, pid: number): number {
    const seconds = Math.max(
      this.#last.get(pid) ?? 0,
      (group === 'bench' ? ownSeconds() : treeSeconds(pid)) ?? 0,
    );
    this.#last.set(pid, seconds);
    return seconds;
  }

  #at(ms: number, value: (sample: Sample) => number): number {
    const after = this.#samples.findIndex(({ atMs }) => atMs >= ms);
    const right = this.#samples[after === -1 ? this.#samples.length - 1 : after];
    const left = this.#samples[Math.max(0, (after === -1 ? this.#samples.length : after) - 1)];
    if (left === undefined || right === undefined) return 0;
    const share = right.atMs === left.atMs ? 1 : (ms - left.atMs) / (right.atMs - left.atMs);
    return value(left) + (value(right) - value(left)) * Math.min(1, Math.max(0, share));
  }
}

/** Without its children: those are in groups of their own. */
function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
