import { countText } from '../../../lib/figures.ts';
import type { Unhealed } from './unhealed.ts';

/** The numbers of records in quarantine, as the end of a line in a report. */
export function renderUnhealed({ open, waived }: Unhealed): string {
  return `open ${countText(open)}, waived ${countText(waived)}${open + waived === 0 ? '' : '; `history-cdc quarantine list --all` names them'}`;
}
