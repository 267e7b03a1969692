/** The messages of the webhook. They hold ids of ours, kinds and counts: no value of a row, and no name of a person. */

/** Something that happened and was not told yet. */
export interface News {
  /** Of the message: `gap.opened`, `incident.straggler`. */
  readonly type: string;
  /** Identifies it among everything of its type. */
  readonly subject: string;
  readonly id: string;
  /** The kind of a gap or an incident, the scope of a verdict, the name of a stage. */
  readonly what: string;
  readonly at: Date;
}

/** A condition of the soak that holds now and did not before, or the other way round. */
export interface Flip {
  readonly condition: string;
  readonly from: string;
  readonly to: string;
}

export interface Message {
  readonly type: string;
  /** The bytes that are sent and signed. */
  readonly body: string;
  /** What it tells. */
  readonly subjects: readonly string[];
}

/** What a person reads first, and the command to run next. */
interface Meaning {
  readonly text: string;
  readonly next: string;
}

const MEANINGS: Readonly<Record<string, Meaning>> = {
  'gap.opened': {
    text: 'The stream was broken, so rows may be missing. The projector has stopped.',
    next: 'history-cdc status',
  },
  'verdict.wrong': {
    text: 'reconcile found rows that are lost, doubled or wrong.',
    next: 'history-cdc reconcile --last',
  },
  'incident.wrong_verdict': {
    text: 'The verification beside the projector found rows that are wrong.',
    next: 'history-cdc status',
  },
  'incident.quarantined_owner': {
    text: 'Records were parked: they could not be decoded or written.',
    next: 'history-cdc quarantine list',
  },
  'incident.straggler': {
    text: "The live path did not record owners' runs. The projector wrote them.",
    next: 'history-cdc soak',
  },
  'incident.late_owner_write': {
    text: "An old pod still writes owners' runs to the legacy table.",
    next: 'history-cdc soak',
  },
  'incident.fenced_write': {
    text: 'Somebody tried to write to the fenced legacy table. The fence refused it.',
    next: 'history-cdc retire check',
  },
  'stage.entered': { text: 'The legacy table entered another stage.', next: 'history-cdc soak' },
};
const ELSE: Meaning = {
  text: 'Something happened that a person should look at.',
  next: 'history-cdc status',
};

const MOST_IDS = 100;

/** One message per type, however much of it there is: a storm of stragglers must not become a storm of messages. */
export function messagesOf(news: readonly News[]): Message[] {
  return [...new Set(news.map(({ type }) => type))].map((type) => {
    const some = news.filter((one) => one.type === type);
    const data = {
      ...(MEANINGS[type] ?? ELSE),
      count: some.length,
      ids: some.slice(0, MOST_IDS).map(({ id }) => id),
      kinds: [...new Set(some.map(({ what }) => what))].sort(),
    };
    return { type, body: bodyOf(type, some[0]?.at, data), subjects: some.map(({ subject }) => subject) };
  });
}

/** What the last look at the soak came to, compared with what was told last. */
export function gateMessage(flips: readonly Flip[], { allMet, at }: { allMet: boolean; at: Date }): Message {
  const type = 'gate.changed';
  const data = {
    text: allMet
      ? 'Every condition of the soak holds: the legacy table may go.'
      : 'Conditions of the soak changed: the legacy table may not go yet.',
    next: 'history-cdc soak',
    allMet,
    changed: flips,
  };
  return { type, body: bodyOf(type, at, data), subjects: [] };
}

export function testMessage(at: Date): string {
  return bodyOf('webhook.test', at, {
    text: 'A test of the webhook of history-cdc. Nothing has happened.',
    next: 'history-cdc webhook list',
  });
}

function bodyOf(type: string, at: Date | undefined, data: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ type, timestamp: (at ?? new Date()).toISOString(), data });
}
