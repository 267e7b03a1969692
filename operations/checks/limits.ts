/** What the server of the legacy database may end: a slot, a session, or the stream of a slot. */
import { identifier, keyword, lines, shell, sql, type Paste } from '../../lib/quoting.ts';
import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import type { ServerFacts, SlotFacts } from '../facts/postgres.ts';
import { advice, checksOf, error, type Circumstances } from './check.ts';
import { raiseCap } from './remedies.ts';
import { goOn } from './slot.ts';
import { failed, ok, unknown, warning, type Judgement } from './verdict.ts';
import { bytesText, spanText } from '../../lib/figures.ts';
import { secondsUntilFull } from '../facts/wal.ts';

const MIB = 1_048_576;
/** Less than this a busy hour can use up. */
const SMALL_CAP_MEGABYTES = 1024;
/** A slot that is read and so close behind is not what fills the disk. */
const CLOSE_BEHIND_BYTES = 256 * MIB;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
/** The connector answers the server every 10 s. */
const SHORT_SENDER_TIMEOUT_SECONDS = 20;

export const LIMIT_CHECKS = checksOf('server', {
  'wal-cap': error(
    'max_slot_wal_keep_size bounds what a stopped connector can cost',
    ['server'],
    ({ server }) => judgeCap(server),
  ),
  'slot-idle-timeout': error(
    'a connector that stands still keeps its slot for at least a day',
    ['server'],
    ({ server: { idleTimeoutSeconds: seconds, onCommandLine } }) => {
      if (seconds === null) return ok('Postgres before 18 has no limit of time');
      if (seconds === 0) return ok('idle_replication_slot_timeout = 0: no limit of time');
      const found = `idle_replication_slot_timeout = ${spanText(seconds)}: a connector that stands still for longer loses its slot, and needs a new snapshot`;
      const fix = onCommandLine.includes('idle_replication_slot_timeout')
        ? shell`# start Postgres with idle_replication_slot_timeout=0: it is on its command line, which goes before ALTER SYSTEM`
        : lines(
            sql`ALTER SYSTEM SET idle_replication_slot_timeout = 0;  -- max_slot_wal_keep_size bounds what the slot costs`,
            sql`SELECT pg_reload_conf();`,
          );
      if (seconds < HOUR_SECONDS) return failed(found, fix);
      return seconds < DAY_SECONDS ? warning(found, fix) : ok(found);
    },
  ),
  'wal-runway': error(
    'there is time until the server gives the slot up',
    ['slot', 'server', 'walRate'],
    (facts, circumstances) => judgeRunway(facts, circumstances),
  ),
  'session-limits': advice(
    "no time limit of the server ends the connector's sessions",
    ['server'],
    ({ server: { roleLimits } }, { config }) => judgeLimits(roleLimits, connectorRole(config)),
  ),
});

function judgeCap(server: ServerFacts): Judgement {
  const { capMegabytes: megabytes } = server;
  if (megabytes < 0) {
    return failed(
      'max_slot_wal_keep_size = -1: a connector that stands still fills the disk of the application',
      raiseCap(server),
    );
  }
  const found = `max_slot_wal_keep_size = ${bytesText(megabytes * MIB)}`;
  return megabytes < SMALL_CAP_MEGABYTES
    ? warning(
        `${found}: a short outage of the connector costs the slot, and with it a new snapshot`,
        raiseCap(server),
      )
    : ok(found);
}

/** When the server gives a slot up that nobody reads, by the first of its limits; undefined where that is not known. */
export function runwaySeconds(
  { capMegabytes, idleTimeoutSeconds }: Pick<ServerFacts, 'capMegabytes' | 'idleTimeoutSeconds'>,
  slot: SlotFacts | null,
  bytesPerSecond: number | null,
): number | undefined {
  const bytesLeft = slot?.bytesLeft ?? (capMegabytes < 0 ? undefined : capMegabytes * MIB);
  const byBytes =
    bytesLeft === undefined || bytesPerSecond === null
      ? undefined
      : secondsUntilFull(bytesLeft, bytesPerSecond);
  const idle = idleTimeoutSeconds ?? 0;
  const byTime = idle > 0 ? Math.max(0, idle - (slot?.inactiveSeconds ?? 0)) : undefined;
  if (byBytes === undefined) return byTime;
  return byTime === undefined ? byBytes : Math.min(byBytes, byTime);
}

interface Runway {
  readonly slot: SlotFacts | null;
  readonly server: ServerFacts;
  readonly walRate: number;
}

/**
 * Nothing piles up while the connector reads along, or while there is no slot yet. How long an outage may last is told then
 * by the average rate: the rate of a second and a half jumped between 58 and 694 days within minutes. A slot that nobody
 * reads is judged by the rate of this moment, too, because a burst can cost it.
 */
function judgeRunway({ slot, server, walRate: rateNow }: Runway, circumstances: Circumstances): Judgement {
  if (server.capMegabytes < 0)
    return unknown('there is no cap (see wal-cap), and Postgres does not tell how much room the disk has');
  const isRead = slot?.active === true && (slot.retainedBytes ?? 0) < CLOSE_BEHIND_BYTES;
  const close = isRead || (slot === null && !circumstances.deployed);
  const bytesLeft = slot?.bytesLeft ?? server.capMegabytes * MIB;
  const left = `${bytesText(bytesLeft)} left`;
  const usual = runwaySeconds(server, slot, server.averageWalRate);
  if (close) {
    return usual === undefined
      ? ok(
          `${left}: for how long is not known yet, because the server's statistics began less than 10 minutes ago`,
        )
      : ok(
          `${left}: an outage of the connector may last ${spanText(usual)}, as the server writes on average`,
        );
  }
  const seconds = runwaySeconds(server, slot, Math.max(rateNow, server.averageWalRate ?? 0));
  const found = `${left}, ${bytesText(Math.round(rateNow))}/s written now`;
  if (seconds === undefined) return ok(found);
  const full = `${found}: the slot is given up in ${spanText(seconds < DAY_SECONDS ? seconds : (usual ?? seconds))}`;
  const fix = lines<Paste>(goOn(circumstances), raiseCap(server));
  if (seconds < HOUR_SECONDS) return failed(full, fix);
  return seconds < DAY_SECONDS ? warning(full, fix) : ok(full);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86_400 };

/** A time as Postgres writes it, `60000ms` or `1min`; a bare number has milliseconds. Undefined where it cannot be read. */
function secondsOf(value: string): number | undefined {
  const [, number, unit = 'ms'] =
    /^(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)?$/.exec(value.replace(/^'|'$/g, '')) ?? [];
  return number === undefined ? undefined : Number(number) * (UNIT_SECONDS[unit] ?? 0);
}

/** The initial snapshot is one long transaction, and between two signals the connector's session is idle. */
function judgeLimits(limits: ServerFacts['roleLimits'], role: string): Judgement {
  const unread = limits.filter(({ value }) => secondsOf(value) === undefined);
  if (unread.length > 0) return unknown(unread.map(({ name, value }) => `${name} = ${value}`).join(', '));
  const short = limits.filter(({ name, value }) => {
    const seconds = secondsOf(value) ?? 0;
    return name === 'wal_sender_timeout' ? seconds < SHORT_SENDER_TIMEOUT_SECONDS : seconds > 0;
  });
  const told = (some: typeof limits) => some.map(({ name, value }) => `${name} = ${value}`).join(', ');
  if (short.length === 0) return ok(`for ${role}: ${told(limits)}`);
  return warning(
    `for ${role}: ${told(short)}. A snapshot that takes longer begins again from nothing; without a wal_sender_timeout, or with one below 20 s, a dead connection holds the slot, or a sound one is ended`,
    lines(
      ...short.map(({ name }) =>
        name === 'wal_sender_timeout'
          ? sql`ALTER ROLE ${identifier(role)} SET wal_sender_timeout = '60s';`
          : sql`ALTER ROLE ${identifier(role)} SET ${keyword(name)} = 0;`,
      ),
    ),
  );
}
