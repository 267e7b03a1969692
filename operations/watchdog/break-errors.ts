import { BREAKS, MEND_PUBLICATION, type Break, type BreakKind } from '../continuity/judge.ts';
import type { Gap } from '../continuity/gaps.ts';
import { FatalError } from '../../lib/errors.ts';

const INDENT = '\n           ';
const NEW_TOPIC =
  'make the topic anew with a whole snapshot (docs/running.md, "A new topic with a whole snapshot"), then `history-cdc project --accept-new-topic`';
const NEW_SNAPSHOT =
  '`history-cdc connector delete --forget-offsets`, drop the slot if it is there, then `history-cdc connector apply`: its initial snapshot reads the whole table again';

/** How the rows come back that the break may have cost. */
const REREAD: Readonly<Record<Exclude<BreakKind, 'topic'>, string>> = {
  system:
    '`history-cdc doctor`, mend what is red; then `history-cdc connector apply` and `history-cdc snapshot start --follow`',
  timeline:
    '`history-cdc connector status`; `history-cdc connector restart` if it has failed; `history-cdc snapshot start --follow`',
  publication: '`history-cdc connector restart`; `history-cdc snapshot start --follow`',
  slot: NEW_SNAPSHOT,
  position: '`history-cdc connector resume`; `history-cdc snapshot start --follow`',
};

/** The stream is not what it was: `gaps` are those that are open for it now; none where no ledger knows the topic. */
export function streamBroken(breaks: readonly Break[], gaps: readonly Gap[]): FatalError {
  return new FatalError({
    code: 'STREAM_BROKEN',
    message: `rows may be missing from the stream:\n${breaks.map(({ kind, evidence }) => `  - ${kind}: ${evidence} (${BREAKS[kind]})`).join('\n')}`,
    wayOut: gaps.length === 0 ? withoutLedger(breaks) : wayOut(gaps, breaks),
    facts: { kinds: breaks.map(({ kind }) => kind).join(',') },
  });
}

/** A gap is open, and nobody has said that the stream may go on behind it. */
export function gapOpen(gaps: readonly Gap[]): FatalError {
  const lines = gaps.map(
    ({ id, kind, evidence, openedAt }) =>
      `  - gap ${id}, ${kind}, since ${openedAt.toISOString()}: ${evidence}`,
  );
  return new FatalError({
    code: 'GAP_OPEN',
    message: `the stream was broken, and nobody has accepted to go on behind it:\n${lines.join('\n')}`,
    wayOut: wayOut(gaps),
    facts: { gaps: gaps.map(({ id }) => id).join(',') },
  });
}

function wayOut(gaps: readonly Gap[], breaks: readonly Break[] = []): string {
  if (gaps.some(({ kind }) => kind === 'topic')) return NEW_TOPIC;
  const ids = gaps.map(({ id }) => id).join(' ');
  const steps = [
    ...(needMending(breaks) ? [MEND_PUBLICATION] : []),
    `\`history-cdc project --accept-gap ${ids}\`: it goes on with what is there now, and the gap stays open`,
    ...rereads(gaps),
    '`history-cdc reconcile`: proven, it closes the gap',
  ];
  return ['the steps, in this order:', ...steps.map((step, index) => `${String(index + 1)}. ${step}`)].join(
    INDENT,
  );
}

function needMending(breaks: readonly Break[]): boolean {
  return breaks.some(({ mendFirst }) => mendFirst === true);
}

function rereads(gaps: readonly Pick<Gap, 'kind'>[]): string[] {
  return [...new Set(gaps.flatMap(({ kind }) => (kind === 'topic' ? [] : [REREAD[kind]])))];
}

/** Before anything was projected, there is nothing to be kept: the connector begins anew. */
function withoutLedger(breaks: readonly Break[]): string {
  if (needMending(breaks)) return `${MEND_PUBLICATION}; then ${NEW_SNAPSHOT}`;
  return breaks.some(({ kind }) => kind === 'topic') ? NEW_TOPIC : NEW_SNAPSHOT;
}
