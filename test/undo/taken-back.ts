import { expect } from 'vitest';
import { planUndo, undo } from '../../operations/undo/undo.ts';
import type { Pool } from '../../lib/postgres.ts';
import { aRow, type RowValues } from '../support/records.ts';
import type { Owner } from '../support/tables.ts';

export function runOf(owner: Owner, values: Partial<RowValues> = {}): RowValues {
  return aRow({ agent_context_id: owner.context, user_id: owner.user, ...values });
}

/** Takes back everything that was projected, as a person does who confirms the dry run; gives how many rows that was. */
export async function takenBack(canonical: Pool): Promise<number> {
  const work = { canonical, progress: () => undefined };
  const { removable } = await planUndo(work);
  expect(await undo(work, removable)).toMatchObject({ removable, blocked: new Map() });
  return removable;
}

/** Everything that ownership is looked up in is gone; the legacy rows go with their contexts. */
export const NOBODY_OWNS_ANYTHING = `
  DELETE FROM public.agent_contexts; DELETE FROM public.member_profiles;
  DELETE FROM public.organization_memberships; DELETE FROM public.agent_registry_metadata`;
