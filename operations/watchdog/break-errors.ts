import type { Config } from '../../lib/config.ts';
import { FatalError } from '../../lib/errors.ts';
import { behindBreak } from '../checks/remedies.ts';
import type { Gap } from '../continuity/gaps.ts';
import { BREAKS, type Break } from '../continuity/judge.ts';

const INDENT = '\n           ';

interface Broken {
  readonly breaks: readonly Break[];
  /** Open ones of this topic; none where no ledger knows it. */
  readonly gaps: readonly Gap[];
}

/** The stream is not what it was. */
export function streamBroken({ breaks, gaps }: Broken, config: Config): FatalError {
  return new FatalError({
    code: 'STREAM_BROKEN',
    message: `rows may be missing from the stream:\n${breaks.map(({ kind, evidence }) => `  - ${kind}: ${evidence} (${BREAKS[kind]})`).join('\n')}`,
    wayOut: wayOut({ breaks, gaps }, config),
    facts: { kinds: breaks.map(({ kind }) => kind).join(',') },
  });
}

/** A gap is open, and nobody has said that the stream may go on behind it. */
export function gapOpen(gaps: readonly Gap[], config: Config): FatalError {
  const lines = gaps.map(
    ({ id, kind, evidence, openedAt }) =>
      `  - gap ${id}, ${kind}, since ${openedAt.toISOString()}: ${evidence}`,
  );
  return new FatalError({
    code: 'GAP_OPEN',
    message: `the stream was broken, and nobody has accepted to go on behind it:\n${lines.join('\n')}`,
    wayOut: wayOut({ breaks: [], gaps }, config),
    facts: { gaps: gaps.map(({ id }) => id).join(',') },
  });
}

function wayOut(broken: Broken, config: Config): string {
  const topicId = broken.gaps[0]?.topicId;
  const steps = behindBreak({ config, projected: topicId !== undefined, stream: { topicId, ...broken } });
  return ['carry out these lines, in this order:', ...steps.split('\n')].join(INDENT);
}
