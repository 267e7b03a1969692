import { expect, test } from 'vitest';
import { createDecoder } from '../../consumers/agent-test-history/record/decode.ts';
import {
  aRow,
  envelopeOf,
  incrementalSnapshotOf,
  inserted,
  PLACEHOLDER,
  rawRecord,
} from '../support/records.ts';
import { useWorld } from '../support/world.ts';

const world = useWorld();
const park = createDecoder(undefined, PLACEHOLDER, { parkUnusable: true });

test.each(['summary', 'user_id'])(
  'an update without %s that a person lets be parked changes nothing, until a snapshot brings its row',
  async (column) => {
    const owner = await world().owner();
    const row = aRow({ agent_context_id: owner.context, user_id: owner.user });
    await world().project([inserted(row)]);
    const before = await world().run(row.id);
    const changed = { ...row, steps_failed: 41 };
    const renamed = Object.fromEntries(Object.entries(changed).filter(([name]) => name !== column));
    const record = rawRecord(row.id, envelopeOf('u', { after: renamed }));
    world().decode = park;
    await world().project([record]);
    expect(await world().run(row.id)).toEqual(before);
    expect(await world().quarantined()).toMatchObject([
      {
        legacy_id: row.id,
        reason: 'unmappable',
        detail: `${column} is missing from the record`,
        healed_at: null,
      },
    ]);
    await world().project([incrementalSnapshotOf(changed)]);
    expect(await world().run(row.id)).toMatchObject({ headline: row.summary, tracks_failed: 41 });
    expect(await world().ledger(row.id)).toMatchObject({ decision: 'projected', user_id: owner.user });
    expect((await world().quarantined())[0]?.['healed_at']).not.toBeNull();
  },
);
