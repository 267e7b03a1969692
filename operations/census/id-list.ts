/** Nobody would read a longer list, and it would grow with the table. */
const MOST_IDS = 100_000;

export interface IdList {
  readonly count: number;
  /** In the order of the census, at most a hundred thousand. */
  readonly ids: readonly string[];
}

/** Lists of legacy ids by name. Every id is counted, also those that no longer fit into the list. */
export class IdLists<Name extends string> {
  readonly #lists = new Map<Name, { count: number; ids: string[] }>();

  add(name: Name, id: string): void {
    const list = this.#lists.get(name) ?? { count: 0, ids: [] };
    this.#lists.set(name, list);
    list.count++;
    if (list.ids.length < MOST_IDS) list.ids.push(id);
  }

  get(name: Name): IdList {
    return this.#lists.get(name) ?? { count: 0, ids: [] };
  }

  /** By name, the longest list first. */
  all(): Record<string, IdList> {
    return Object.fromEntries([...this.#lists].sort(([, a], [, b]) => b.count - a.count));
  }
}
