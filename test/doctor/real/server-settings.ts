/** Settings of the server that are set wrong with ALTER SYSTEM, and what the check of each says then. */
export const OF_THE_SERVER = [
  { id: 'wal-level', setting: 'wal_level', unfit: 'replica', says: 'wal_level = replica' },
  { id: 'replication-slots-room', setting: 'max_replication_slots', unfit: '1', says: '1 of 1 in use' },
  { id: 'wal-senders-room', setting: 'max_wal_senders', unfit: '0', says: '0 of 0 in use' },
  { id: 'wal-cap', setting: 'max_slot_wal_keep_size', unfit: '-1', says: 'max_slot_wal_keep_size = -1' },
] as const;
