import { html } from 'hono/html';
import { spanText } from '../../../lib/figures.ts';
import type { Answer } from '../../facts/answer.ts';
import { CONDITION_IDS, holds, type ConditionId, type ConditionState } from '../../soak/condition.ts';
import type { KeptLook } from '../../soak/look-store.ts';
import type { Html } from '../layout.ts';
import { badge, moment, type Tone } from './words.ts';

const TITLES: Readonly<Record<ConditionId, string>> = {
  'canonical-live': 'The live path writes without an incident',
  'reading-canonical': 'Dashboards read the canonical tables',
  parity: 'Legacy rows and canonical rows agree',
  quarantine: 'Nothing is parked',
  'no-owner-writes': 'No owner’s run is written to the legacy table',
  'no-updates': 'No legacy row is updated',
  'no-readers': 'Nobody reads the legacy table',
  'third-party-plan': 'There is a plan for third parties’ runs',
  archive: 'The table is archived and verified',
};
const STATES: Readonly<Record<ConditionState, readonly [Tone, string]>> = {
  met: ['good', 'met'],
  attested: ['good', 'attested'],
  not_met: ['look', 'not met'],
  unknown: ['unknown', 'not known'],
};
/** `project` looks every five minutes. An older look says nothing about now. */
const OLD_SECONDS = 15 * 60;

/** The conditions of the last look, and the day on which the table may go. */
export function soakPart(answer: Answer<KeptLook | undefined>, stage: string | null): Html {
  if (!answer.known) return html`<p class="notice">Not known: ${answer.why}</p>`;
  const look = answer.value;
  if (look === undefined)
    return html`<p class="notice">
      Nobody has looked yet. <code>history-cdc soak</code> asks every condition now; a running projector does
      it every five minutes.
    </p>`;
  const age = (look.now.getTime() - look.at.getTime()) / 1000;
  const old = age > OLD_SECONDS || age < 0;
  return html`${old ? oldNotice(age) : ''}
    <p class="when">
      ${dayOf(look, old)} ${stage === null ? '' : html`<span class="soft">stage: ${stage}</span>`}
    </p>
    <ol class="timeline conditions">
      ${CONDITION_IDS.map((id) => (old ? conditionPart(id, 'unknown') : conditionPart(id, look.states[id], look.since[id])))}
    </ol>
    <p class="small soft">
      Asked ${moment(look.at, look.now.getTime())}. <a href="/soak">The soak</a> has the evidence, and says
      what is missing.
    </p>`;
}

function oldNotice(age: number): Html {
  return html`<p class="notice look">
    ${
      age < 0
        ? 'The last look is dated in the future: a clock is wrong.'
        : `The last look is ${spanText(age)} old, so it says nothing about now. Does a projector run?`
    }
  </p>`;
}

function dayOf({ forecast, states, now }: KeptLook, old: boolean): Html {
  const all = CONDITION_IDS.every((id) => holds({ state: states[id] ?? 'unknown' }));
  if (old) return html`${badge('unknown', 'not known')} whether the table may go`;
  if (all) return html`${badge('good', 'yes')} the table may go now`;
  if (forecast === null)
    return html`${badge('look', 'no')} the table may not go yet: a condition depends on a person, or is not
    known`;
  return html`${badge('look', 'no')} if nothing happens, the table may go on
    <strong>${forecast.toISOString().slice(0, 10)}</strong>
    <span class="soft">in ${spanText((forecast.getTime() - now.getTime()) / 1000)}</span>`;
}

function conditionPart(id: ConditionId, state: ConditionState = 'unknown', since?: string): Html {
  const [tone, text] = STATES[state];
  return html`<li class="${tone}">
    <span
      >${TITLES[id]}
      <span class="soft small"
        >${id}${
          since === undefined
            ? ''
            : html`, since <time datetime="${since}">${since.slice(0, 16).replace('T', ' ')}</time> UTC`
        }</span
      ></span
    >${badge(tone, text)}
  </li>`;
}
