import { html } from 'hono/html';
import type { CandidateTwin, Report } from '../../explain/report.ts';
import type { Html } from '../layout.ts';
import { badge, runLink, shown, type Tone } from './words.ts';

const IS: Readonly<Record<CandidateTwin['is'], Tone>> = {
  linked: 'good',
  match: 'look',
  weak: 'look',
  taken: 'unknown',
  different: 'unknown',
  not_comparable: 'unknown',
};

/** Rows that could be its twin, with their distance in time and why they are or are not. */
export function candidatesPart({ candidates }: Report): Html {
  if (candidates.length === 0) return html`<p class="soft">None in the match window.</p>`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Candidates">
    <table>
      <thead>
        <tr>
          <th scope="col">Row</th>
          <th scope="col" class="num">Seconds away</th>
          <th scope="col">Is</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        ${candidates.map(
          (one) =>
            html`<tr>
              <td>${runLink(one.id)}</td>
              <td class="num">${one.distance_seconds > 0 ? '+' : ''}${String(one.distance_seconds)}</td>
              <td>${badge(IS[one.is], one.is.replaceAll('_', ' '))}</td>
              <td>${shown(one.why)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
