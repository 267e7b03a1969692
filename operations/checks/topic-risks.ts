import type { Config } from '../../lib/config.ts';
import { lines, type Paste } from '../../lib/quoting.ts';
import type { TopicFacts } from '../facts/kafka.ts';
import { alterTopic } from './remedies.ts';
import { failed, warning, type Judgement } from './verdict.ts';

interface Risk {
  readonly topic: string;
  readonly setting: string;
  readonly wanted: string;
  readonly says: string;
  /** The topic takes no records at all. */
  readonly isFatal?: true;
}

/**
 * Settings that the cluster gives our topics, and that can lose records or hold them back; undefined if none does. A
 * setting that was not read is not judged.
 */
export function judgeTopicRisks(topics: TopicFacts, config: Config): Judgement | undefined {
  const risks = topics.there.flatMap(({ name, config: settings }) => {
    const copies = topics.replicas.find((one) => one.name === name)?.copies;
    return [
      ...(copies === undefined ? [] : inSyncRisk(name, settings['min.insync.replicas'], copies)),
      ...electionRisk(name, settings['unclean.leader.election.enable']),
      ...timestampRisk(name, settings['message.timestamp.type']),
    ];
  });
  if (risks.length === 0) return undefined;
  const evidence = risks.map(({ topic, setting, says }) => `${topic}: ${setting} is ${says}`).join('; ');
  const fix = lines<Paste>(
    ...risks.map(({ topic, setting, wanted }) => alterTopic(topic, `${setting}=${wanted}`, config)),
  );
  return risks.some(({ isFatal }) => isFatal === true) ? failed(evidence, fix) : warning(evidence, fix);
}

function inSyncRisk(topic: string, found: string | undefined, copies: number): Risk[] {
  const setting = 'min.insync.replicas';
  const minimum = Number(found ?? Number.NaN);
  const risk = { topic, setting, wanted: String(Math.max(1, Math.min(2, copies - 1))) };
  if (minimum > copies) {
    const says = `${String(minimum)} with ${String(copies)} cop(ies), so that nothing can be written`;
    return [{ ...risk, says, isFatal: true }];
  }
  if (minimum === copies && copies > 1) {
    return [{ ...risk, says: `${String(minimum)}, so that nothing can be written while one broker is away` }];
  }
  if (minimum === 1 && copies > 2)
    return [{ ...risk, says: '1, so that a record which one broker has counts as safe' }];
  return [];
}

function electionRisk(topic: string, found: string | undefined): Risk[] {
  const setting = 'unclean.leader.election.enable';
  if (found !== 'true') return [];
  const says = 'true, so that an election can cut off records that were read already';
  return [{ topic, setting, wanted: 'false', says }];
}

function timestampRisk(topic: string, found: string | undefined): Risk[] {
  const setting = 'message.timestamp.type';
  if (found === undefined || found === 'CreateTime') return [];
  const says = `${found}, so that the time of a record is when the broker stored it`;
  return [{ topic, setting, wanted: 'CreateTime', says }];
}
