import { expect, test } from 'vitest';
import { everything } from '../support/fingerprint.ts';
import { usePartitions } from '../support/partitions.ts';
import { inserted } from '../support/records.ts';
import { runRecords } from '../support/run-records.ts';

const topic = usePartitions();

// domain.md: unique on the pair. Where it is not, a look-up answers twice for one row, and every answer behind it
// would be taken for that of the row before.
test('a membership that is there twice stops the projector before it judges a row by the facts of another', async () => {
  await topic().pool.query(`
    ALTER TABLE public.organization_memberships
      DROP CONSTRAINT organization_memberships_workos_user_id_workos_organization_key;
    INSERT INTO public.organization_memberships (workos_user_id, workos_organization_id, email)
    SELECT workos_user_id, workos_organization_id, email FROM public.organization_memberships`);
  const rows = [topic().ownersRow(), topic().ownersRow()];
  const run = topic().commit(rows.map(inserted), await topic().claim('one'));
  const before = await everything(topic().pool);
  await expect(runRecords(run)).rejects.toThrow('the look-up did not answer once for each row');
  expect(await everything(topic().pool)).toEqual(before);
  expect(await topic().stored()).toMatchObject({ nextOffset: 0n });
});
