import { largeProfile } from '../application-rows.ts';
import { mulberry32 } from '../shuffle.ts';
import { OWNERS_PLACES, uuidOf, type Place } from './world.ts';

/** What both rows of a run say of it; where they may differ, both are here. */
export interface Look {
  readonly headline: string | null;
  /** The live row keeps a 0, the legacy row says NULL. */
  readonly durationMs: number | null;
  /** The legacy row knows passed and not passed only. */
  readonly verdict: 'passing' | 'failing' | 'partial';
  /** As JSON text. */
  readonly legacyProfile: string | null;
  readonly liveProfile: string | null;
  /** The live row of a later release names the organisation. */
  readonly namesOrganization: boolean;
}

/** One real run, whichever of its rows come to be. */
export interface Run {
  readonly run: number;
  /** The same number: nobody can tell the runs apart by what the tables say of them. */
  readonly alike: number;
  readonly kind: string;
  readonly standing: 'owner' | 'opted_out' | 'third_party' | 'anonymous';
  readonly place: Place;
  readonly user: string | null;
  readonly look: Look;
  readonly legacyId: string;
  readonly liveId: string;
  /** 0: it happens when it is written. */
  readonly secondsAgo: number;
}

/** Everything random of the window, from one seed; and the numbers of runs. */
export class Dice {
  readonly #seed: number;
  readonly #random: () => number;
  #runs = 0;
  #looks = 0;
  #contexts = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = mulberry32(seed);
  }

  /** A number in [0, 1). */
  roll(): number {
    return this.#random();
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    if (item === undefined) throw new Error('there is nothing to pick from');
    return item;
  }

  nextRun(): { readonly run: number; readonly legacyId: string; readonly liveId: string } {
    const run = ++this.#runs;
    return { run, legacyId: uuidOf(this.#seed, 'legacy', run), liveId: uuidOf(this.#seed, 'live', run) };
  }

  nextLook(): number {
    return ++this.#looks;
  }

  nextContext(): number {
    return ++this.#contexts;
  }
}

type Given = Partial<Pick<Run, 'place' | 'user' | 'standing' | 'secondsAgo' | 'alike'>> & {
  readonly look?: Partial<Look>;
};

export interface PassingPlace extends Place {
  /** The agent's URL as the context has it. */
  readonly spelled: string;
}

/** Makes the runs of one scene. */
export class Cast {
  readonly dice: Dice;
  readonly #kind: string;

  constructor(dice: Dice, kind: string) {
    this.dice = dice;
    this.#kind = kind;
  }

  /** An owner's run that nobody takes for another one, but for what is given. */
  run({ look, ...given }: Given = {}): Run {
    const alike = this.dice.nextLook();
    const place = given.place ?? this.dice.pick(OWNERS_PLACES);
    return {
      ...this.dice.nextRun(),
      kind: this.#kind,
      alike,
      standing: 'owner',
      place,
      user: place.user,
      secondsAgo: 0,
      look: { ...this.#look(alike), ...look },
      ...given,
    };
  }

  /** Another run that looks the same, but for what is given. */
  again(run: Run, { look, ...given }: Given = {}): Run {
    const place = given.place ?? run.place;
    return {
      ...run,
      ...this.dice.nextRun(),
      place,
      user: place.user,
      look: { ...run.look, ...look },
      ...given,
    };
  }

  /** A place for this scene only: another context of the organisation, for the same agent under another spelling. */
  passingPlace(place: Place): PassingPlace {
    const n = this.dice.nextContext();
    const context = uuidOf('passing context', n);
    return { ...place, context, spelled: `${place.agentUrl}${'/'.repeat(n)}` };
  }

  #look(alike: number): Look {
    const { dice } = this;
    const durationMs = dice.pick([1000 + alike, 1000 + alike, 1000 + alike, 0, null]);
    const profile = dice.pick([
      `{"run": ${String(alike)}, "price": 1.0}`,
      `{"run": ${String(alike)}, "price": 1.0}`,
      largeProfile(String(alike)),
    ]);
    const sides = dice.pick(['both', 'both', 'legacy', 'live', 'none']);
    const hasHeadline = durationMs === null || durationMs === 0 || dice.roll() > 0.15;
    return {
      headline: hasHeadline ? `run ${String(alike)}: some of its steps passed` : null,
      durationMs,
      verdict: dice.pick(['passing', 'passing', 'failing', 'partial']),
      legacyProfile: sides === 'both' || sides === 'legacy' ? profile : null,
      liveProfile: sides === 'both' || sides === 'live' ? profile : null,
      namesOrganization: dice.roll() < 0.5,
    };
  }
}
