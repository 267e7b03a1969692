import type { Config } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { behindBreak } from '../checks/remedies.ts';
import type { Gap } from '../continuity/gaps.ts';
import { BREAKS, type Break } from '../continuity/judge.ts';

const INDENT = '\n           ';

interface Broken {
  readonly breaks: readonly Break[];
  /** The open gaps of this topic; none if the ledger does not know it. */
  readonly gaps: readonly Gap[];
}

/** The error of a stream whose server, timeline, publication or slot has changed. */
export function streamBroken({ breaks, gaps }: Broken, config: Config): FatalError {
  return new FatalError({
    code: 'STREAM_BROKEN',
    message: `rows may be missing from the stream:\n${breaks.map(({ kind, evidence }) => `  - ${kind}: ${evidence} (${BREAKS[kind]})`).join('\n')}`,
    wayOut: wayOut({ breaks, gaps }, config),
    facts: { kinds: breaks.map(({ kind }) => kind).join(',') },
  });
}

/** The error of an open gap that nobody has accepted. */
export function gapOpen(gaps: readonly Gap[], config: Config): FatalError {
  const lines = gaps.map(
    ({ id, kind, evidence, openedAt }) =>
      `  - gap ${id}, ${kind}, since ${openedAt.toISOString()}: ${evidence}`,
  );
  return new FatalError({
    code: 'GAP_OPEN',
    message: `the stream was broken, and nobody has accepted the gap:\n${lines.join('\n')}`,
    wayOut: wayOut({ breaks: [], gaps }, config),
    facts: { gaps: gaps.map(({ id }) => id).join(',') },
  });
}

function wayOut(broken: Broken, config: Config): string {
  const topicId = broken.gaps[0]?.topicId;
  const steps = behindBreak({ config, projected: topicId !== undefined, stream: { topicId, ...broken } });
  return ['carry out these steps, in this order:', ...steps.split('\n')].join(INDENT);
}
