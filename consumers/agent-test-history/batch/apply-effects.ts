import type { Client } from '../../../lib/postgres.ts';
import { addChanges } from '../rule/changes.ts';
import type { Effect, LaterImage, RecordDecision, SeenAgain } from '../rule/decide.ts';
import type { ImageEvent } from '../record/event.ts';
import { keepLegacyWrites } from './legacy-writes.ts';
import { countDecisions, type Tally } from './result.ts';
import { matchRound } from '../twins/match.ts';
import type { Matching } from '../twins/matching.ts';
import { relink } from '../twins/relink.ts';
import {
  healQuarantine,
  writeDecisions,
  writeDeletes,
  writeLaterImages,
  writeQuarantine,
  writeSeenAgain,
} from './write.ts';

interface ApplyContext {
  readonly client: Client;
  readonly matching: Matching;
}

/**
 * Matches the decisions with live rows and writes them. The caller holds the locks of the partition and of the agents,
 * and no key occurs twice. Returns the decisions; those that have a live row are now `twin`.
 */
export async function applyEffects(
  context: ApplyContext,
  effects: readonly Effect[],
  tally: Tally,
): Promise<readonly RecordDecision[]> {
  const { client } = context;
  const of = <K extends Effect['effect']>(kind: K) =>
    effects.filter((effect): effect is Extract<Effect, { effect: K }> => effect.effect === kind);
  const laterImages = of('later_image');
  const seenAgain = of('seen_again');
  const deletes = of('mark_deleted');
  const quarantined = of('quarantine');
  const written = [await writeLaterImages(client, laterImages)];
  // After the later images are written, because a row that was projected before is compared by its newest image.
  const { records, relinked, giveWay } = await matchRound(
    client,
    { records: of('record'), laterImages },
    context.matching,
  );
  written.push(
    relinked.changes,
    await writeDecisions(client, records),
    (await relink(client, giveWay)).changes,
    await writeSeenAgain(client, seenAgain),
    await writeDeletes(client, deletes),
    await writeQuarantine(client, quarantined),
  );
  await keepLegacyWrites(client, effects);
  await healQuarantine(
    client,
    healed([...records, ...laterImages.filter(({ readable }) => readable), ...seenAgain]),
  );
  tally.changes = written.reduce(addChanges, tally.changes);
  tally.records.applied += records.length + laterImages.length + seenAgain.length + deletes.length;
  tally.records.quarantined += quarantined.length;
  countDecisions(tally, [
    ...records.map(({ decision }) => decision),
    ...deletes.flatMap(({ facts }) => (facts.entry === null ? (['gone'] as const) : [])),
    ...quarantined.flatMap(({ recordsDecision }) => (recordsDecision ? (['quarantined'] as const) : [])),
    ...relinked.applied.flatMap(({ was, becomes }) =>
      was.decision === becomes.decision ? [] : [becomes.decision],
    ),
  ]);
  return records;
}

function healed(effects: readonly (RecordDecision | LaterImage | SeenAgain)[]): ImageEvent[] {
  return effects.filter(({ facts }) => facts.hasOpenQuarantine).map(({ event }) => event);
}
