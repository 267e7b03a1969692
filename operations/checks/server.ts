import { identifier, lines, literal, remark, sql } from '../../lib/quoting.ts';
import { spanText } from '../../lib/figures.ts';
import { advice, checksOf, error } from './check.ts';
import { LIMIT_CHECKS } from './limits.ts';
import { setAndRestart } from './remedies.ts';
import { failed, ok, unknown, warning } from './verdict.ts';

const PREPARED_SECONDS = 300;
/** The oldest release that a test runs on, and the oldest that its makers support. */
const OLDEST_LEGACY_POSTGRES = 140_000;

export const SERVER_CHECKS = [
  ...checksOf('server', {
    'legacy-reachable': error(
      'the legacy database answers',
      ['server'],
      ({ server: { version, database } }) => ok(`Postgres ${versionText(version)}, database ${database}`),
      {
        unreached: (why) =>
          failed(
            `LEGACY_DATABASE_URL: ${why}`,
            'check LEGACY_DATABASE_URL (`history-cdc config`), pg_hba.conf, and that the server runs',
          ),
      },
    ),
    'legacy-version': error(
      'Postgres 14 or later, with UTF8',
      ['server'],
      ({ server: { version, encoding } }) => {
        const found = `Postgres ${versionText(version)}, ${encoding}`;
        const fits = version >= OLDEST_LEGACY_POSTGRES && encoding === 'UTF8';
        return fits ? ok(found) : failed(found, 'upgrade: Postgres 14 or later, and a database in UTF8');
      },
    ),
    'legacy-primary': error('the legacy database is a primary', ['server'], ({ server }) =>
      server.inRecovery
        ? failed(
            'it is a standby: the heartbeat cannot be written there',
            'LEGACY_DATABASE_URL and CONNECTOR_DATABASE_URL must name the primary',
          )
        : ok('it accepts writes'),
    ),
    'wal-level': error('wal_level is logical', ['server'], ({ server }) =>
      server.walLevel === 'logical'
        ? ok('wal_level = logical')
        : failed(`wal_level = ${server.walLevel}`, setAndRestart('wal_level', 'logical', server)),
    ),
    'replication-slots-room': error(
      'max_replication_slots leaves room for our slot',
      ['slot', 'server'],
      ({ slot, server }) => {
        const { slotsInUse, slotsAllowed } = server;
        const found = `${String(slotsInUse)} of ${String(slotsAllowed)} in use`;
        if (slot !== null) return ok(`${found}, ours among them`);
        return slotsInUse < slotsAllowed
          ? ok(found)
          : failed(found, setAndRestart('max_replication_slots', slotsAllowed + 4, server));
      },
    ),
    'wal-senders-room': error(
      'max_wal_senders leaves room for the connector',
      ['slot', 'server'],
      ({ slot, server }) => {
        const { sendersInUse, sendersAllowed } = server;
        const found = `${String(sendersInUse)} of ${String(sendersAllowed)} in use`;
        return slot?.active === true || sendersInUse < sendersAllowed
          ? ok(found)
          : failed(found, setAndRestart('max_wal_senders', sendersAllowed + 4, server));
      },
    ),
  }),
  ...LIMIT_CHECKS,
  ...checksOf('server', {
    'long-transactions': advice(
      'no transaction has been open for long',
      ['sessions'],
      ({ sessions: { long, hidden, role } }) => {
        if (long.length > 0) {
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
    ),
    'prepared-transactions': advice(
      'no prepared transaction was left behind',
      ['sessions'],
      ({ sessions: { prepared } }) => {
        const old = prepared.filter(({ seconds }) => seconds >= PREPARED_SECONDS);
        if (old.length === 0) return ok(`${String(prepared.length)} prepared`);
        return warning(
          old.map(({ gid, seconds }) => `'${gid}' for ${spanText(seconds)}`).join('; '),
          lines(
            ...old.map(
              ({ gid, database }) =>
                sql`ROLLBACK PREPARED ${literal(gid)};  -- or COMMIT PREPARED, in the database ${remark(database)}`,
            ),
          ),
        );
      },
    ),
  }),
];

function versionText(version: number): string {
  return `${String(Math.floor(version / 10_000))}.${String(version % 10_000)}`;
}
