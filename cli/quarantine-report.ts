import type { Content } from '../operations/quarantine/content.ts';
import type { ParkedRecord, ReasonCount, WholeRecord } from '../operations/quarantine/records.ts';
import type { RetryAnswer } from '../operations/quarantine/retry.ts';
import { oneLine } from '../lib/printable.ts';
import { rowJson } from './row-json.ts';
import type { Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';

/** One line per record, and the counts of everything that was ever parked. */
export function renderList(records: readonly ParkedRecord[], counts: readonly ReasonCount[]): Screen {
  const rows = records.map((record) => [
    record.id,
    positionOf(record),
    record.legacy_id ?? 'no key',
    record.reason,
    record.quarantined_at.toISOString(),
    record.attempts,
    stateOf(record),
    record.detail,
  ]);
  const head = ['id', 'position', 'legacy row', 'reason', 'parked at', 'attempts', 'state', 'what is wrong'];
  return [...(rows.length === 0 ? [] : [tableOf(head, rows)]), renderCounts(counts)];
}

function positionOf({ topic, topic_id, partition, offset }: ParkedRecord): string {
  return `${topic ?? topic_id}:${String(partition)}:${offset}`;
}

function stateOf({ state, waived_by }: ParkedRecord): string {
  return state === 'waived' ? `waived by ${waived_by ?? ''}` : state;
}

/** Every state, even if its count is 0, so that waived records are never left out. */
function renderCounts(counts: readonly ReasonCount[]): string {
  return (['open', 'waived', 'healed'] as const)
    .map((state) => {
      const total = counts.reduce((sum, count) => sum + count[state], 0);
      const parts = counts
        .filter((count) => count[state] > 0)
        .map((count) => `${count.reason} ${String(count[state])}`);
      return `${state} ${String(total)}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
    })
    .join(', ');
}

interface Shown {
  readonly key: Content;
  readonly value: Content;
  /** What a retry would do now; undefined if there is nothing to retry. */
  readonly answer: RetryAnswer | undefined;
  /** Whether to show the bytes. */
  readonly raw: boolean | undefined;
}

export function recordFacts(
  { record_key, record_value, ledger, ...record }: WholeRecord,
  { key, value, answer, raw }: Shown,
) {
  return {
    ...rowJson(record),
    content: { key: contentFacts(key), value: contentFacts(value) },
    ...(raw === true && { raw: { key: base64(record_key), value: base64(record_value) } }),
    ledger: rowJson(ledger),
    retryNow: answer === undefined ? null : answerFacts(answer),
  };
}

function contentFacts({ schema_id: schemaId, ...content }: Content) {
  return { ...content, ...(schemaId !== undefined && { schemaId }) };
}

function base64(bytes: Buffer | null): string | null {
  return bytes?.toString('base64') ?? null;
}

export function renderRecord(
  { record_key, record_value, ledger, ...record }: WholeRecord,
  { key, value, answer: now, raw }: Shown,
): string {
  const waived =
    record.waived_at === null
      ? []
      : [
          `waived        ${record.waived_at.toISOString()} by ${oneLine(`${record.waived_by ?? ''}: ${record.waive_reason ?? ''}`)}`,
        ];
  return [
    `record        ${record.id}, ${record.state}, retried ${String(record.attempts)} times`,
    `position      ${positionOf(record)}`,
    `legacy row    ${record.legacy_id ?? 'its key cannot be read'}`,
    `what is wrong ${record.reason}: ${oneLine(record.detail)}`,
    `parked        ${record.quarantined_at.toISOString()}`,
    ...waived,
    `ledger        ${ledger === null ? 'nothing' : `${textOf(ledger['decision'])} (${textOf(ledger['reason'])}), op ${textOf(ledger['op'])} at ${textOf(ledger['partition'])}:${textOf(ledger['offset'])}`}`,
    `a retry now   ${now === undefined ? 'nothing to retry' : meaningOf(now)}`,
    `key           ${contentText(key, record.key_bytes)}`,
    `value         ${record.value_sha256 === null ? contentText(value, record.value_bytes) : unkeptText(record)}`,
    ...(raw === true
      ? [`raw key       ${base64(record_key) ?? 'none'}`, `raw value     ${base64(record_value) ?? 'none'}`]
      : []),
  ].join('\n');
}

function unkeptText({ value_bytes: bytes, value_sha256: sha256, erased_at: at }: ParkedShown): string {
  const why = at === null ? 'too large to be kept' : `removed at ${at.toISOString()}`;
  return `${why}: ${String(bytes)} bytes, SHA-256 ${sha256 ?? ''}`;
}

type ParkedShown = Pick<ParkedRecord, 'value_bytes' | 'value_sha256' | 'erased_at'>;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function contentText({ format, value, schema_id }: Content, bytes: number | null): string {
  if (format === 'none') return 'none';
  const schema = schema_id === undefined ? '' : `, schema ${String(schema_id)}`;
  if (format === 'unreadable') return `cannot be read (${String(bytes)} bytes${schema}; --raw shows them)`;
  return `${format}${schema}\n${JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? String(one) : one), 2)}`;
}

export function answerFacts({ partition, offset, ...answer }: RetryAnswer) {
  return { ...answer, position: `${String(partition)}:${offset}` };
}

export function countsOf(answers: readonly RetryAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { outcome } of answers) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

export function renderRetry(
  answers: readonly RetryAnswer[],
  { dryRun, maxAttempts }: { readonly dryRun: boolean; readonly maxAttempts: number },
): Screen {
  if (answers.length === 0) return 'nothing to retry';
  const rows = answers.map((answer) => [
    answer.id,
    `${String(answer.partition)}:${answer.offset}`,
    answer.legacyId ?? 'no key',
    answer.attempts,
    meaningOf(answer),
  ]);
  const counts = Object.entries(countsOf(answers)).map(([outcome, count]) => `${outcome} ${String(count)}`);
  const exhausted = answers.some(({ outcome }) => outcome === 'exhausted')
    ? [`exhausted: retried ${String(maxAttempts)} times or more; --max-attempts lets them in`]
    : [];
  return [
    tableOf(['id', 'position', 'legacy row', 'attempts', dryRun ? 'would become' : 'became'], rows),
    ...exhausted,
    `${counts.join(', ')}${dryRun ? ' (dry run: nothing was changed; --apply does it)' : ''}`,
  ];
}

function meaningOf({ outcome, decision, reason, detail }: RetryAnswer): string {
  if (outcome === 'decided') return `${decision ?? 'without effect'} (${reason})`;
  if (outcome === 'closed') return 'healed already, not tried';
  if (outcome === 'exhausted') return `not tried: ${reason}: ${detail}`;
  if (outcome === 'failed') return `parked again: ${reason}: ${detail}`;
  return `${outcome}: ${detail}`;
}
