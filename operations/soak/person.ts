/** What a person says about the soak: attestations and explanations, each a row of an append-only table. */
import { recordAction } from '../../consumers/agent-test-history/batch/actions.ts';
import { FatalError } from '../../lib/errors.ts';
import { inTransaction, type Pool } from '../../lib/postgres.ts';
import { readAttestations, type Attestable } from './attestations.ts';
import { isOver, MEANINGS, readIncidents, type Incident } from './incidents.ts';

export interface Statement {
  readonly condition: Attestable;
  /** Name of the person who takes responsibility. */
  readonly by: string;
  readonly note: string;
}

/** It may not be in the future, by the clock of the canonical database. */
const ATTEST = `
  INSERT INTO history_cdc.attestation (performed_by, condition, since, note)
  SELECT $1, $2, $3::timestamptz, $4 WHERE $3::timestamptz <= clock_timestamp()
  RETURNING id::text`;
const REVOKE = `
  INSERT INTO history_cdc.attestation (performed_by, condition, revoked, note) VALUES ($1, $2, true, $3) RETURNING id::text`;

/** Takes the place of an earlier attestation of the condition. */
export async function attest(
  canonical: Pool,
  { condition, by, note, since }: Statement & { readonly since: Date },
): Promise<string> {
  return await inTransaction(canonical, async (client) => {
    const { rows } = await client.query<{ id: string }>(ATTEST, [by, condition, since.toISOString(), note]);
    const [row] = rows;
    if (row === undefined)
      throw new FatalError({
        code: 'SOAK_REFUSED',
        message: `${since.toISOString()} is in the future: nobody can attest what is not so yet`,
        wayOut: 'give --since a time that is over, by the clock of the canonical database',
      });
    await recordAction(client, { command: 'soak attest', options: [condition, '--since', '--note'], by });
    return row.id;
  });
}

export async function revoke(canonical: Pool, { condition, by, note }: Statement): Promise<string> {
  return await inTransaction(canonical, async (client) => {
    const standing = await readAttestations(client);
    if (!standing.some((one) => one.condition === condition))
      throw new FatalError({
        code: 'SOAK_REFUSED',
        message: `nobody attests ${condition}`,
        wayOut: '`history-cdc soak` shows what is attested',
      });
    const { rows } = await client.query<{ id: string }>(REVOKE, [by, condition, note]);
    await recordAction(client, { command: 'soak revoke', options: [condition, '--note'], by });
    return rows[0]?.id ?? '';
  });
}

const EXPLAIN = `
  INSERT INTO history_cdc.incident_event (incident_id, performed_by, event, reason)
  SELECT id, $2, 'explained', $3 FROM unnest($1::bigint[]) AS id`;

export interface Explanation {
  readonly ids: readonly string[];
  readonly by: string;
  readonly reason: string;
}

/** Explains all of the incidents or none. They stay listed; no explanation stops what goes on. */
export async function explainIncidents(canonical: Pool, { ids, by, reason }: Explanation): Promise<void> {
  await inTransaction(canonical, async (client) => {
    const known = new Map((await readIncidents(client)).map((incident) => [incident.id, incident]));
    const refused = ids.flatMap((id) => whyNot(id, known.get(id)));
    if (refused.length > 0)
      throw new FatalError({
        code: 'SOAK_REFUSED',
        message: `nothing was explained: ${refused.join(', ')}`,
        wayOut: '`history-cdc soak` lists the incidents, and says which kinds can be explained',
      });
    await client.query(EXPLAIN, [ids, by, reason]);
    const options = [`--id ${ids.join(' ')}`, '--reason'];
    await recordAction(client, { command: 'soak explain', options, counts: { explained: ids.length }, by });
  });
}

function whyNot(id: string, incident: Incident | undefined): string[] {
  if (incident === undefined) return [`there is no incident ${id}`];
  if (!MEANINGS[incident.kind].explainable)
    return [`incident ${id} is of the kind ${incident.kind}, which only time ends`];
  return isOver(incident) ? [] : [`incident ${id} (${incident.kind}) goes on`];
}
