import { html } from 'hono/html';
import { spanText } from '../../../lib/figures.ts';
import { provenanceOf, type AgentRun, type Provenance } from '../../find/agents.ts';
import type { Html } from '../layout.ts';
import { badge, moment, runLink, shown, type Tone } from './words.ts';

/** The words of the application's own dashboard for who started a run. */
const STARTED_BY: Readonly<Record<string, string>> = {
  owner_test: 'Your test',
  heartbeat: 'Heartbeat',
  manual: 'Manual',
  webhook: 'Webhook',
};

const VERDICTS: Readonly<Record<string, Tone>> = { passing: 'good', partial: 'look', failing: 'wrong' };

export function agentLink(agentUrl: string, address: string): Html {
  return html`<a href="${address}">${shown(agentUrl)}</a>`;
}

/** The runs of an agent as the application's dashboard shows them, and beside each where it comes from. */
export function historyPart(runs: readonly AgentRun[]): Html {
  if (runs.length === 0) return html`<p class="soft">No canonical run of this agent is there.</p>`;
  return html`<ol class="history">
    ${runs.map(runPart)}
  </ol>`;
}

function runPart(run: AgentRun): Html {
  const { id, status, triggeredBy, headline, testedAt, dryRun } = run;
  const provenance = provenanceOf(run);
  return html`<li class="run" data-run="${id}">
    <div class="run-verdict">
      ${badge(VERDICTS[status] ?? 'unknown', shown(status))}
      <span class="chip" data-started-by="${triggeredBy}"
        >${STARTED_BY[triggeredBy] ?? shown(triggeredBy)}</span
      >
    </div>
    <div class="run-what">
      <p class="run-headline">
        <a href="/runs/${id}"
          >${headline === null || headline === '' ? 'Run without a headline' : shown(headline)}</a
        >
      </p>
      <p class="small soft">${moment(testedAt)}</p>
      <p class="small">${tracksText(run)}${dryRun ? html` <span class="soft">· dry run</span>` : ''}</p>
    </div>
    <div class="run-from small" data-provenance="${provenance}">${fromPart(provenance, run)}</div>
  </li>`;
}

function tracksText({ passed, failed, partial, skipped, durationMs }: AgentRun): string {
  const counts = [
    `${String(passed)} passed`,
    `${String(failed)} failed`,
    ...(partial > 0 ? [`${String(partial)} partial`] : []),
    ...(skipped > 0 ? [`${String(skipped)} skipped`] : []),
    ...(durationMs === null ? [] : [spanText(durationMs / 1000)]),
  ];
  return counts.join(' · ');
}

const FROM: Readonly<Record<Provenance, readonly [what: string, tone: string]>> = {
  projected: ['projected', 'd-projected'],
  twin: ['live, linked as twin', 'd-twin'],
  adopted: ['copied by the script, adopted', 'd-adopted'],
  live: ['live', 'd-anonymous'],
  other: ['live', 'd-anonymous'],
  copied: ['copied by the script, not yet adopted', 'd-opted_out'],
  unlinked: ['projected, but missing in the ledger', 'd-quarantined'],
};

/** Where the run comes from. The application itself does not show this. */
function fromPart(provenance: Provenance, { legacyId, legacyDeleted, reason }: AgentRun): Html {
  const [what, tone] = FROM[provenance];
  return html`<p>
      <svg class="key" width="10" height="10" aria-hidden="true">
        <rect class="${tone}" width="10" height="10" rx="2" /></svg
      >${what}${reason === 'straggler' ? html` ${badge('look', 'straggler')}` : ''}
    </p>
    ${
      legacyId === null
        ? ''
        : html`<p class="soft">
            legacy row${legacyDeleted ? ', deleted since' : ''}<br />${runLink(legacyId)}
          </p>`
    }`;
}
