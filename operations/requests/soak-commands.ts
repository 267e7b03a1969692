import { attest, explainIncidents, revoke, type Statement } from '../soak/person.ts';
import type { Attestable } from '../soak/attestations.ts';
import type { Outcome, Running } from './commands.ts';
import { withDatabasesOf } from './with-databases.ts';

interface Revoked {
  readonly condition: Attestable;
  readonly note: string;
}

export async function attestation(
  running: Running,
  values: Revoked & { readonly since: string },
): Promise<Outcome> {
  const { condition, note, since } = values;
  const statement: Statement = { condition, note, by: running.by };
  const id = await withDatabasesOf(running, 'soak attest', ({ canonical }) =>
    attest(canonical, { ...statement, since: new Date(since) }),
  );
  return { event: 'done', result: { attestation: id } };
}

export async function revocation(running: Running, { condition, note }: Revoked): Promise<Outcome> {
  const id = await withDatabasesOf(running, 'soak revoke', ({ canonical }) =>
    revoke(canonical, { condition, note, by: running.by }),
  );
  return { event: 'done', result: { attestation: id } };
}

export async function explain(
  running: Running,
  { ids, reason }: { readonly ids: readonly string[]; readonly reason: string },
): Promise<Outcome> {
  await withDatabasesOf(running, 'soak explain', ({ canonical }) =>
    explainIncidents(canonical, { ids, reason, by: running.by }),
  );
  return { event: 'done', result: { explained: ids } };
}
