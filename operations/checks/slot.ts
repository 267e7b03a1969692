import { connectorRole } from '../../connectors/deploy/source-sql.ts';
import type { Config } from '../../lib/config.ts';
import { identifier, lines, literal, shell, sql, type Paste } from '../../lib/quoting.ts';
import type { SlotFacts } from '../facts/postgres.ts';
import { bytesText } from '../../lib/figures.ts';
import { advice, checksOf, error, nothingThere, type Circumstances } from './check.ts';
import { beginAnew, behindBreak, isBroken, raiseCap, resume } from './remedies.ts';
import { constant } from '../../lib/quoting.ts';
import { failed, notYet, ok, warning } from './verdict.ts';

const noSlot = (circumstances: Circumstances) =>
  nothingThere('there is no slot (see slot-exists)', 'apply', circumstances);

/** A slot that is made again begins now: what was written in between is lost without a word. */
const slotIsLost = (circumstances: Circumstances): Paste =>
  isBroken(circumstances) ? behindBreak(circumstances) : beginAnew(circumstances.config);

/** Why the slot is none of ours. */
export function slotFaults(slot: SlotFacts, database: string): string[] {
  return [
    ...(slot.plugin === 'pgoutput' ? [] : [`its plugin is ${slot.plugin ?? 'none: it is physical'}`]),
    ...(slot.database === database ? [] : [`it belongs to the database ${slot.database ?? '-'}`]),
    ...(slot.temporary ? ['it is temporary: it goes with its session'] : []),
  ];
}

/** Why the server does not keep all the WAL that the slot needs; undefined where it does. */
export function lostReason({ walStatus, invalidated }: SlotFacts): string | undefined {
  if (invalidated !== null) return `the server gave it up (${invalidated})`;
  return walStatus === 'lost' ? 'the server removed WAL that was not read' : undefined;
}

export const SLOT_CHECKS = checksOf('slot', {
  'slot-exists': error('the replication slot is there', ['slot'], ({ slot }, circumstances) => {
    const { SLOT_NAME: name } = circumstances.config;
    if (slot !== null) return ok(name);
    const found = `there is no slot ${name}`;
    return circumstances.deployed ? failed(found, slotIsLost(circumstances)) : notYet(found, 'apply');
  }),
  'slot-identity': error(
    'the slot is ours: pgoutput, this database, read by our role',
    ['slot', 'server'],
    ({ slot, server: { database } }, circumstances) => {
      if (slot === null) return noSlot(circumstances);
      const { config } = circumstances;
      const faults = slotFaults(slot, database);
      if (faults.length > 0) return failed(faults.join('; '), anotherName(config));
      const role = connectorRole(config);
      const { readBy } = slot;
      return readBy === null || readBy === role
        ? ok(`pgoutput, ${database}${readBy === null ? '' : `, read by ${readBy}`}`)
        : failed(`it is read by ${readBy}, not by ${role}`, endOtherReader(config));
    },
  ),
  'slot-active': error('the connector reads the slot', ['slot'], ({ slot }, circumstances) => {
    if (slot === null) return noSlot(circumstances);
    if (slot.active) return ok('active');
    const { retainedBytes: kept } = slot;
    return failed(
      `nobody reads it${kept === null ? '' : `, and the server keeps ${bytesText(kept)} of WAL for it`}`,
      goOn(circumstances),
    );
  }),
  'slot-wal-status': error(
    'the server keeps all the WAL that the slot needs',
    ['slot', 'server'],
    ({ slot, server }, circumstances) => {
      if (slot === null) return noSlot(circumstances);
      const lost = lostReason(slot);
      if (lost !== undefined) return failed(`lost: ${lost}`, slotIsLost(circumstances));
      switch (slot.walStatus) {
        case 'reserved':
          return ok('reserved');
        case 'extended':
          return warning(
            'extended: it keeps more than max_wal_size',
            'history-cdc connector status  # why does it not keep up?',
          );
        default:
          return failed(
            `${slot.walStatus ?? 'unknown'}: the next checkpoint may remove WAL that was not read`,
            lines(raiseCap(server), shell`history-cdc connector restart`),
          );
      }
    },
  ),
  'slot-not-held': error(
    'no standby that is away holds the slot back',
    ['slot', 'server'],
    ({ slot, server: { standbySlots } }, circumstances) => {
      if (slot === null) return noSlot(circumstances);
      const away = standbySlots.filter(({ served }) => !served).map(({ name }) => name);
      const served = standbySlots.filter((standby) => standby.served).map(({ name }) => name);
      if (away.length === 0)
        return ok(served.length === 0 ? 'it waits for none' : `it waits for ${served.join(', ')}`);
      const found = `synchronized_standby_slots names ${away.join(', ')}, which no standby reads`;
      return slot.failover === true
        ? failed(
            `${found}: the server sends the connector nothing before that standby has it`,
            lines(
              sql`ALTER SYSTEM SET synchronized_standby_slots = ${literal(served.join(', '))};  -- until the standby is back`,
              sql`SELECT pg_reload_conf();`,
            ),
          )
        : ok(`${found}; it holds failover slots only, and ours is none`);
    },
  ),
  'slot-failover': advice('the slot is carried over to a standby', ['slot'], ({ slot }, circumstances) => {
    if (slot === null) return noSlot(circumstances);
    if (slot.failover === true) return ok('failover = true');
    return slot.failover === null
      ? ok('Postgres before 17 has no such slots: a failover needs a new snapshot')
      : warning(
          'failover = false: a failover of the database loses the slot, and every change since',
          withFailover(circumstances.config.SLOT_NAME),
        );
  }),
});

/** For a connector that does not read on. */
export function goOn(circumstances: Circumstances): Paste {
  if (isBroken(circumstances)) return behindBreak(circumstances);
  return lines(
    resume(circumstances),
    constant('history-cdc connector restart  # if its task has failed (history-cdc connector status)'),
  );
}

function anotherName({ SLOT_NAME: name }: Config): Paste {
  return lines(
    shell`SLOT_NAME=${`${name}_2`}  # or any name that nothing else uses`,
    shell`history-cdc connector apply`,
  );
}

function endOtherReader({ SLOT_NAME: name }: Config): Paste {
  return lines<Paste>(
    sql`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = ${literal(name)};  -- and stop for good what reads it`,
    shell`history-cdc connector restart`,
  );
}

/** A slot that is read cannot be altered, and a connector that is paused goes on reading it. */
function withFailover(slot: string): Paste {
  const alter = sql`ALTER_REPLICATION_SLOT ${identifier(slot)} (FAILOVER true);`;
  return lines(
    shell`history-cdc connector delete  # Connect keeps its offset: it goes on where it stopped`,
    shell`psql "$OWNER_URL?replication=database" -c ${alter}`,
    shell`history-cdc connector apply`,
  );
}
