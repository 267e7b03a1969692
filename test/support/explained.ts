import { expect } from 'vitest';
import { explain } from '../../operations/explain/explain.ts';
import type { Report } from '../../operations/explain/report.ts';
import { everything } from './fingerprint.ts';
import { aRow, inserted, type Message, type RowValues } from './records.ts';
import { MATCHING } from './run-records.ts';
import type { Owner } from './tables.ts';
import type { World } from './world.ts';

/** Explains without the topic, and holds it to changing nothing. */
export async function explained({ pool, policy }: World, id: string): Promise<Report> {
  const before = await everything(pool);
  const report = await explain(
    { canonical: pool, legacy: pool, optOutPolicy: policy, matching: MATCHING },
    id,
    () => Promise.resolve('not read here'),
  );
  expect(await everything(pool), 'to explain changes nothing').toEqual(before);
  return report;
}

export function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/** Rows as the application wrote them, in the table and projected. */
export async function given(
  world: World,
  rows: readonly RowValues[],
  messages: readonly Message[] = rows.map(inserted),
): Promise<void> {
  for (const row of rows) await world.legacyRow(row);
  await world.project(messages);
  for (const row of rows) expect(await world.ledger(row.id)).toBeDefined();
}

/** A test of rows that no projector sees would otherwise have projected nothing. */
export async function somethingElse(world: World): Promise<void> {
  await given(world, [runOf(await world.owner(), { summary: 'something else' })]);
}
