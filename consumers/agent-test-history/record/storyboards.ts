/** A storyboard's verdict, as `observations_json.storyboards` holds it. */
export interface StoryboardVerdict {
  readonly storyboard_id: string;
  /** `untested`: it was asked for, but did not run. */
  readonly status: 'passing' | 'failing' | 'partial' | 'untested';
  readonly steps_passed: number;
  readonly steps_total: number;
}

interface Steps {
  passed: number;
  total: number;
}
/** The steps of the storyboards that were run, by id. A Map, because an id may be `__proto__`. */
type Run = Map<string, Steps>;

/**
 * Rolls the results of storyboard phases (`tracks[].scenarios[]`, with keys `<storyboard_id>/<phase_id>`) up into one
 * verdict per storyboard. Without `askedFor`, these are the storyboards that ran, in the order of their first
 * occurrence. Anything of another shape is ignored, and only `true` counts as passed, so that odd data never makes a
 * storyboard pass.
 */
export function rollUpStoryboards(tracks: unknown, askedFor?: readonly string[]): StoryboardVerdict[] {
  const run: Run = new Map();
  countTracks(tracks, run);
  return [...new Set(askedFor ?? run.keys())].map((id) => verdictOf(id, run.get(id)));
}

/**
 * The verdicts in the text of a `steps_json` (Postgres's own text of jsonb); null if it contains no phase of a
 * storyboard. The JSON may be an object with `tracks`, an array of tracks, or an array of phases.
 */
export function storyboardsOf(stepsJson: Buffer | null): string | null {
  if (stepsJson === null || !mayNameStoryboard(stepsJson)) return null;
  const run: Run = new Map();
  const steps = parse(stepsJson.toString());
  if (Array.isArray(steps)) countEntries(steps, run);
  else countTracks(fieldsOf(steps).tracks, run);
  if (run.size === 0) return null;
  return `[${Array.from(run, ([id, counts]) => jsonbText(verdictOf(id, counts))).join(', ')}]`;
}

const KEY = Buffer.from('"scenario"');
const QUOTE = 0x22;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;

/**
 * False if no value of a key `scenario` contains a slash, as in most rows. This check costs a tenth of parsing.
 * Postgres escapes no letter of a key, and no slash.
 */
function mayNameStoryboard(json: Buffer): boolean {
  for (let key = json.indexOf(KEY); key !== -1; key = json.indexOf(KEY, key + KEY.length)) {
    let at = json.indexOf(QUOTE, key + KEY.length) + 1;
    if (at === 0) return false;
    while (at < json.length && json[at] !== QUOTE) {
      if (json[at] === SLASH || json[at] === BACKSLASH) return true;
      at++;
    }
  }
  return false;
}

/** Written as Postgres writes jsonb, shorter keys first, because the text is hashed here and again as it was stored. */
function jsonbText({ storyboard_id, status, steps_passed, steps_total }: StoryboardVerdict): string {
  return `{"status": "${status}", "steps_total": ${String(steps_total)}, "steps_passed": ${String(steps_passed)}, "storyboard_id": ${JSON.stringify(storyboard_id)}}`;
}

/** Undefined if it is not JSON. No jsonb column contains such a text. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function countTracks(tracks: unknown, run: Run): void {
  for (const track of listOf(tracks)) {
    for (const phase of listOf(fieldsOf(track).scenarios)) countPhase(phase, run);
  }
}

function countEntries(entries: readonly unknown[], run: Run): void {
  for (const entry of entries) {
    const scenarios = fieldsOf(entry).scenarios;
    if (!Array.isArray(scenarios)) countPhase(entry, run);
    else for (const phase of scenarios) countPhase(phase, run);
  }
}

function countPhase(phase: unknown, run: Run): void {
  const id = storyboardOf(fieldsOf(phase).scenario);
  if (id === undefined) return;
  let steps = run.get(id);
  if (steps === undefined) run.set(id, (steps = { passed: 0, total: 0 }));
  countSteps(phase, steps);
}

/** The part before the first slash. A phase's id may contain slashes or be missing; a storyboard's id may not. */
function storyboardOf(key: unknown): string | undefined {
  if (typeof key !== 'string') return undefined;
  const end = key.indexOf('/');
  return end > 0 ? key.slice(0, end) : undefined;
}

/** Adds the steps of a phase. A phase without a list of steps counts as one step. */
function countSteps(phase: unknown, steps: Steps): void {
  let listed = false;
  for (const step of listOf(fieldsOf(phase).steps)) {
    if (!isObject(step)) continue;
    listed = true;
    steps.total++;
    if (step.passed === true) steps.passed++;
  }
  if (listed) return;
  const overall = fieldsOf(phase).overall_passed;
  steps.total++;
  if (typeof overall === 'boolean' ? overall : fieldsOf(phase).passed === true) steps.passed++;
}

function verdictOf(
  storyboardId: string,
  { passed, total }: Steps = { passed: 0, total: 0 },
): StoryboardVerdict {
  return {
    storyboard_id: storyboardId,
    status: statusOf(passed, total),
    steps_passed: passed,
    steps_total: total,
  };
}

function statusOf(passed: number, total: number): StoryboardVerdict['status'] {
  if (total === 0) return 'untested';
  if (passed === total) return 'passing';
  return passed === 0 ? 'failing' : 'partial';
}

const NOTHING: readonly unknown[] = [];

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : NOTHING;
}

/** The fields that are read of an object. Each may have any type, or be missing. */
interface Fields {
  readonly tracks?: unknown;
  readonly scenarios?: unknown;
  readonly scenario?: unknown;
  readonly steps?: unknown;
  readonly passed?: unknown;
  readonly overall_passed?: unknown;
}
const NO_FIELDS: Fields = {};

function fieldsOf(value: unknown): Fields {
  return isObject(value) ? value : NO_FIELDS;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
