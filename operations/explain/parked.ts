import type { QuarantineRecord } from './report.ts';

/** The records of a row that are not healed. A later event or a retry may still bring them into effect. */
function unhealedOf(quarantine: readonly QuarantineRecord[]): readonly QuarantineRecord[] {
  return quarantine.filter(({ healed_at: healed }) => healed === null);
}

/** What is wrong with the newest parked record of a row, and who waived it; null if nothing is parked. */
export function parkedText(quarantine: readonly QuarantineRecord[]): string | null {
  const last = unhealedOf(quarantine).at(-1);
  if (last === undefined) return null;
  const { detail, partition, offset, waived_by: by, waive_reason: why } = last;
  const waived = by === null ? '' : `; waived by ${by}: ${why ?? ''}`;
  return `${detail} (record ${String(partition)}:${offset})${waived}`;
}

/** The commands for the parked records of a row; null if nothing is parked. */
export function parkedNext(legacyId: string, quarantine: readonly QuarantineRecord[]): string | null {
  const records = unhealedOf(quarantine);
  const open = records.filter(({ waived_at: waived }) => waived === null);
  const last = open.at(-1) ?? records.at(-1);
  if (last === undefined) return null;
  const see =
    records.length === 1
      ? `history-cdc quarantine show ${last.id}`
      : `history-cdc quarantine list --all --legacy-id ${legacyId}`;
  // A waived record is retried only if it is named.
  const which = open.length > 0 ? `--legacy-id ${legacyId}` : `--id ${last.id}`;
  return `${see} says what is wrong. Correct that, then run: history-cdc quarantine retry ${which} --apply (without --apply: a dry run). Any later update of the row heals the record, too`;
}
