import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { aRow, deleted, incrementalSnapshotOf, inserted, rawRecord, tombstone, updated } from './records.ts';
import type { Message, RowValues } from './records.ts';
import type { World } from './world.ts';

const CONTEXTS = ['owned', 'also owned', 'of a stranger', 'gone'] as const;
const USERS = ['owner', 'stranger', null] as const;
const TEXT_COLUMNS = ['summary', 'scenario', 'agent_profile_json', 'user_id', 'steps_json'] as const;

/** A state of a legacy row. */
export const image = fc.record({
  context: fc.constantFrom(...CONTEXTS),
  user: fc.constantFrom(...USERS),
  summary: fc.option(fc.constantFrom('one', 'two', '')),
  storyboard: fc.option(fc.constantFrom('passing', 'failing')),
  profile: fc.option(fc.constantFrom('{"n": 1.0}', '{"n": 2.0}', 'null')),
  passed: fc.boolean(),
  steps: fc.nat(9),
});
export type Image = typeof image extends fc.Arbitrary<infer T> ? T : never;

/** Something that happens to one of three rows. */
export const step = fc.record({
  key: fc.nat(2),
  what: fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('update' as const),
        image,
        leftOut: fc.subarray([...TEXT_COLUMNS]),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('insert' as const), image }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('read again' as const), image }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('garbage' as const) }) },
  ),
});
type What = (typeof step extends fc.Arbitrary<infer T> ? T : never)['what'];

/** Whom the rows of a history name. */
export interface Actors {
  readonly contexts: Readonly<Record<(typeof CONTEXTS)[number], string>>;
  readonly users: Readonly<Record<'owner' | 'stranger', string>>;
  readonly urls: Readonly<Partial<Record<(typeof CONTEXTS)[number], string>>>;
}

export async function actorsIn(tables: World): Promise<Actors> {
  const owner = await tables.owner();
  const second = await tables.owner();
  const stranger = await tables.owner();
  await tables.member(owner.user, second.organization);
  return {
    contexts: {
      owned: owner.context,
      'also owned': second.context,
      'of a stranger': stranger.context,
      gone: randomUUID(),
    },
    users: { owner: owner.user, stranger: 'user_stranger' },
    urls: { owned: owner.url, 'also owned': second.url },
  };
}

/** The row in a state. */
export function rowOf(
  id: string,
  { context, user, ...values }: Image,
  { contexts, users }: Actors,
): RowValues {
  return aRow({
    id,
    agent_context_id: contexts[context],
    user_id: user === null ? null : users[user],
    summary: values.summary,
    agent_profile_json: values.profile,
    steps_json: JSON.stringify([
      values.storyboard === null ? { step: 1 } : { scenario: 'a/1', passed: values.storyboard === 'passing' },
    ]),
    overall_passed: values.passed,
    steps_passed: values.steps,
  });
}

/** The records that it leaves in the topic. */
export function messagesOf(id: string, what: What, actors: Actors): Message[] {
  switch (what.kind) {
    case 'insert':
      return [inserted(rowOf(id, what.image, actors))];
    case 'update':
      return [updated(rowOf(id, what.image, actors), ...what.leftOut)];
    case 'read again':
      return [incrementalSnapshotOf(rowOf(id, what.image, actors))];
    case 'delete':
      return [deleted(id), tombstone(id)];
    case 'garbage':
      return [rawRecord(id, { op: 'u' })];
  }
}
