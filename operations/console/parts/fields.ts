import { html } from 'hono/html';
import type { CanonicalRun, LegacyRowNow, LookUp, Report } from '../../explain/report.ts';
import type { Visitor } from '../access.ts';
import type { Html } from '../layout.ts';
import { badge, guarded, shown } from './words.ts';

type Value = string | number | boolean | null | undefined;

interface Field {
  readonly name: string;
  readonly from: string;
  readonly canonical: Value;
  readonly legacy: Value;
  /** A value of a row, which only some visitors may see. */
  readonly personal?: true;
}

const NO_FIELD = 'no canonical field';
const ONLY_THERE = 'the writer';

/** The canonical row field for field, beside what the legacy row and its look-ups give for it. */
export function fieldsPart(
  { canonical_run: run, legacy_row: row, look_ups: lookUps }: Report,
  visitor: Visitor,
): Html {
  if (run === null && row === null) return html`<p class="soft">Neither row is there.</p>`;
  const fields = fieldsOf(run, row, lookUps?.then ?? lookUps?.now ?? null);
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Fields of both rows">
    <table>
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col">Canonical row</th>
          <th scope="col">Legacy row</th>
          <th scope="col">From</th>
          <th scope="col"><span class="hidden-text">Equal or not</span></th>
        </tr>
      </thead>
      <tbody>
        ${fields.map((field) => fieldRow(field, { visitor, both: run !== null && row !== null }))}
      </tbody>
    </table>
  </div>`;
}

function fieldRow(field: Field, { visitor, both }: { visitor: Visitor; both: boolean }): Html {
  const { name, from, canonical, legacy, personal } = field;
  const text = (value: Value) => (personal === true ? guarded(visitor, value) : shown(value));
  return html`<tr>
    <th scope="row"><code>${name}</code></th>
    <td class="value">${text(canonical)}</td>
    <td class="value">${text(legacy)}</td>
    <td class="soft">${from}</td>
    <td>
      ${!both || from === NO_FIELD || from === ONLY_THERE ? '' : shown(canonical) === shown(legacy) ? badge('good', 'equal') : badge('look', 'differs')}
    </td>
  </tr>`;
}

type Given = readonly [name: string, from: string, canonical: Value, legacy: Value];

function field(...[name, from, canonical, legacy]: Given): Field {
  return { name, from, canonical, legacy };
}

function fieldsOf(run: CanonicalRun | null, row: LegacyRowNow | null, looked: LookUp | null): Field[] {
  const passed = row === null ? null : row.overall_passed;
  return [
    { ...field('agent_url', 'its context', run?.agent_url, looked?.agent_url), personal: true },
    field('lifecycle_stage', 'the registry', run?.lifecycle_stage, looked?.lifecycle_stage ?? 'production'),
    field(
      'overall_status',
      'overall_passed',
      run?.overall_status,
      passed === null ? null : passed ? 'passing' : 'failing',
    ),
    { ...field('headline', 'summary', run?.headline, row?.summary), personal: true },
    field('total_duration_ms', 'total_duration_ms', run?.total_duration_ms, row?.total_duration_ms),
    field('tested_at', 'started_at', run?.tested_at, row?.started_at),
    field('tracks_passed', 'steps_passed', run?.tracks_passed, row?.steps_passed),
    field('tracks_failed', 'steps_failed', run?.tracks_failed, row?.steps_failed),
    field(
      'agent_profile_json',
      'agent_profile_json',
      bytes(run?.agent_profile_bytes),
      bytes(row?.agent_profile_bytes),
    ),
    field('dry_run', 'dry_run', run?.dry_run, row === null ? null : (row.dry_run ?? true)),
    {
      ...field('triggered_org_id', 'its context', run?.triggered_org_id, looked?.organization_id),
      personal: true,
    },
    field('triggered_by', ONLY_THERE, run?.triggered_by, null),
    field('observations_json', ONLY_THERE, bytes(run?.observations_bytes), null),
    field('scenario', NO_FIELD, null, row?.scenario),
    { ...field('user_id', NO_FIELD, null, row?.user_id), personal: true },
    field('steps_json', NO_FIELD, null, bytes(row?.steps_bytes)),
  ];
}

function bytes(size: number | null | undefined): string | null {
  return size === null || size === undefined ? null : `${String(size)} bytes`;
}
