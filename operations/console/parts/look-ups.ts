import { html } from 'hono/html';
import type { LookUp, LookUps } from '../../explain/report.ts';
import type { Visitor } from '../access.ts';
import type { Html } from '../layout.ts';
import { badge, guarded, shown } from './words.ts';

const NAMES: Readonly<Record<keyof LookUp, string>> = {
  agent_context_id: 'Context',
  user_id: 'User',
  organization_id: 'Organisation',
  agent_url: 'Agent',
  is_member: 'The user is a member',
  lists_agent: 'The profile lists the agent',
  opted_out: 'The agent opted out',
  lifecycle_stage: 'Lifecycle stage',
};
const PERSONAL: ReadonlySet<keyof LookUp> = new Set(['user_id', 'organization_id', 'agent_url']);

/** On what a row was decided, beside what the same look-ups find now. */
export function lookUpsPart(lookUps: LookUps | null, visitor: Visitor): Html {
  if (lookUps === null) return html`<p class="soft">None: there is no row to look up.</p>`;
  const { then, now, changed } = lookUps;
  const cell = (name: keyof LookUp, value: LookUp[keyof LookUp]) =>
    PERSONAL.has(name)
      ? guarded(visitor, value)
      : typeof value === 'boolean'
        ? value
          ? 'yes'
          : 'no'
        : shown(value);
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Look-ups">
      <table>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col">Then</th>
            <th scope="col">Now</th>
          </tr>
        </thead>
        <tbody>
          ${(Object.keys(NAMES) as (keyof LookUp)[]).map(
            (name) =>
              html`<tr>
                <th scope="row">${NAMES[name]}</th>
                <td class="value">${then === null ? '–' : cell(name, then[name])}</td>
                <td class="value">
                  ${cell(name, now[name])} ${changed.includes(name) ? badge('look', 'changed') : ''}
                </td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="small soft">
      The context ${now.context_known ? 'is there' : 'is gone'}; the user
      ${now.owner ? 'owns' : 'does not own'} the agent now.
    </p>`;
}
