import { presentOf } from '../../operations/checks/continuity.ts';
import type { Present } from '../../operations/continuity/judge.ts';
import { known } from '../../operations/facts/answer.ts';
import { readPublication, readServer, readSlot } from '../../operations/facts/postgres.ts';
import type { Client } from '../../lib/postgres.ts';

const unknown = { known: false, why: 'it was not asked' } as const;

/** What the stream rests on in a legacy database. With `stored`, as the offset that Kafka Connect has stored. */
export async function seenIn(
  client: Client,
  names: { readonly publication: string; readonly slot: string },
  stored?: bigint,
): Promise<Present> {
  return presentOf({
    server: known(await readServer(client, 'none')),
    slot: known(await readSlot(client, names.slot)),
    publication: known(await readPublication(client, names.publication)),
    storedOffset: stored === undefined ? unknown : known({ lsn: stored, snapshot: null }),
    dataTopic: unknown,
  });
}
