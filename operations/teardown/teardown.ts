/**
 * The end of a deployment: lists what it left on the servers, takes it away in the order of `PART_IDS`, and looks again. A
 * part is touched only if everything that must be gone before it was seen to be gone. So an error, a missing right or a
 * service that does not answer leaves the parts behind it where they are, and no slot is left without its reader.
 */
import { messageOf } from '../../lib/errors.ts';
import type { Config } from '../../lib/config.ts';
import type { Paste } from '../../lib/quoting.ts';
import { withTurn } from '../../lib/retirement-turn.ts';
import { logAction } from '../connector/log-action.ts';
import { answerOf, type Answer } from '../facts/answer.ts';
import { withServices } from '../facts/services.ts';
import { CONNECTOR, STORED_OFFSET } from './connect-parts.ts';
import { FENCE_PART } from './fence-part.ts';
import { GROUP, SUBJECTS, TOPICS } from './kafka-parts.ts';
import { LEDGER_PART } from './ledger-part.ts';
import { Blocked, PART_IDS, type Found, type Part, type PartId, type Site } from './part.ts';
import { assertConfirmed, assertNoProjector, lookForProjectors, type Projectors } from './guard.ts';
import { PUBLICATION, ROLE, SLOT, SOURCE_TABLES } from './source-parts.ts';

const PARTS: Readonly<Record<PartId, Part>> = {
  'stored-offset': STORED_OFFSET,
  connector: CONNECTOR,
  slot: SLOT,
  publication: PUBLICATION,
  'source-tables': SOURCE_TABLES,
  fence: FENCE_PART,
  role: ROLE,
  topics: TOPICS,
  subjects: SUBJECTS,
  group: GROUP,
  ledger: LEDGER_PART,
};

export interface TeardownOptions {
  readonly apply: boolean;
  /** The schema history_cdc goes, too. */
  readonly ledger: boolean;
  /** What the person typed. */
  readonly confirmed: string | undefined;
  readonly note: (line: string) => void;
}

/** `kept`: it is there, and not for this command to take away. */
export type PartState = 'absent' | 'there' | 'unknown' | 'kept';

export interface PartReport {
  readonly id: PartId;
  readonly state: PartState;
  readonly things: readonly string[];
  /** This run has taken it away. */
  readonly removed: boolean;
  /** Why it stays, or is not known. */
  readonly why: string | null;
  readonly byHand: Paste | null;
}

export interface TeardownReport {
  readonly applied: boolean;
  /** Everything was seen, and nothing is left but what is kept. */
  readonly complete: boolean;
  /** Nothing that is known keeps `--apply` from taking everything away. */
  readonly ready: boolean;
  readonly projectors: Projectors;
  readonly parts: readonly PartReport[];
}

export type Looks = Readonly<Record<PartId, Answer<Found>>>;

export type Listed = Pick<TeardownReport, 'projectors' | 'parts'>;

/** What is there, for those who only look. */
export async function listed(site: Site): Promise<Listed> {
  const projectors = await lookForProjectors(site);
  const options = { apply: false, ledger: false, confirmed: undefined, note: site.note };
  const { parts } = reportOf({ looks: await lookAtAll(site), projectors, options });
  return { projectors, parts };
}

export async function teardown(config: Config, options: TeardownOptions): Promise<TeardownReport> {
  return await withServices(config, { name: 'history-cdc teardown' }, async (services) => {
    const site: Site = { services, config, note: options.note };
    const projectors = await lookForProjectors(site);
    const before = await lookAtAll(site);
    if (!options.apply) return reportOf({ looks: before, projectors, options });
    await assertConfirmed(site, options);
    assertNoProjector(projectors, config);
    return await alone(site, async () => {
      const counts = { things: thingsIn(before) };
      if (counts.things > 0) await logAction(config, { command: 'teardown --apply', counts }, options);
      const removal = await removeAll(site, before, options);
      return reportOf({ looks: await lookAgain(site, removal), projectors, options, removal });
    });
  });
}

/** Beside no other step of the retirement. Where the canonical database does not answer, no other step can be at work. */
async function alone<T>({ services }: Site, work: () => Promise<T>): Promise<T> {
  const answers = await answerOf(() => services.canonical().query('SELECT'));
  return answers.known ? await withTurn(services.canonical(), 'alone', work) : await work();
}

function thingsIn(looks: Looks): number {
  return Object.values(looks).reduce((sum, look) => sum + (look.known ? look.value.things.length : 0), 0);
}

const LOOK_WITHIN_MS = 30_000;

/** One after the other: the Connect and Kafka clients are shared, and no part is worth racing another. */
async function lookAtAll(site: Site): Promise<Looks> {
  const looks: [PartId, Answer<Found>][] = [];
  for (const id of PART_IDS) looks.push([id, await look(site, id)]);
  return Object.fromEntries(looks) as Looks;
}

/** Who has seen the stored offset gone still knows it when the connector and the action log are gone, too. */
async function lookAgain(site: Site, { looks }: Removal): Promise<Looks> {
  const again = await lookAtAll(site);
  const offset = again['stored-offset'];
  const connectorIsGone = again.connector.known && !isThere(again.connector.value);
  return { ...again, 'stored-offset': offset.known || !connectorIsGone ? offset : looks['stored-offset'] };
}

async function look(site: Site, id: PartId): Promise<Answer<Found>> {
  return await answerOf(() => PARTS[id].look(site), LOOK_WITHIN_MS);
}

interface Removal {
  /** The last look at each part before everything was looked at again. */
  readonly looks: Looks;
  readonly removed: ReadonlySet<PartId>;
  /** Why a part was left, by its id. */
  readonly left: ReadonlyMap<PartId, { readonly why: string; readonly byHand?: Paste | undefined }>;
}

async function removeAll(site: Site, before: Looks, { ledger, note }: TeardownOptions): Promise<Removal> {
  const looks: Record<PartId, Answer<Found>> = { ...before };
  const removed = new Set<PartId>();
  const left = new Map<PartId, { why: string; byHand?: Paste | undefined }>();
  for (const id of PART_IDS) {
    if (id === 'ledger' && !ledger) continue;
    const found = looks[id];
    if (!found.known || !isThere(found.value)) continue;
    const reason = whyNot(id, looks);
    if (reason !== undefined) {
      left.set(id, reason);
      continue;
    }
    try {
      await PARTS[id].remove(site, found.value);
      note(`removed ${id}: ${found.value.things.join(', ')}`);
      removed.add(id);
    } catch (error) {
      left.set(
        id,
        error instanceof Blocked ? { why: error.message, byHand: error.byHand } : { why: messageOf(error) },
      );
    }
    looks[id] = await look(site, id);
  }
  return { looks, removed, left };
}

const isThere = ({ things, kept }: Found) => things.length > 0 && kept === undefined;

/** Undefined where the part may be taken away now. */
export function whyNot(
  id: PartId,
  looks: Looks,
): { readonly why: string; readonly byHand?: Paste | undefined } | undefined {
  const own = looks[id];
  if (own.known && own.value.obstacle !== undefined) return own.value.obstacle;
  for (const other of PARTS[id].togetherWith) {
    const found = looks[other];
    if (!found.known) return { why: `the ${other} was not seen, and would be left without a reader` };
    if (found.value.obstacle !== undefined)
      return { why: `the ${other} would be left without a reader: ${found.value.obstacle.why}` };
  }
  for (const other of PARTS[id].after) {
    const found = looks[other];
    if (!found.known) return { why: `it goes after the ${other}, which was not seen` };
    if (isThere(found.value)) return { why: `it goes after the ${other}, which is still there` };
  }
  return undefined;
}

interface Reported {
  readonly looks: Looks;
  readonly projectors: Projectors;
  readonly options: TeardownOptions;
  readonly removal?: Removal | undefined;
}

function reportOf({ looks, projectors, options, removal }: Reported): TeardownReport {
  const parts = PART_IDS.map((id) => partReport(id, { looks, options, removal }));
  return {
    applied: options.apply,
    complete: parts.every(({ state }) => state === 'absent' || state === 'kept'),
    ready:
      projectors.known &&
      projectors.running.length === 0 &&
      parts.every(({ state, why }) => state !== 'unknown' && (state !== 'there' || why === null)),
    projectors,
    parts,
  };
}

function partReport(id: PartId, { looks, options, removal }: Omit<Reported, 'projectors'>): PartReport {
  const found = looks[id];
  const removed = removal?.removed.has(id) ?? false;
  const report = { id, removed, things: [] as readonly string[], byHand: null };
  if (!found.known) return { ...report, state: 'unknown', why: found.why };
  const { things, kept, obstacle } = found.value;
  if (things.length === 0) return { ...report, state: 'absent', why: null };
  if (id === 'ledger' && !options.ledger)
    return { ...report, state: 'kept', things, why: 'it is the evidence; --ledger takes it away' };
  if (kept !== undefined) return { ...report, state: 'kept', things, why: kept };
  const reason = removal?.left.get(id) ?? obstacle;
  return { ...report, state: 'there', things, why: reason?.why ?? null, byHand: reason?.byHand ?? null };
}
