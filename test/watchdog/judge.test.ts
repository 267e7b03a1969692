import { describe, expect, test } from 'vitest';
import {
  acceptedParts,
  identitiesOf,
  judgeContinuity,
  positionText,
  type Present,
  type Recorded,
} from '../../operations/continuity/judge.ts';

const TOPIC = '8d9c1b0e-0000-4000-8000-000000000001';
const SOUND = {
  topicId: TOPIC,
  system: '7390000000000000001',
  timeline: '1',
  publication: 'p (oid 5)',
  slot: 's, pgoutput, database app',
  position: { confirmed: 0x10_0000_0010n, stored: 0x10_0000_0010n },
} as const satisfies Present;
const RECORDED: Recorded = identitiesOf(SOUND);

function kinds(present: Present, recorded: Recorded = RECORDED): string[] {
  return judgeContinuity(TOPIC, recorded, present).map(({ kind }) => kind);
}

test('where everything is as it was recorded, or nothing was recorded yet, nothing is broken', () => {
  expect(kinds(SOUND)).toEqual([]);
  expect(kinds(SOUND, new Map())).toEqual([]);
  expect([...RECORDED.keys()]).toEqual(['system', 'timeline', 'publication', 'slot']);
});

test.each<[string, Partial<Present>, string[]]>([
  ['another topic under the name', { topicId: '8d9c1b0e-0000-4000-8000-000000000002' }, ['topic']],
  ['no topic', { topicId: null }, ['topic']],
  ['another server', { system: '7390000000000000002' }, ['system']],
  ['a promoted server', { timeline: '2' }, ['timeline']],
  ['a publication that was made again', { publication: 'p (oid 6)' }, ['publication']],
  ['no publication', { publication: null }, ['publication']],
  ['a slot of another database', { slot: 's, pgoutput, database other' }, ['slot']],
  ['no slot', { slot: null, position: { confirmed: null, stored: 1n } }, ['slot']],
  ['a slot ahead of the stored offset', { position: { confirmed: 0x11n, stored: 0x10n } }, ['position']],
  [
    'a server that was set up anew',
    { system: '1', slot: null, publication: null },
    ['system', 'publication', 'slot'],
  ],
])('%s is a break', (_, change, expected) => {
  expect(kinds({ ...SOUND, ...change })).toEqual(expected);
});

test('the evidence has both sides', () => {
  const [moved] = judgeContinuity(TOPIC, RECORDED, { ...SOUND, timeline: '2' });
  expect(moved?.evidence).toBe('recorded was "1", it is "2" now');
  const [ahead] = judgeContinuity(TOPIC, RECORDED, {
    ...SOUND,
    position: { confirmed: 0x16_b374_d848n, stored: 0x16_b374_d000n },
  });
  expect(ahead?.evidence).toBe(
    'the slot is confirmed up to 16/B374D848, Kafka Connect has stored 16/B374D000: 2,120 bytes of WAL lie between',
  );
});

test('the evidence says what is gone', () => {
  const evidenceOf = (present: Present) =>
    judgeContinuity(TOPIC, RECORDED, present).map(({ evidence }) => evidence);
  expect(evidenceOf({ ...SOUND, topicId: null, publication: null })).toEqual([
    `topic id ${TOPIC} was projected, there is none now`,
    'recorded was "p (oid 5)", it is gone now, or lost',
  ]);
  expect(evidenceOf({ ...SOUND, topicId: 'other' })).toEqual([
    `topic id ${TOPIC} was projected, it is other now`,
  ]);
});

test('a person accepts the part that broke; with a slot its position, and with a topic none', () => {
  expect(acceptedParts('topic')).toEqual([]);
  expect(acceptedParts('slot')).toEqual(['slot', 'position']);
  for (const part of ['system', 'timeline', 'publication', 'position'] as const)
    expect(acceptedParts(part)).toEqual([part]);
});

describe('what is not known is never a break:', () => {
  test.each(['topicId', 'system', 'timeline', 'publication', 'slot', 'position'] as const)('%s', (part) => {
    const present = Object.fromEntries(Object.entries(SOUND).filter(([name]) => name !== part));
    expect(kinds(present)).toEqual([]);
  });

  test('which topic is projected', () => {
    expect(judgeContinuity(undefined, RECORDED, SOUND)).toEqual([]);
  });

  test('all of it', () => {
    expect(kinds({})).toEqual([]);
  });
});

describe('the position', () => {
  test('tells nothing before Kafka Connect has stored an offset', () => {
    expect(kinds({ ...SOUND, position: { confirmed: 5n, stored: null } })).toEqual([]);
    expect(kinds({ ...SOUND, slot: null, position: { confirmed: null, stored: null } }, new Map())).toEqual(
      [],
    );
  });

  test('of a stored offset without a slot tells of a lost one, though none was recorded', () => {
    const lost = { ...SOUND, slot: null, position: { confirmed: null, stored: 5n } };
    expect(kinds(lost, new Map())).toEqual(['slot']);
    expect(kinds({ publication: SOUND.publication, position: lost.position }, new Map())).toEqual([]);
    // A database without our publication is hardly the one that the connector reads.
    expect(kinds({ ...lost, publication: null }, new Map())).toEqual([]);
  });

  test('may move back: Postgres forgets the newest confirmation in a crash', () => {
    expect(kinds({ ...SOUND, position: { confirmed: 1n, stored: 0x10_0000_0010n } })).toEqual([]);
  });

  test('that was accepted is a break again once the slot is moved further', () => {
    const accepted = { confirmed: 9n, stored: 5n };
    const recorded = new Map([...RECORDED, ['position', positionText(accepted)] as const]);
    expect(kinds({ ...SOUND, position: accepted }, recorded)).toEqual([]);
    expect(kinds({ ...SOUND, position: { confirmed: 10n, stored: 5n } }, recorded)).toEqual(['position']);
    expect(kinds({ ...SOUND, position: { confirmed: 10n, stored: 12n } }, recorded)).toEqual([]);
  });
});
