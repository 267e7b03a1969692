import type { Gap } from '../../operations/continuity/gaps.ts';

/** A break of the stream that nobody has accepted yet. */
export const openGap: Gap = {
  id: '3',
  topicId: 't',
  kind: 'slot',
  evidence: 'it is gone',
  openedAt: new Date(0),
  acceptedAt: null,
};
