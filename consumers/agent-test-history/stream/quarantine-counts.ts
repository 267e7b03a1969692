import type { Unhealed } from './unhealed.ts';

/** What lies in quarantine, as the end of a line in a report. */
export function renderUnhealed({ open, waived }: Unhealed): string {
  const count = (number: number) => number.toLocaleString('en');
  return `open ${count(open)}, waived ${count(waived)}${open + waived === 0 ? '' : '; `history-cdc quarantine list --all` names them'}`;
}
