import { OLDEST_POSTGRES } from './judge-source.ts';
import { check } from './check.ts';
import { LIMIT_CHECKS } from './limits.ts';
import { setAndRestart } from './paste.ts';
import { failed, ok, unknown, warning } from './verdict.ts';
import { spanText } from '../facts/wal.ts';
import { identifier, lines, literal, remark, sql } from '../../lib/quoting.ts';

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
    title: 'Postgres 14 or later, with UTF8',
    needs: ['source', 'server'],
    judge: ({ source, server }) => {
      const found = `Postgres ${versionText(source.serverVersion)}, ${server.encoding}`;
      const fits = source.serverVersion >= OLDEST_POSTGRES && server.encoding === 'UTF8';
      return fits ? ok(found) : failed(found, 'upgrade: Postgres 14 or later, and a database in UTF8');
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
  ...LIMIT_CHECKS,
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
