import { html } from 'hono/html';
import { ATTESTABLE, readAttestations, type Attestation } from '../../soak/attestations.ts';
import { holds, type Condition } from '../../soak/condition.ts';
import { counts, isOver, MEANINGS, type Incident } from '../../soak/incidents.ts';
import { listRequests } from '../../requests/store.ts';
import { layout, type Html } from '../layout.ts';
import type { ConsoleRequest, Page } from '../page.ts';
import { field, requestForm, said, tableOf, timeText } from '../request-form.ts';
import { SoakLooks, type SoakSeen } from '../soak-looks.ts';
import { requestList } from './requests.ts';

const COMMANDS = ['soak attest', 'soak revoke', 'soak explain'];
const INCIDENTS = 100;
const REQUESTS = 5;

/** May the legacy table go? The report of `soak`, with what only a person can say. */
export const soakPage: Page = {
  id: 'soak',
  path: '/soak',
  title: 'Soak',
  register: (app, { config, canonical, stop }) => {
    const looks = new SoakLooks(config, stop);
    app.get('/soak', async (c) => {
      const seen = await looks.latest();
      const attested = await readAttestations(canonical);
      const asked = await listRequests(canonical, { commands: COMMANDS, limit: REQUESTS });
      const body = html`${report(c, seen)} ${attestations(c, attested)}
      ${
        asked.length === 0
          ? ''
          : html`<h2>Last requests</h2>
              ${requestList(asked)}`
      }`;
      return c.html(layout(c, { title: 'Soak', id: 'soak', body }));
    });
  },
};

function report(c: ConsoleRequest, seen: SoakSeen): Html {
  if (seen.kind === 'looking')
    return html`<p class="notice">
      The conditions are being looked at. This takes some seconds. <a href="/soak">Look again</a>
    </p>`;
  if (seen.kind === 'failed')
    return html`<p class="notice wrong">The conditions could not be looked at: ${said(seen.why)}</p>`;
  const { stage, at, allMet, conditions, incidents, forecast, lowered } = seen.report;
  const held = conditions.filter(holds).length;
  const sum = `${String(held)} of ${String(conditions.length)} conditions hold`;
  return html`<p class="notice ${allMet ? 'good' : 'look'}">
      ${
        allMet
          ? `The table may go: ${sum}.`
          : forecast === null
            ? `The table may not go: ${sum}. The day depends on a person, or is not known.`
            : html`The table may not go yet: ${sum}. If nothing happens, it may go on ${timeText(forecast)}
              UTC.`
      }
      Stage: <strong>${stage}</strong>. Looked at ${timeText(at)} UTC.
    </p>
    ${lowered.map((line) => html`<p class="notice look">${line}</p>`)}
    <section class="card">
      <h2>Conditions</h2>
      ${tableOf('Conditions of the soak', conditions, [
        { head: 'Condition', cell: ({ id }) => html`<code>${id}</code>` },
        { head: 'State', cell: stateOf },
        { head: 'Evidence', cell: evidenceOf },
        { head: 'Since (UTC)', cell: ({ since }) => timeText(since) },
        { head: 'Met on (UTC)', cell: (one) => (holds(one) ? '–' : timeText(one.metAt)) },
      ])}
    </section>
    ${incidentsPart(c, incidents)}`;
}

function incidentsPart(c: ConsoleRequest, incidents: readonly Incident[]): Html {
  const counting = incidents.filter(counts);
  return html`<section class="card">
    <h2>Incidents</h2>
    ${
      incidents.length === 0
        ? html`<p>There is no incident.</p>`
        : html`<p>Incidents: ${incidents.length}. Those that stop a clock: ${counting.length}.</p>
            ${tableOf(
              'Incidents',
              [...counting, ...incidents.filter((one) => !counts(one))].slice(0, INCIDENTS),
              [
                { head: 'Incident', cell: ({ id }) => id },
                { head: 'Kind', cell: ({ kind }) => html`<code>${kind}</code>` },
                { head: 'Began (UTC)', cell: ({ beganAt }) => timeText(beganAt) },
                {
                  head: 'Ended',
                  cell: ({ endedAt, endedBy }) =>
                    endedAt === null ? '–' : html`${timeText(endedAt)} ${said(endedBy)}`,
                },
                {
                  head: 'Its clock',
                  cell: (one) =>
                    counts(one)
                      ? html`<span class="badge wrong">stops</span>`
                      : html`<span class="badge good">past</span>`,
                },
                { head: 'Explanation', cell: (one) => explanation(c, one) },
              ],
            )}`
    }
  </section>`;
}

const LOOKS = { met: 'good', attested: 'good', not_met: 'wrong', unknown: '' } as const;

function stateOf({ state }: Condition): Html {
  return html`<span class="badge ${LOOKS[state]}">${state.replace('_', ' ')}</span>`;
}

function evidenceOf({ evidence, missing, fix }: Condition): Html {
  return html`${said(evidence)}
  ${missing === null ? '' : html`<br /><strong>Missing:</strong> ${said(missing)}`}
  ${fix === null ? '' : html`<br /><strong>Do:</strong> <code>${said(fix)}</code>`}`;
}

function explanation(c: ConsoleRequest, incident: Incident): Html | string {
  const { id, kind, explainedBy, reason } = incident;
  if (explainedBy !== null) return `${said(explainedBy)}: ${said(reason)}`;
  if (!MEANINGS[kind].explainable) return 'only time ends it';
  if (!isOver(incident)) return 'goes on';
  if (!counts(incident)) return '–';
  return (
    requestForm(c, {
      ...{ command: 'soak explain', values: { ids: id }, quiet: true },
      label: `Explain ${id}`,
      fields: field('reason', `Why incident ${id} does not count`),
    }) || 'can be explained'
  );
}

function attestations(c: ConsoleRequest, attested: readonly Attestation[]): Html {
  return html`<section class="card stack">
    <h2>What only a person knows</h2>
    ${
      attested.length === 0
        ? html`<p>Nobody attests anything.</p>`
        : tableOf('Attestations', attested, [
            { head: 'Condition', cell: ({ condition }) => html`<code>${condition}</code>` },
            { head: 'Since (UTC)', cell: ({ since }) => timeText(since) },
            { head: 'By', cell: ({ performedBy }) => said(performedBy) },
            { head: 'It rests on', cell: ({ note }) => said(note) },
          ])
    }
    ${ATTESTABLE.map((condition) => {
      const stands = attested.some((one) => one.condition === condition);
      return stands
        ? requestForm(c, {
            ...{ command: 'soak revoke', values: { condition }, quiet: true },
            label: `Take ${condition} back`,
            fields: field('note', `Why ${condition} is not so any more`),
          })
        : requestForm(c, {
            ...{ command: 'soak attest', values: { condition } },
            label: `Attest ${condition}`,
            fields: html`${field('since', `Since when ${condition} is so`, { type: 'date' })}
            ${field('note', `What ${condition} rests on`)}`,
          });
    })}
  </section>`;
}
