import type { Client } from '../../lib/postgres.ts';
import { sqlFile } from '../../lib/sql-file.ts';
import { canonicalRunId } from '../../consumers/agent-test-history/rule/canonical-run-id.ts';
import type { CanonicalRun, Identity } from './report.ts';

const IDENTIFY = sqlFile(import.meta.url, './sql/identify.sql');

interface Found {
  readonly in_ledger: boolean;
  readonly was_undone: boolean;
  readonly in_quarantine: boolean;
  readonly copied_by_script: boolean;
  readonly has_own_run: boolean;
  readonly linked_legacy_id: string | null;
  readonly kept_for_legacy_id: string | null;
  readonly undone_legacy_id: string | null;
  /** True if a projector has run here, so that the script's copies are known. */
  readonly has_projected: boolean;
}

export interface Identified {
  readonly identity: Identity;
  readonly hasProjected: boolean;
}

/**
 * Finds out what an id names: a legacy row known anywhere, or a canonical row and through it a legacy row. `run` is the
 * canonical row with that id; `inLegacyTable` says whether the legacy table has a row with it.
 */
export async function identify(
  client: Client,
  id: string,
  { run, inLegacyTable }: { readonly run: CanonicalRun | null; readonly inLegacyTable: boolean },
): Promise<Identified> {
  const { rows } = await client.query<Found>(IDENTIFY, [id, canonicalRunId(id)]);
  const [found] = rows;
  if (found === undefined) throw new Error('a statement without a condition gave no row');
  const identity =
    inLegacyTable || isLegacyId(found) ? legacyIdentity(id) : canonicalIdentity(id, run, found);
  return { identity, hasProjected: found.has_projected };
}

/** Also used for an id that only the topic has. */
export function legacyIdentity(id: string): Identity {
  return { kind: 'legacy_row', text: 'the id of a legacy row', legacy_id: id, canonical_run_id: null };
}

function isLegacyId({ in_ledger, was_undone, in_quarantine, copied_by_script, has_own_run }: Found): boolean {
  return in_ledger || was_undone || in_quarantine || copied_by_script || has_own_run;
}

function canonicalIdentity(id: string, run: CanonicalRun | null, found: Found): Identity {
  const of = (kind: Identity['kind'], text: string, legacyId: string | null): Identity => ({
    kind,
    text,
    legacy_id: legacyId,
    canonical_run_id: kind === 'unknown' ? null : id,
  });
  const { linked_legacy_id: linked, kept_for_legacy_id: kept, undone_legacy_id: undone } = found;
  if (run !== null) return runIdentity(run, of);
  if (linked !== null)
    return of(
      'pruned_run',
      `the id of a canonical row that is gone; the ledger links legacy row ${linked} to it`,
      linked,
    );
  if (kept !== null)
    return of(
      'kept_run',
      `the id that our canonical row for legacy row ${kept} has, kept beside its live twin`,
      kept,
    );
  if (undone !== null)
    return of(
      'undone_run',
      `the id of a canonical row that \`undo\` took back from legacy row ${undone}`,
      undone,
    );
  return of('unknown', 'an id that nothing here knows', null);
}

function runIdentity(
  { whose, source_legacy_id: source, linked_legacy_id: linked, triggered_by: triggeredBy }: CanonicalRun,
  of: (kind: Identity['kind'], text: string, legacyId: string | null) => Identity,
): Identity {
  const from = source === null ? 'a legacy id that is no UUID' : `legacy row ${source}`;
  switch (whose) {
    case 'ours':
      return of('own_run', `the id of a canonical row that we wrote for ${from}`, linked ?? source);
    case 'script':
      return of(
        'script_copy',
        `the id of a canonical row that the earlier script copied from ${from}`,
        linked ?? source,
      );
    case 'live':
      return of(
        'live_run',
        linked === null
          ? 'the id of a canonical row of the live path, linked to no legacy row'
          : `the id of a canonical row of the live path, linked to legacy row ${linked}`,
        linked,
      );
    case 'other':
      return of('other_run', `the id of a canonical row that was triggered by ${triggeredBy}`, null);
  }
}
