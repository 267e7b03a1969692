/**
 * What stands after `retire drop`: whether the table is gone and stays gone, what is left on the servers, and whether the archive,
 * which is the only copy by then, is still one. It only reads. The parts are those of `teardown`, looked at by its own code.
 */
import type { Config } from '../../lib/config.ts';
import type { Client } from '../../lib/postgres.ts';
import { answerOf, valueOf, type Answer } from '../facts/answer.ts';
import { Services, withServices } from '../facts/services.ts';
import { readFence, type FenceState } from '../fence/state.ts';
import { newestStage, type EnteredStage } from '../soak/stages.ts';
import { listed, type Listed, type PartReport } from '../teardown/teardown.ts';
import { problemsOf, type RetiredProblem } from './retired-problems.ts';

export interface RetiredReport {
  /** ISO time. */
  readonly at: string;
  readonly state: 'good' | RetiredProblem['severity'];
  readonly next: { readonly id: string; readonly fix: string } | null;
  readonly problems: readonly RetiredProblem[];
  readonly dropped: Dropped;
  readonly projectors: Listed['projectors'];
  /** What the deployment left on the servers. */
  readonly parts: readonly PartReport[];
}

export interface Dropped {
  /** False: the table was dropped, and the command was killed before it recorded the stage. */
  readonly recorded: boolean;
  /** ISO time. */
  readonly at: string;
  /** Null where the stage was not recorded. */
  readonly by: string | null;
  /** Rows of the table when it was dropped, and rows that had vanished behind the fence; null where they were not recorded. */
  readonly rows: number | null;
  readonly vanishedBehindFence: number | null;
  /** The archive on which the drop rested; null where it is not known. */
  readonly archive: RestedOn | null;
}

type Standing = 'verified' | 'differs' | 'drill_differs' | 'erased';

export interface RestedOn {
  readonly id: string;
  readonly target: string;
  readonly manifestSha256: string | null;
  /** The newest of these events. */
  readonly standing: Standing;
  /** ISO time. */
  readonly standingSince: string;
  /** It was restored and compared at least once. */
  readonly drilled: boolean;
}

/** What was asked, before it is judged. */
export interface RetiredFacts {
  readonly dropped: Dropped;
  /** Whether there is a table of that name now. */
  readonly table: Answer<Pick<FenceState, 'tableOid'>>;
  readonly left: Listed;
}

/**
 * Undefined while the table was not dropped, or if that cannot be known because the canonical database gives no answer: then
 * everything is to be asked as usual.
 */
export async function lookAfterDrop(config: Config): Promise<RetiredReport | undefined> {
  if (config.DATABASE_URL === undefined) return undefined;
  return await withServices(config, { name: 'history-cdc status' }, async (services) => {
    const dropped = await droppedIn(services, config);
    if (dropped === undefined) return undefined;
    const table = await answerOf(() => readFence(services.legacy()));
    return retiredReport({ dropped, table, left: await listed({ services, config, note: () => undefined }) });
  });
}

/** Pure: the same facts give the same report. */
export function retiredReport(facts: RetiredFacts, at = new Date()): RetiredReport {
  const problems = problemsOf(facts);
  const [first] = problems;
  return {
    at: at.toISOString(),
    state: first?.severity ?? 'good',
    next: first === undefined ? null : { id: first.id, fix: first.fix },
    problems,
    dropped: facts.dropped,
    ...facts.left,
  };
}

async function droppedIn(services: Services, config: Config): Promise<Dropped | undefined> {
  const stage = valueOf(await answerOf(() => newestStage(services.canonical())));
  if (stage?.stage === 'dropped') return await recordedDrop(services.canonical(), stage);
  // The legacy database notes the drop, and the canonical database the stage a moment later.
  if (stage?.stage !== 'archived' || config.LEGACY_DATABASE_URL === undefined) return undefined;
  const noted = valueOf(await answerOf(() => readFence(services.legacy())))?.fence?.droppedAt ?? null;
  if (noted === null) return undefined;
  const archive = await restedOn(services.canonical(), stage);
  const unrecorded = { recorded: false, by: null, rows: null, vanishedBehindFence: null };
  return { ...unrecorded, at: noted.toISOString(), archive };
}

async function recordedDrop(canonical: Client, stage: EnteredStage): Promise<Dropped> {
  const { at, performedBy: by, evidence } = stage;
  const count = (name: string) => (typeof evidence[name] === 'number' ? evidence[name] : null);
  return {
    ...{ recorded: true, at: at.toISOString(), by },
    rows: count('rows'),
    vanishedBehindFence: count('vanishedBehindFence'),
    archive: await restedOn(canonical, stage),
  };
}

const ARCHIVE = `
  SELECT a.target, e.event AS standing, e.at,
         EXISTS (SELECT FROM history_cdc.archive_event WHERE archive_id = a.id AND event = 'drilled') AS drilled
  FROM history_cdc.archive a
  CROSS JOIN LATERAL (
    SELECT event, at FROM history_cdc.archive_event
    WHERE archive_id = a.id AND event IN ('verified', 'differs', 'erased', 'drill_differs')
    ORDER BY id DESC LIMIT 1) AS e
  WHERE a.id = $1`;

interface ArchiveRow {
  readonly target: string;
  readonly standing: Standing;
  readonly at: Date;
  readonly drilled: boolean;
}

async function restedOn(canonical: Client, { evidence }: EnteredStage): Promise<RestedOn | null> {
  const { archive: id, manifestSha256 } = evidence;
  if (typeof id !== 'string') return null;
  const [row] = valueOf(await answerOf(() => canonical.query<ArchiveRow>(ARCHIVE, [id])))?.rows ?? [];
  if (row === undefined) return null;
  const { target, standing, at, drilled } = row;
  return {
    ...{ id, target, standing, drilled, standingSince: at.toISOString() },
    manifestSha256: typeof manifestSha256 === 'string' ? manifestSha256 : null,
  };
}
