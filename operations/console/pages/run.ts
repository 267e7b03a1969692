import { html } from 'hono/html';
import { matchingOf } from '../../../consumers/agent-test-history/twins/matching.ts';
import { within } from '../../../lib/within.ts';
import { explain } from '../../explain/explain.ts';
import { eventReader } from '../../explain/read-from-kafka.ts';
import type { Report } from '../../explain/report.ts';
import { layout } from '../layout.ts';
import type { ConsoleContext, ConsoleRequest, Page } from '../page.ts';
import { candidatesPart } from '../parts/candidates.ts';
import { fieldsPart } from '../parts/fields.ts';
import { lookUpsPart } from '../parts/look-ups.ts';
import { storyPart } from '../parts/story.ts';
import { badge, guarded, moment, runLink, shown } from '../parts/words.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** The topic is read from its first to its last record, one partition of it. */
const TOPIC_WITHIN_MS = 60_000;

/** The report of `explain` as a page, by the id of a legacy row or of a canonical row. */
export const runPage: Page = {
  id: 'run',
  path: '/runs',
  title: 'Run',
  unlisted: true,
  register: (app, context) => {
    // The search of every page. An id leads to its run.
    app.get('/go', (c) => {
      const text = (c.req.query('q') ?? '').trim();
      if (UUID.test(text)) return c.redirect(`/runs/${text.toLowerCase()}`, 303);
      const agents = c.get('frame').navigation.find(({ id }) => id === 'agents');
      return c.redirect(agents === undefined ? '/' : `${agents.path}?q=${encodeURIComponent(text)}`, 303);
    });
    app.get('/runs/:id', async (c) => {
      const id = c.req.param('id').toLowerCase();
      if (!UUID.test(id)) return await c.notFound();
      return show(c, await explained(context, id, false));
    });
    // Under /live because it may take longer than a page may.
    app.get('/live/runs/:id', async (c) => {
      const id = c.req.param('id').toLowerCase();
      if (!UUID.test(id)) return await c.notFound();
      return show(c, await within(TOPIC_WITHIN_MS, () => explained(context, id, true)));
    });
  },
};

async function explained(
  { canonical, legacy, config }: ConsoleContext,
  id: string,
  events: boolean,
): Promise<Report> {
  const reader = events
    ? eventReader({ config, canonical, progress: () => undefined })
    : () => Promise.resolve(NOT_READ);
  return await explain(
    { canonical, legacy, optOutPolicy: config.OPT_OUT_POLICY, matching: matchingOf(config) },
    id,
    reader,
  );
}

const NOT_READ = 'not read yet';

function show(c: ConsoleRequest, report: Report) {
  const { id, known } = report;
  const aside = html`<code class="soft">${id}</code>`;
  return c.html(layout(c, { title: 'Run', id: 'run', aside, body: runBody(c, report) }), known ? 200 : 404);
}

const TONES = { projected: 'good', twin: 'good', adopted: 'good', quarantined: 'wrong' } as const;

function runBody(c: ConsoleRequest, report: Report) {
  const { ledger, verdict, identity, notes, known, id } = report;
  const visitor = c.get('visitor');
  const decision = ledger?.decision;
  const tone =
    decision === undefined ? 'unknown' : ((TONES as Record<string, 'good' | 'wrong'>)[decision] ?? 'unknown');
  const said = html`<section class="hero plain">
    <div class="hero-head">
      <h2>
        ${decision === undefined ? (known ? 'No decision' : 'Unknown id') : badge(tone, decision)}
        ${ledger === null ? '' : html`<code class="soft">${ledger.reason}</code>`}
      </h2>
      <p class="soft small">${ledger === null ? '' : html`decided ${moment(ledger.decided_at)}`}</p>
    </div>
    <p class="verdict">${sentence(verdict.text)}</p>
    ${verdict.next === null ? '' : html`<p class="small">Next: ${shown(verdict.next)}</p>`}
    <p class="small soft">This id is ${shown(identity.text)}.</p>
  </section>`;
  const others = notes.filter((note) => note !== `events: ${NOT_READ}`);
  const noted =
    others.length === 0
      ? ''
      : html`<ul class="notice small">
          ${others.map((note) => html`<li>${visitor.seesValues ? shown(note) : 'A part could not be read.'}</li>`)}
        </ul>`;
  if (!known)
    return html`${said}${noted}
      <p><a class="button" href="/live/runs/${id}">Look for it in the topic</a></p>`;
  return html`${said}${noted}
    <div class="columns">
      <section class="card" aria-labelledby="story">
        <h2 id="story">What happened</h2>
        ${storyPart(report, visitor)}
      </section>
      <section class="card" aria-labelledby="ids">
        <h2 id="ids">Rows</h2>
        ${idsPart(c, report)}
      </section>
    </div>
    <section class="card" aria-labelledby="fields">
      <h2 id="fields">Canonical row beside the legacy row</h2>
      ${fieldsPart(report, visitor)}
    </section>
    <div class="columns">
      <section class="card" aria-labelledby="looked">
        <h2 id="looked">Look-ups, then and now</h2>
        ${lookUpsPart(report.look_ups, visitor)}
      </section>
      <section class="card" aria-labelledby="candidates">
        <h2 id="candidates">${identity.legacy_id === null ? 'Legacy rows' : 'Live rows'} around it</h2>
        ${candidatesPart(report)}
      </section>
    </div>`;
}

function sentence(text: string): string {
  const line = shown(text);
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}.`;
}

function idsPart(
  c: ConsoleRequest,
  { identity, ledger, canonical_run: run, referred_by: reference, today, legacy_row: row }: Report,
) {
  const WHOSE = {
    ours: 'written by the projector',
    script: 'written by the earlier script',
    live: 'written by the live path',
    other: 'written by somebody else',
  };
  return html`<dl class="facts">
    <dt>Legacy row</dt>
    <dd>
      ${runLink(identity.legacy_id)}
      ${identity.legacy_id !== null && row === null ? badge('unknown', 'gone from the table') : ''}
    </dd>
    <dt>Canonical row</dt>
    <dd>
      ${runLink(run?.id ?? identity.canonical_run_id)}
      ${run === null ? (ledger?.canonical_run_id == null ? '' : badge('look', 'removed since')) : html`<span class="soft">${WHOSE[run.whose]}</span>`}
    </dd>
    <dt>Agent</dt>
    <dd>${guarded(c.get('visitor'), run?.agent_url ?? null)}</dd>
    <dt>Position</dt>
    <dd>
      ${ledger === null ? '–' : html`<code>${String(ledger.partition)}:${ledger.offset}</code> <span class="soft">op ${ledger.op}${ledger.snapshot ? ', snapshot' : ''}${ledger.lsn === null ? '' : `, LSN ${ledger.lsn}`}</span>`}
    </dd>
    <dt>Topic</dt>
    <dd>${ledger === null ? '–' : html`<code>${ledger.topic_id}</code>`}</dd>
    <dt>Rule</dt>
    <dd>
      ${ledger === null ? '–' : `version ${String(ledger.rule_version)}`}${ledger?.unsettled === true ? ', the pair may still change' : ''}
    </dd>
    <dt>Referred to by</dt>
    <dd>${reference ?? '–'}</dd>
    <dt>If it came now</dt>
    <dd>${today === null ? 'not known' : `${today.decision} (${today.reason})`}</dd>
  </dl>`;
}
