import { OLDEST_POSTGRES } from '../deploy/judge-source.ts';
import { check } from './check.ts';
import { raiseCap, setAndRestart } from './paste.ts';
import type { ServerFacts } from './postgres-facts.ts';
import { failed, ok, unknown, warning, type Judgement } from './verdict.ts';
import { bytesText, secondsUntilFull, spanText } from './wal.ts';
import { identifier, lines, literal, remark, shell, sql } from '../../consumers/lib/quoting.ts';

const MIB = 1_048_576;
/** Less than this a busy hour can use up. */
const SMALL_CAP_MEGABYTES = 1024;
/** A slot that is read and so close behind is not what fills the disk. */
const CLOSE_BEHIND_BYTES = 256 * MIB;
const RUNWAY_FAILED_SECONDS = 3_600;
const RUNWAY_WARNING_SECONDS = 86_400;
const PREPARED_SECONDS = 300;

export const SERVER_CHECKS = [
  check({
    id: 'legacy-reachable',
    group: 'server',
    severity: 'error',
    title: 'the legacy database answers',
    needs: ['source'],
    judge: ({ source }) => ok(`Postgres ${versionText(source.serverVersion)}, database ${source.database}`),
    unreached: (why) =>
      failed(
        `LEGACY_DATABASE_URL: ${why}`,
        'check LEGACY_DATABASE_URL (`history-cdc config`), pg_hba.conf, and that the server runs',
      ),
  }),
  check({
    id: 'legacy-version',
    group: 'server',
    severity: 'error',
    title: 'Postgres 15 or later, with UTF8',
    needs: ['source', 'server'],
    judge: ({ source, server }) => {
      const found = `Postgres ${versionText(source.serverVersion)}, ${server.encoding}`;
      const fits = source.serverVersion >= OLDEST_POSTGRES && server.encoding === 'UTF8';
      return fits ? ok(found) : failed(found, 'upgrade: Postgres 15 or later, and a database in UTF8');
    },
  }),
  check({
    id: 'legacy-primary',
    group: 'server',
    severity: 'error',
    title: 'the legacy database is a primary',
    needs: ['server'],
    judge: ({ server }) =>
      server.inRecovery
        ? failed(
            'it is a standby: the heartbeat cannot be written there',
            'LEGACY_DATABASE_URL and CONNECTOR_DATABASE_URL must name the primary',
          )
        : ok('it accepts writes'),
  }),
  check({
    id: 'wal-level',
    group: 'server',
    severity: 'error',
    title: 'wal_level is logical',
    needs: ['source', 'server'],
    judge: ({ source, server }) =>
      source.walLevel === 'logical'
        ? ok('wal_level = logical')
        : failed(`wal_level = ${source.walLevel}`, setAndRestart('wal_level', 'logical', server)),
  }),
  check({
    id: 'replication-slots-room',
    group: 'server',
    severity: 'error',
    title: 'max_replication_slots leaves room for our slot',
    needs: ['source', 'server'],
    judge: ({ source: { slot, slotsInUse, slotsAllowed }, server }) => {
      const found = `${String(slotsInUse)} of ${String(slotsAllowed)} in use`;
      if (slot !== null) return ok(`${found}, ours among them`);
      return slotsInUse < slotsAllowed
        ? ok(found)
        : failed(found, setAndRestart('max_replication_slots', slotsAllowed + 4, server));
    },
  }),
  check({
    id: 'wal-senders-room',
    group: 'server',
    severity: 'error',
    title: 'max_wal_senders leaves room for the connector',
    needs: ['source', 'server'],
    judge: ({ source, server }) => {
      const { sendersInUse, sendersAllowed } = server;
      const found = `${String(sendersInUse)} of ${String(sendersAllowed)} in use`;
      return source.slot?.active === true || sendersInUse < sendersAllowed
        ? ok(found)
        : failed(found, setAndRestart('max_wal_senders', sendersAllowed + 4, server));
    },
  }),
  check({
    id: 'wal-cap',
    group: 'server',
    severity: 'error',
    title: 'max_slot_wal_keep_size bounds what a stopped connector can cost',
    needs: ['server'],
    judge: ({ server }) => judgeCap(server),
  }),
  check({
    id: 'wal-runway',
    group: 'server',
    severity: 'error',
    title: 'there is time until the cap on WAL is reached',
    needs: ['source', 'server', 'walRate'],
    judge: ({ source, server, walRate }, { deployed }) => {
      if (server.capMegabytes < 0) {
        return unknown(
          'there is no cap (see wal-cap), and Postgres does not tell how much room the disk has',
        );
      }
      const bytesLeft = server.slot?.bytesLeft ?? server.capMegabytes * MIB;
      const close = source.slot?.active === true && (server.slot?.retainedBytes ?? 0) < CLOSE_BEHIND_BYTES;
      return judgeRunway({
        bytesLeft,
        rate: walRate,
        close: close || (source.slot === null && !deployed),
        server,
      });
    },
  }),
  check({
    id: 'long-transactions',
    group: 'server',
    severity: 'warning',
    title: 'no transaction has been open for long',
    needs: ['sessions'],
    judge: ({ sessions: { long, hidden, role } }) => {
      const [oldest] = long;
      if (oldest !== undefined) {
        const which = long.map(
          ({ pid, role: whose, state, seconds }) =>
            `pid ${String(pid)} (${whose}, ${state}) for ${spanText(seconds)}`,
        );
        return warning(
          `a new slot waits for: ${which.join('; ')}`,
          lines(...long.map(({ pid }) => sql`SELECT pg_terminate_backend(${pid});`)),
        );
      }
      return hidden === 0
        ? ok('none')
        : unknown(
            `${role} may not look at ${String(hidden)} sessions of other roles: GRANT pg_read_all_stats TO ${identifier(role)};`,
          );
    },
  }),
  check({
    id: 'prepared-transactions',
    group: 'server',
    severity: 'warning',
    title: 'no prepared transaction was left behind',
    needs: ['sessions'],
    judge: ({ sessions }) => {
      const old = sessions.prepared.filter(({ seconds }) => seconds >= PREPARED_SECONDS);
      return old.length === 0
        ? ok(`${String(sessions.prepared.length)} prepared`)
        : warning(
            old.map(({ gid, seconds }) => `'${gid}' for ${spanText(seconds)}`).join('; '),
            lines(
              ...old.map(
                ({ gid, database }) =>
                  sql`ROLLBACK PREPARED ${literal(gid)};  -- or COMMIT PREPARED, in the database ${remark(database)}`,
              ),
            ),
          );
    },
  }),
];

function versionText(version: number): string {
  return `${String(Math.floor(version / 10_000))}.${String(version % 10_000)}`;
}

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

interface Runway {
  readonly bytesLeft: number;
  readonly rate: number;
  /** Nothing piles up now: the connector reads along, or there is no slot yet. */
  readonly close: boolean;
  readonly server: ServerFacts;
}

function judgeRunway({ bytesLeft, rate, close, server }: Runway): Judgement {
  const seconds = secondsUntilFull(bytesLeft, rate);
  const found = `${bytesText(bytesLeft)} left, ${bytesText(Math.round(rate))}/s written now`;
  if (seconds === undefined) return ok(found);
  if (close) return ok(`${found}: an outage of the connector may last ${spanText(seconds)}`);
  const full = `${found}: the slot is given up in ${spanText(seconds)}`;
  const fix = lines(
    shell`history-cdc connector resume  # or restart: see the checks of the slot and of Connect`,
    raiseCap(server),
  );
  if (seconds < RUNWAY_FAILED_SECONDS) return failed(full, fix);
  return seconds < RUNWAY_WARNING_SECONDS ? warning(full, fix) : ok(full);
}
