import { html } from 'hono/html';
import { DECISIONS, type Decision } from '../../../consumers/agent-test-history/rule/outcome.ts';
import { countText } from '../../../lib/figures.ts';
import type { LedgerPart } from '../../status/report.ts';
import type { Html } from '../layout.ts';
import { badge } from './words.ts';

/** What became of a row, for people who see the word for the first time. */
export const DECISION_MEANS: Readonly<Record<Decision, string>> = {
  projected: 'an owner’s run: the projector wrote its canonical row',
  twin: 'an owner’s run that the live path had recorded: linked',
  adopted: 'an owner’s run that the earlier script had copied: linked',
  third_party: 'a run by somebody who does not own the agent',
  anonymous: 'a run by nobody',
  opted_out: 'an owner’s run on an agent that opted out of monitoring',
  orphaned: 'its context is gone, so its agent is unknown',
  gone: 'deleted before it was ever seen',
  quarantined: 'its record could not be decoded or written: parked',
};

/** All decisions as one bar, with the table that it sums to. */
export function decisionsPart(ledger: LedgerPart | null): Html {
  if (ledger === null)
    return html`<p class="notice">Not known: the ledger gives no answer, or is not there yet.</p>`;
  const rows = DECISIONS.map((decision) => ({ decision, rows: ledger.decisions[decision] ?? 0 })).filter(
    (row) => row.rows > 0,
  );
  const sum = rows.reduce((total, row) => total + row.rows, 0);
  return html`${bar(rows, sum)}
    <table class="decisions">
      <thead>
        <tr>
          <th scope="col">Decision</th>
          <th scope="col" class="num">Rows</th>
          <th scope="col" class="num">Share</th>
          <th scope="col" class="wide">Meaning</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              <th scope="row">${key(row.decision)}${row.decision}</th>
              <td class="num">${countText(row.rows)}</td>
              <td class="num soft">${share(row.rows, sum)}</td>
              <td class="soft wide">${DECISION_MEANS[row.decision]}</td>
            </tr>`,
        )}
      </tbody>
      <tfoot>
        <tr>
          <th scope="row">sum</th>
          <td class="num">${countText(sum)}</td>
          <td></td>
          <td class="soft wide">every row that was ever seen has one decision</td>
        </tr>
      </tfoot>
    </table>
    ${tablePart(ledger)}`;
}

/** Whether the ledger and the table have the same rows now. */
function tablePart({ notDeleted, legacyRows, unseen }: LedgerPart): Html {
  const ledger = html`${countText(notDeleted ?? 0)} of them are not deleted`;
  if (legacyRows === null || unseen === null)
    return html`<p class="sum">
      ${ledger}; how many rows the legacy table has is ${badge('unknown', 'not known')}
    </p>`;
  const table = html`the legacy table has ${countText(legacyRows)}`;
  if (unseen === 0) return html`<p class="sum">${ledger}; ${table} ${badge('good', 'equal')}</p>`;
  const difference =
    unseen > 0
      ? `${countText(unseen)} without a decision yet`
      : `${countText(-unseen)} more in the ledger than in the table`;
  return html`<p class="sum">${ledger}; ${table} ${badge('look', difference)}</p>`;
}

function bar(rows: readonly { decision: Decision; rows: number }[], sum: number): Html {
  let x = 0;
  const parts = rows.map(({ decision, rows: count }) => {
    const width = (count / sum) * 100;
    const part = html`<rect
      class="d-${decision}"
      x="${x.toFixed(3)}%"
      y="0"
      width="${width.toFixed(3)}%"
      height="14"
    />`;
    x += width;
    return part;
  });
  return html`<svg class="bar" width="100%" height="14" aria-hidden="true">${parts}</svg>`;
}

function key(decision: Decision): Html {
  return html`<svg class="key" width="10" height="10" aria-hidden="true">
    <rect class="d-${decision}" width="10" height="10" rx="2" />
  </svg>`;
}

function share(rows: number, sum: number): string {
  const percent = (rows / sum) * 100;
  return percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(1)} %`;
}
