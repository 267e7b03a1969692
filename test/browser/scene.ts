import { randomUUID } from 'node:crypto';
import { openMigratedDatabase, type OpenDatabase } from '../support/migrated-database.ts';
import { CREATE_SAVED } from '../support/own-rows.ts';
import { aRow, deleted, inserted, rawRecord, type RowValues } from '../support/records.ts';
import { World } from '../support/world.ts';

/** A text that a browser runs where somebody forgets to escape it. */
export const HOSTILE = `<img src=x onerror="alert('h')">"'><script>alert('s')</script><a hx-get=/ hx-trigger=load>`;
export const HOSTILE_URL = `https://x.example/"><svg/onload=alert('u')>`;

/** A real ledger, made by the projector, with a row of each kind that pages show differently. */
export interface Scene {
  readonly world: World;
  readonly settings: Readonly<Record<string, string>>;
  readonly projected: string;
  readonly twin: string;
  readonly parked: string;
  /** Its headline, agent URL and user id are markup. */
  readonly hostile: string;
  close(): Promise<void>;
}

export async function openScene(): Promise<Scene> {
  const open: OpenDatabase = await openMigratedDatabase();
  await open.pool.query(CREATE_SAVED);
  const world = new World(open);
  await world.reset();
  const owner = await world.owner('https://shop.example/mcp');
  const runOf = (values: Partial<RowValues> = {}) =>
    aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
  const projected = runOf({ summary: '9 of 9 steps passed', steps_passed: 9, steps_failed: 0 });
  const twin = runOf({
    summary: '6 of 9 steps passed',
    overall_passed: false,
    started_at: '2026-03-05T10:00:02Z',
  });
  await world.live({
    agent_url: owner.url,
    headline: '6 of 9 steps passed',
    overall_status: 'failing',
    total_duration_ms: twin.total_duration_ms,
    tested_at: '2026-03-05T10:00:01Z',
  });
  const stranger = runOf({ user_id: 'user_stranger', started_at: '2026-03-06T10:00:00Z' });
  const anonymous = runOf({ user_id: null, started_at: '2026-03-07T10:00:00Z' });
  const gone = runOf({ started_at: '2026-03-08T10:00:00Z' });
  const mean = await world.owner(HOSTILE_URL);
  await world.member(HOSTILE, mean.organization);
  const hostile = aRow({
    agent_context_id: mean.context,
    user_id: HOSTILE,
    summary: HOSTILE,
    scenario: HOSTILE,
  });
  const parked = randomUUID();
  for (const row of [projected, twin, stranger, anonymous, hostile]) await world.legacyRow(row);
  await world.project([
    ...[projected, twin, stranger, anonymous, gone, hostile].map(inserted),
    deleted(gone.id),
    rawRecord(parked, { after: HOSTILE }),
  ]);
  return {
    world,
    settings: { DATABASE_URL: world.url },
    projected: projected.id,
    twin: twin.id,
    parked,
    hostile: hostile.id,
    close: () => open.close(),
  };
}
