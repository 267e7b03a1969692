import { html } from 'hono/html';
import type { Report, TopicEvent } from '../../explain/report.ts';
import type { Visitor } from '../access.ts';
import type { Html } from '../layout.ts';
import { badge, moment, shown, type Tone } from './words.ts';

interface Happening {
  readonly at: string;
  readonly what: Html | string;
  readonly detail: Html | string;
  readonly tone?: Tone;
}

/** Everything with a time that is known of a row, the earliest first; and the events in the topic, once they are read. */
export function storyPart(report: Report, visitor: Visitor): Html {
  const happenings = [
    ...ofTables(report),
    ...ofQuarantine(report, visitor),
    ...(report.events ?? []).map(ofEvent),
  ].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  return html`<ol class="timeline">
      ${happenings.map(
        ({ at, what, detail, tone }) =>
          html`<li class="${tone ?? ''}">
            <span
              >${what} ${detail === '' ? '' : html`<span class="soft small">${detail}</span>`}<br /><span
                class="small"
                >${moment(at)}</span
              ></span
            >
          </li>`,
      )}
    </ol>
    ${
      report.events === null
        ? html`<p><a class="button" href="/live/runs/${report.id}">Read its events in the topic</a></p>`
        : report.events.length === 0
          ? html`<p class="soft small">No event of it is in the topic.</p>`
          : ''
    }`;
}

function ofTables({ legacy_row: row, ledger, canonical_run: run, undone }: Report): Happening[] {
  const started = row?.started_at ?? ledger?.started_at;
  return [
    ...(started == null ? [] : [{ at: started, what: 'The run started', detail: 'by its legacy row' }]),
    ...(run?.whose !== 'live'
      ? []
      : [{ at: run.tested_at, what: 'The live path recorded it', detail: `canonical row ${run.id}` }]),
    ...(ledger === null
      ? []
      : [
          {
            at: ledger.decided_at,
            what: `Decided: ${ledger.decision}`,
            detail: `${ledger.reason}, by event ${String(ledger.partition)}:${ledger.offset}`,
            tone: ledger.decision === 'quarantined' ? ('wrong' as const) : ('good' as const),
          },
        ]),
    ...(ledger?.source_deleted_at == null
      ? []
      : [{ at: ledger.source_deleted_at, what: 'The legacy row was deleted', detail: '' }]),
    ...(undone === null
      ? []
      : [
          {
            at: undone.undone_at,
            what: 'undo removed it',
            detail: 'the next event restores it',
            tone: 'look' as const,
          },
        ]),
  ];
}

function ofQuarantine({ quarantine }: Report, { seesValues }: Visitor): Happening[] {
  return quarantine.flatMap((record) => [
    {
      at: record.quarantined_at,
      what: `Parked: ${record.reason}`,
      detail: seesValues ? shown(record.detail) : `record ${record.id}`,
      tone: 'wrong' as const,
    },
    ...(record.healed_at === null
      ? []
      : [{ at: record.healed_at, what: 'The parked record was healed', detail: '', tone: 'good' as const }]),
    ...(record.waived_at === null
      ? []
      : [
          {
            at: record.waived_at,
            what: `Waived by ${shown(record.waived_by)}`,
            detail: shown(record.waive_reason),
            tone: 'look' as const,
          },
        ]),
  ]);
}

const OPS: Readonly<Record<TopicEvent['op'], string>> = {
  r: 'read by a snapshot',
  c: 'inserted',
  u: 'updated',
  d: 'deleted',
  tombstone: 'tombstone',
  unreadable: 'unreadable record',
};

function ofEvent(event: TopicEvent): Happening {
  const left = event.left_out.length === 0 ? '' : `, left out: ${event.left_out.join(' ')}`;
  return {
    at: event.timestamp,
    what: html`Event <code>${String(event.partition)}:${event.offset}</code>: ${OPS[event.op]}`,
    detail: html`${String(event.bytes)} bytes${event.lsn === null ? '' : `, LSN ${event.lsn}`}${left};
    ${event.ledger === 'not_applied' ? badge('look', 'not applied') : event.ledger.replaceAll('_', ' ')}`,
  };
}
