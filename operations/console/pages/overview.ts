import { html } from 'hono/html';
import { streamSSE } from 'hono/streaming';
import { countText } from '../../../lib/figures.ts';
import type { Problem, StatusReport } from '../../status/report.ts';
import { headline, MARKS, textOf } from '../../status/words.ts';
import { layout, type Html } from '../layout.ts';
import type { Seen } from '../looks.ts';
import type { Page } from '../page.ts';
import { decisionsPart } from '../parts/decisions.ts';
import { soakPart } from '../parts/soak.ts';
import { TONES, wayPart } from '../parts/way.ts';
import { badge, moment, prose, type Tone } from '../parts/words.ts';

/** The report of `status` as a page that follows every look. It shows no value of any row. */
export const overviewPage: Page = {
  id: 'overview',
  path: '/',
  title: 'Overview',
  register: (app, { looks, stop }) => {
    app.get('/', async (c) => {
      const content = overview(await looks.latest());
      const body = html`<div class="stack" hx-sse:connect="/live/overview" hx-swap="innerMorph">
        ${content}
      </div>`;
      return c.html(layout(c, { title: 'Overview', id: 'overview', body }));
    });
    app.get('/live/overview', (c) =>
      streamSSE(c, async (stream) => {
        const gone = new AbortController();
        stream.onAbort(() => {
          gone.abort();
        });
        for await (const seen of looks.follow(AbortSignal.any([stop, gone.signal])))
          await stream.writeSSE({ data: String(await overview(seen)) });
      }),
    );
  },
};

function overview(seen: Seen): Html {
  switch (seen.kind) {
    case 'looking':
      return html`<section class="hero unknown">
        <h2>Looking …</h2>
        <p>A service takes its time to answer. <a href="/">Look again</a></p>
      </section>`;
    case 'retired':
      return html`<section class="hero good">
        <h2>The legacy table has gone</h2>
        <p>${seen.what}</p>
        <p><a href="/handbook/runbook#prove-it-to-an-auditor">How to prove it</a></p>
      </section>`;
    case 'report':
      return reportPart(seen);
  }
}

function reportPart({ report, soak }: Extract<Seen, { kind: 'report' }>): Html {
  return html`${hero(report)}
    <section class="card" aria-labelledby="way">
      <h2 id="way">The way of a row</h2>
      ${wayPart(report)}
    </section>
    <div class="columns">
      <div class="stack">
        <section class="card" aria-labelledby="decisions">
          <h2 id="decisions">Decisions</h2>
          ${decisionsPart(report.ledger)}
        </section>
        <section class="card" aria-labelledby="proof">
          <h2 id="proof">Proof</h2>
          ${proofPart(report)}
        </section>
      </div>
      <div class="stack">
        <section class="card" aria-labelledby="soak">
          <h2 id="soak">May the table go?</h2>
          ${soakPart(soak, report.retirement?.stage ?? null)}
        </section>
        <section class="card" aria-labelledby="problems">
          <h2 id="problems">What is not well</h2>
          ${problemsPart(report)}
        </section>
      </div>
    </div>`;
}

const STATE_TONES: Readonly<Record<StatusReport['state'], Tone>> = { good: 'good', ...TONES };

/**
 * The one sentence. If no new look comes for 40 seconds, the style sheet takes its colour away and shows that it is old: a
 * page whose connection is silent must not stay green. The class changes with every look, which starts that time anew.
 */
function hero(report: StatusReport): Html {
  const [first] = report.problems;
  const beat = Math.floor(Date.parse(report.at) / 1000) % 2 === 0 ? 'beat-a' : 'beat-b';
  return html`<section class="hero ${STATE_TONES[report.state]} ${beat}">
    <div class="hero-head">
      <div role="status"><h2>${headline(report)}</h2></div>
      <p class="soft small">as of <time datetime="${report.at}">${report.at.slice(11, 19)}</time> UTC</p>
    </div>
    <p class="stale">No news for 40 seconds: this may be out of date. <a href="/">Look again</a></p>
    ${first === undefined ? '' : problemText(first)}
  </section>`;
}

function problemText({ id, evidence, fix }: Problem): Html {
  return html`<p>${prose(evidence)}</p>
    <p class="small">
      Next, by check <code>${id}</code>: <a href="/handbook/doctor#${id}">what stands behind it</a>
    </p>
    ${fix === '' ? '' : html`<pre tabindex="0" aria-label="What to do next">${fix}</pre>`}`;
}

function problemsPart({ problems }: StatusReport): Html {
  const told = problems.filter(({ severity }) => severity !== 'unknown');
  const unknown = problems.filter(({ severity }) => severity === 'unknown');
  if (problems.length === 0) return html`<p class="soft">Nothing.</p>`;
  const list = (some: readonly Problem[]) =>
    html`<ul class="problems">
      ${some.map(problemItem)}
    </ul>`;
  return html`${told.length === 0 ? '' : list(told)}
  ${
    unknown.length === 0
      ? ''
      : html`<details id="unknown">
          <summary>
            ${badge('unknown', MARKS.unknown)} ${countText(unknown.length)} checks have no answer
          </summary>
          ${list(unknown)}
        </details>`
  }`;
}

function problemItem({ id, severity, evidence }: Problem): Html {
  return html`<li>
    ${badge(TONES[severity], MARKS[severity])}
    <div>
      <a href="/handbook/doctor#${id}">${id}</a>
      <p class="small">${prose(evidence)}</p>
    </div>
  </li>`;
}

const VERDICT_TONES: Readonly<Record<string, Tone>> = { proven: 'good', changes_proven: 'good' };

/** What was compared, when, and what nobody has looked at since. */
function proofPart(report: StatusReport): Html {
  const { verdicts, ledger } = report;
  const stragglers = ledger?.stragglers ?? null;
  return html`<dl class="facts">
      <dt>Stragglers</dt>
      <dd>
        ${stragglers === null ? badge('unknown', 'not known') : badge(stragglers === 0 ? 'good' : 'look', countText(stragglers))}
      </dd>
      <dt>Verification</dt>
      <dd>${prose(textOf('verified', report))}</dd>
      <dt>Sweeper</dt>
      <dd>${prose(textOf('sweeper', report))}</dd>
      <dt>Quarantine</dt>
      <dd>${prose(textOf('quarantine', report))}</dd>
      <dt>Snapshot</dt>
      <dd>${prose(textOf('snapshot', report))}</dd>
    </dl>
    <h3 class="sub">Last verdicts of reconcile</h3>
    ${
      verdicts === null
        ? html`<p>${badge('unknown', 'not known')}</p>`
        : verdicts.length === 0
          ? html`<p class="soft">
              It has never come to its end. <a href="/handbook/runbook#is-it-done">How to run it</a>
            </p>`
          : html`<ol class="timeline">
              ${verdicts.map(
                ({ verdict, finishedAt, legacyRows, stale }) =>
                  html`<li>
                    <span
                      >${moment(finishedAt)}<br /><span class="soft small"
                        >${countText(legacyRows)} legacy rows${stale === null ? '' : `; ${stale}`}</span
                      ></span
                    >
                    ${badge(stale === null ? (VERDICT_TONES[verdict] ?? 'wrong') : 'unknown', verdict.replaceAll('_', ' '))}
                  </li>`,
              )}
            </ol>`
    }`;
}
