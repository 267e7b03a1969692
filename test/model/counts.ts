/**
 * What 1,000 histories bring about at least: a quarter of what the fixed seed gives. A model that hardly ever absorbs a row,
 * fences a projector or crashes finds nothing wrong with any of them.
 */
const PER_THOUSAND = {
  twins: 80,
  'decided projected': 300,
  'decided twin': 175,
  'decided third_party': 160,
  'decided opted_out': 80,
  'absorbed by a sweep': 5,
  'links changed': 38,
  'rows held to a decision': 540,
  crashes: 120,
  fenced: 40,
  replays: 400,
  sweeps: 580,
  settled: 24,
} as const;

/** What happened, by name: a model in which nothing happens finds nothing. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(name: string, by = 1): void {
    if (by > 0) this.#counts.set(name, this.of(name) + by);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** What happened less often in so many histories than it must: each with how often it did. */
  tooRare(histories: number): string[] {
    return Object.entries(PER_THOUSAND)
      .filter(([name, least]) => this.of(name) < Math.floor((least * histories) / 1000))
      .map(([name]) => `${name}: ${String(this.of(name))}`);
  }

  addAll(other: Counts): void {
    for (const [name, count] of other.#counts) this.add(name, count);
  }

  toString(): string {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${String(count)}`)
      .join(', ');
  }
}
