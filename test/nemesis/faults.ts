import { setTimeout } from 'node:timers/promises';
import type { FaultyProxy } from './faulty-proxy.ts';
import type { ServerName } from '../../stack/state.ts';
import type { Projectors } from './projectors.ts';
import type { Fault } from './schedule.ts';
import type { SecondWorker } from './second-worker.ts';
import type { Servers } from './servers.ts';

/** What each piece of data waits for on a slow connection. */
const SLOW_MS = 150;
const CUT_AGAIN_SECONDS = 20;
/** A projector with a wrong clock shall have time to work with it. */
const CLOCK_SECONDS = 15;

/** What the nemesis lays its hands on. */
export interface Victims {
  readonly servers: Servers;
  readonly projectors: Projectors;
  /** Undefined if the run has one Connect worker. */
  readonly secondWorker: SecondWorker | undefined;
  /** Their ways to Postgres. */
  readonly proxies: Readonly<Record<'projector' | 'connect', FaultyProxy>>;
}

type Inject = (victims: Victims, seconds: number, nth: number) => Promise<Readonly<Record<string, unknown>>>;

/** How each fault is injected, and how it ends. Each returns what it did to whom, and throws if it did nothing. */
export const INJECT: Readonly<Record<Fault, Inject>> = {
  // The service manager starts it again; these last as long as that takes.
  'kill projector': ({ projectors }, _, nth) => toProjector(projectors, nth, 'SIGKILL'),
  'end projector': ({ projectors }, _, nth) => toProjector(projectors, nth, 'SIGTERM'),
  'freeze projector': async ({ projectors }, seconds, nth) => {
    const facts = await toProjector(projectors, nth, 'SIGSTOP');
    await lasting(seconds);
    projectors.continueAll();
    return facts;
  },
  'wrong clock projector': async ({ projectors }, seconds, nth) => {
    const hours = nth % 2 === 0 ? 1 : -1;
    projectors.clockOffsetHours = hours;
    const facts = await toProjector(projectors, nth, 'SIGTERM');
    await lasting(seconds + CLOCK_SECONDS);
    projectors.clockOffsetHours = 0;
    await toProjector(projectors, nth, 'SIGTERM');
    return { ...facts, hours };
  },
  'cut projector': ({ proxies }) => cut(proxies.projector),
  'silence projector': ({ proxies }, seconds) => silenced(proxies.projector, seconds),
  'slow down projector': ({ proxies }, seconds) => slowed(proxies.projector, seconds),
  'cut connect': ({ proxies }) => cut(proxies.connect),
  // Debezium waits on a silent connection until the system gives it up. That never happens behind this proxy, which
  // goes on acknowledging what it receives.
  'silence connect': async ({ proxies }, seconds) => {
    const facts = await silenced(proxies.connect, seconds);
    proxies.connect.cut();
    return facts;
  },
  'slow down connect': ({ proxies }, seconds) => slowed(proxies.connect, seconds),
  'kill connect': async (victims, seconds, nth) => {
    const { secondWorker } = victims;
    if (secondWorker === undefined || nth % 2 === 0)
      return await ended(victims, { name: 'connect', signal: 'SIGKILL', seconds });
    await secondWorker.kill();
    await lasting(seconds);
    await secondWorker.start();
    return { name: 'the second worker', signal: 'SIGKILL' };
  },
  'kill kafka': (victims, seconds) => ended(victims, { name: 'kafka', signal: 'SIGKILL', seconds }),
  'kill postgres': (victims, seconds) => ended(victims, { name: 'postgres', signal: 'SIGKILL', seconds }),
  'end postgres': (victims, seconds) => ended(victims, { name: 'postgres', signal: 'SIGINT', seconds }),
  'freeze connect': (victims, seconds) => frozen(victims, 'connect', seconds),
  'freeze kafka': (victims, seconds) => frozen(victims, 'kafka', seconds),
};

async function cut(proxy: FaultyProxy) {
  const connections = proxy.cut();
  if (connections > 0) return { connections };
  // Its client is on its way up again from the fault before.
  await lasting(CUT_AGAIN_SECONDS);
  return { connections: proxy.cut() };
}

async function silenced(proxy: FaultyProxy, seconds: number) {
  const connections = proxy.silence();
  await lasting(seconds);
  proxy.heal();
  return { connections };
}

async function slowed(proxy: FaultyProxy, seconds: number) {
  proxy.slowDown(SLOW_MS);
  await lasting(seconds);
  proxy.heal();
  return { milliseconds: SLOW_MS };
}

async function lasting(seconds: number): Promise<void> {
  await setTimeout(seconds * 1000);
}

async function toProjector(projectors: Projectors, nth: number, signal: NodeJS.Signals) {
  // It may be on its way up again from the fault before.
  for (let waited = 0; waited < 60; waited++) {
    const name = projectors.signal(nth, signal);
    if (name !== undefined) return { name, signal };
    await lasting(1);
  }
  throw new Error('no projector runs');
}

interface End {
  readonly name: ServerName;
  readonly signal: NodeJS.Signals;
  readonly seconds: number;
}

async function ended({ servers }: Victims, { name, signal, seconds }: End) {
  await servers.end(name, signal);
  await lasting(seconds);
  await servers.start();
  return { name, signal };
}

async function frozen({ servers }: Victims, name: ServerName, seconds: number) {
  const goOn = servers.freeze(name);
  await lasting(seconds);
  goOn();
  return { name, signal: 'SIGSTOP' };
}
