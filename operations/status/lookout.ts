import { FatalError } from '../../lib/errors.ts';
import type { Answer, Facts } from '../facts/areas.ts';
import { backlogIn, type Backlog } from '../facts/backlog.ts';
import { answerOf, readFacts } from '../facts/gather.ts';
import { Services } from '../facts/services.ts';
import type { Proof } from '../facts/proof.ts';
import { Observer, type Observed } from '../snapshot/observer.ts';
import type { SnapshotConfig } from '../snapshot/session.ts';
import { statusOf, type SnapshotStatus } from '../snapshot/status.ts';
import { topicNames } from '../../lib/names.ts';
import type { StatusFacts } from './facts.ts';
import {
  readDecisions,
  readLegacyRows,
  readQuarantine,
  readSweeps,
  readTwins,
  readVerdicts,
} from './ledger.ts';
import { oldestSeconds } from './oldest.ts';
import { Paced } from './paced.ts';
import { AREAS_WATCHED } from './watched.ts';

/** A consumer joins a group, which takes three seconds on a broker with default settings, and twice. */
const OBSERVER_WITHIN_MS = 25_000;
const COUNTS = { restMs: 10_000 };
/** Kafka Connect may take fifteen seconds to say nothing. */
const SNAPSHOT = { restMs: 0, longestRestMs: 5_000, withinMs: 18_000 };
/** Grouped from the findings of the last run, mostly none. */
const VERDICTS = { restMs: 0, longestRestMs: 5_000 };

const WAL_RATE = new Set(['walRate'] as const);
/** The proof is followed by the observer. */
const ELSEWHERE: readonly string[] = [...WAL_RATE, 'proof'];
const BESIDE = new Set([...AREAS_WATCHED].filter((name) => !ELSEWHERE.includes(name)));

/**
 * Looks at everything, again and again, over connections that stay open. It changes nothing. A service that gives no answer
 * leaves the others as they are, and is opened anew for the next look.
 */
export class Lookout {
  readonly #config: SnapshotConfig;
  #services: Services;
  #observer: Promise<Observer | undefined> | undefined;
  #before: { readonly atMs: number; readonly projected: bigint } | undefined;
  readonly #ledger = new Paced(() => readDecisions(this.#services.canonical()), COUNTS);
  readonly #legacyRows = new Paced(() => readLegacyRows(this.#services.legacy()), COUNTS);
  /** Measured over a second and a half: no look but the first waits for it. */
  readonly #walRate = new Paced(() => this.#measureWal(), { restMs: 0 });
  readonly #snapshot = new Paced(() => this.#askSnapshot(), SNAPSHOT);
  readonly #verdicts = new Paced(() => readVerdicts(this.#services.canonical()), VERDICTS);

  constructor(config: SnapshotConfig) {
    this.#config = config;
    this.#services = this.#open();
  }

  async look(): Promise<StatusFacts> {
    const [areas, projectors, quarantine, twins, sweeps, verdicts, snapshot, ledger, legacyRows] =
      await Promise.all([
        this.#askAreas(),
        answerOf(async () => (await this.#services.kafka()).groupMembers(this.#config.CONSUMER_GROUP)),
        answerOf(() => readQuarantine(this.#services.canonical())),
        answerOf(() => readTwins(this.#services.canonical(), this.#config)),
        answerOf(() => readSweeps(this.#services.canonical())),
        this.#verdicts.latest(),
        this.#snapshot.latest(),
        this.#ledger.latest(),
        this.#legacyRows.latest(),
      ]);
    const at = new Date();
    const backlog = backlogIn(areas);
    const facts = {
      at,
      areas,
      projectors,
      oldestSeconds: await this.#askOldest(backlog, at),
      recordsPerSecond: this.#pace(backlog, at),
      ...{ quarantine, twins, sweeps, verdicts: verdicts.answer, snapshot, ledger, legacyRows },
    };
    await this.#renewWhatFailed(facts);
    return facts;
  }

  async close(): Promise<void> {
    await this.#closeObserver();
    this.#services.close();
  }

  #open(): Services {
    return new Services({ ...this.#config, LOG_LEVEL: 'silent' }, 'history-cdc status');
  }

  async #askAreas(): Promise<Facts> {
    const [proof, walRate, beside] = await Promise.all([
      answerOf(async () => proofOf(await this.#observe()), OBSERVER_WITHIN_MS),
      this.#walRate.latest(),
      readFacts(this.#services, this.#config, BESIDE),
    ]);
    return { ...beside, proof, walRate: walRate.answer };
  }

  async #measureWal(): Promise<number> {
    const { walRate } = await readFacts(this.#services, this.#config, WAL_RATE);
    if (!walRate.known) throw new Error(walRate.why);
    return walRate.value;
  }

  /** Undefined where the topics are missing that tell. */
  async #observe(): Promise<Observer | undefined> {
    this.#observer ??= this.#services
      .kafka()
      .then((cluster) => Observer.start(cluster, this.#config))
      .catch((error: unknown) => {
        if (error instanceof FatalError && error.code === 'TOPIC_MISSING') return undefined;
        throw error;
      });
    return await this.#observer;
  }

  async #askSnapshot(): Promise<SnapshotStatus | undefined> {
    const observer = await this.#observe();
    if (observer === undefined) return undefined;
    const [canonical, legacy] = [this.#services.canonical(), this.#services.legacy()];
    const target = {
      connect: this.#services.connect(),
      cluster: await this.#services.kafka(),
      source: legacy,
    };
    return await statusOf({ config: this.#config, target, legacy, canonical, observer }, { coverage: false });
  }

  async #askOldest(backlog: Backlog | undefined, at: Date): Promise<Answer<number>> {
    if (backlog === undefined) return { known: false, why: 'how many records wait is not known' };
    if (backlog.records === 0n) return { known: true, value: 0 };
    return await answerOf(async () => {
      const cluster = await this.#services.kafka();
      const topic = topicNames(this.#config).data;
      return await oldestSeconds((timestampMs) => cluster.offsetsAt(topic, timestampMs), backlog.next, at);
    });
  }

  #pace(backlog: Backlog | undefined, at: Date): number | null {
    if (backlog === undefined) return null;
    const before = this.#before;
    const projected = [...backlog.next.values()].reduce((sum, offset) => sum + offset, 0n);
    this.#before = { atMs: at.getTime(), projected };
    if (before === undefined) return null;
    return (Number(projected - before.projected) * 1000) / Math.max(1, at.getTime() - before.atMs);
  }

  async #renewWhatFailed({ areas }: StatusFacts): Promise<void> {
    const { brokers, dataTopic, source, canonical, proof } = areas;
    const noTopics = proof.known && proof.value === undefined;
    if (!proof.known || noTopics) await this.#closeObserver();
    if ([brokers, dataTopic, source, canonical].every(({ known }) => known)) return;
    await this.#closeObserver();
    this.#services.close();
    this.#services = this.#open();
  }

  /** Waits for nothing that hangs: Kafka may be away. */
  async #closeObserver(): Promise<void> {
    const observer = this.#observer;
    this.#observer = undefined;
    await answerOf(async () => (await observer)?.stop(), 3_000);
  }
}

function proofOf(observer: Observer | undefined): Proof | undefined {
  const observed: Observed | undefined = observer?.current();
  return observed && { heartbeat: observed.heartbeat, beats: 0, snapshot: observed.history.initial };
}
