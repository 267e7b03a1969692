import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import { check, nothingThere, type Circumstances } from './check.ts';
import { newSnapshot, raiseCap } from './paste.ts';
import { failed, notYet, ok, unknown, warning } from './verdict.ts';
import { bytesText, lsnOf } from '../facts/wal.ts';
import { identifier, lines, literal, shell, sql, type Paste } from '../../lib/quoting.ts';

const SAY_THE_STEPS =
  'history-cdc project  # refuses, and says the steps: they accept the gap, and read the table again';
const noSlot = (circumstances: Circumstances) =>
  nothingThere('there is no slot (see slot-exists)', 'apply', circumstances);

export const SLOT_CHECKS = [
  check({
    id: 'slot-exists',
    group: 'slot',
    severity: 'error',
    title: 'the replication slot is there',
    needs: ['source'],
    judge: ({ source: { slot } }, { config, deployed }) => {
      if (slot !== null) return ok(config.SLOT_NAME);
      const found = `there is no slot ${config.SLOT_NAME}`;
      // A slot that is made again begins now: what was written in between is lost without a word.
      return deployed ? failed(found, newSnapshot(config)) : notYet(found, 'apply');
    },
  }),
  check({
    id: 'slot-identity',
    group: 'slot',
    severity: 'error',
    title: 'the slot is ours: pgoutput, this database, read by our role',
    needs: ['source', 'server'],
    judge: ({ source: { slot, database }, server }, circumstances) => {
      if (slot === null) return noSlot(circumstances);
      const role = connectorRole(circumstances.config);
      const readBy = server.slot?.readBy ?? null;
      const problems = [
        ...(slot.plugin === 'pgoutput' ? [] : [`its plugin is ${slot.plugin ?? 'none: it is physical'}`]),
        ...(slot.database === database ? [] : [`it belongs to the database ${slot.database ?? '-'}`]),
        ...(server.slot?.temporary === true ? ['it is temporary: it goes with its session'] : []),
      ];
      const { SLOT_NAME: name } = circumstances.config;
      if (problems.length > 0) {
        return failed(
          problems.join('; '),
          lines(
            shell`SLOT_NAME=${`${name}_2`}  # or any name that nothing else uses`,
            shell`history-cdc connector apply`,
          ),
        );
      }
      return readBy === null || readBy === role
        ? ok(`pgoutput, ${database}${readBy === null ? '' : `, read by ${readBy}`}`)
        : failed(
            `it is read by ${readBy}, not by ${role}`,
            lines<Paste>(
              sql`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = ${literal(name)};  -- and stop for good what reads it`,
              shell`history-cdc connector restart`,
            ),
          );
    },
  }),
  check({
    id: 'slot-active',
    group: 'slot',
    severity: 'error',
    title: 'the connector reads the slot',
    needs: ['source', 'server'],
    judge: ({ source: { slot }, server }, circumstances) => {
      if (slot === null) return noSlot(circumstances);
      if (slot.active) return ok('active');
      const kept = server.slot?.retainedBytes;
      return failed(
        `nobody reads it${kept == null ? '' : `, and the server keeps ${bytesText(kept)} of WAL for it`}`,
        'history-cdc connector resume\nhistory-cdc connector restart  # where the task has failed',
      );
    },
  }),
  check({
    id: 'slot-wal-status',
    group: 'slot',
    severity: 'error',
    title: 'the server keeps all the WAL that the slot needs',
    needs: ['source', 'server'],
    judge: ({ source: { slot }, server }, circumstances) => {
      if (slot === null) return noSlot(circumstances);
      switch (slot.walStatus) {
        case 'reserved':
          return ok('reserved');
        case 'extended':
          return warning(
            'extended: it keeps more than max_wal_size',
            'history-cdc connector status  # why does it not keep up?',
          );
        case 'lost':
          return failed(
            `lost: ${server.slot?.invalidated == null ? 'the server removed WAL that was not read' : `the server gave it up (${server.slot.invalidated})`}`,
            newSnapshot(circumstances.config),
          );
        default:
          return failed(
            `${slot.walStatus ?? 'unknown'}: the next checkpoint may remove WAL that was not read`,
            lines(raiseCap(server), shell`history-cdc connector restart`),
          );
      }
    },
  }),
  check({
    id: 'slot-not-held',
    group: 'slot',
    severity: 'error',
    title: 'no standby that is away holds the slot back',
    needs: ['source', 'server'],
    judge: ({ source: { slot }, server }, circumstances) => {
      if (slot === null || server.slot === null) return noSlot(circumstances);
      const { standbySlots } = server;
      const away = standbySlots.filter(({ served }) => !served).map(({ name }) => name);
      const served = standbySlots.filter((standby) => standby.served).map(({ name }) => name);
      if (away.length === 0)
        return ok(served.length === 0 ? 'it waits for none' : `it waits for ${served.join(', ')}`);
      const found = `synchronized_standby_slots names ${away.join(', ')}, which no standby reads`;
      return server.slot.failover === true
        ? failed(
            `${found}: the server sends the connector nothing before that standby has it`,
            lines(
              sql`ALTER SYSTEM SET synchronized_standby_slots = ${literal(served.join(', '))};  -- until the standby is back`,
              sql`SELECT pg_reload_conf();`,
            ),
          )
        : ok(`${found}; it holds failover slots only, and ours is none`);
    },
  }),
  check({
    id: 'slot-failover',
    group: 'slot',
    severity: 'warning',
    title: 'the slot is carried over to a standby',
    needs: ['source', 'server'],
    judge: ({ source: { slot }, server }, circumstances) => {
      if (slot === null || server.slot === null) return noSlot(circumstances);
      if (server.slot.failover === true) return ok('failover = true');
      return server.slot.failover === null
        ? ok('Postgres before 17 has no such slots: a failover needs a new snapshot')
        : warning(
            'failover = false: a failover of the database loses the slot, and every change since',
            withFailover(circumstances.config.SLOT_NAME),
          );
    },
  }),
  check({
    id: 'slot-position',
    group: 'slot',
    severity: 'error',
    title: "the slot is not ahead of the connector's stored offset",
    needs: ['slotPosition'],
    judge: ({ slotPosition: { confirmed, storedLsn } }, circumstances) => {
      if (confirmed === undefined) return noSlot(circumstances);
      if (storedLsn === undefined) return unknown('Connect has stored no offset yet');
      const ahead = lsnOf(confirmed) - storedLsn;
      return ahead > 0n
        ? failed(
            `${confirmed} is ${bytesText(Number(ahead))} ahead of it: somebody advanced the slot, and the rows in between reach no topic`,
            // Without a ledger there is no gap to accept: the connector begins anew.
            circumstances.projected ? SAY_THE_STEPS : newSnapshot(circumstances.config),
          )
        : ok(`${confirmed}, ${bytesText(Number(-ahead))} behind the stored offset`);
    },
  }),
];

/** A slot that is read cannot be altered, and a connector that is paused goes on reading it. */
function withFailover(slot: string): Paste {
  const alter = sql`ALTER_REPLICATION_SLOT ${identifier(slot)} (FAILOVER true);`;
  return lines(
    shell`history-cdc connector delete  # Connect keeps its offset: it goes on where it stopped`,
    shell`psql "$OWNER_URL?replication=database" -c ${alter}`,
    shell`history-cdc connector apply`,
  );
}
