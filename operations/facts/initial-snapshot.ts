/**
 * How far the initial snapshot is, by the connector's own notifications. `skipped`: the connector took it for done,
 * and nothing says that it ever was.
 */
export type InitialSnapshot = 'unknown' | 'running' | 'completed' | 'skipped';

interface Notification {
  readonly aggregate_type: string;
  readonly type: string;
}

/**
 * Follows the notifications in their order. Needed because of a fault in Debezium (seen with 3.7.0): the
 * notification that the snapshot began carries a source offset without the mark of an unfinished snapshot. When
 * Connect has stored it and the task begins anew before the first row is out (a failed query, a killed worker), the
 * connector finds an offset, takes the snapshot for done, and streams: the whole history is missing, and connector
 * and task say RUNNING. The same happens when a connector is made again over offsets of old.
 */
export function nextSnapshotState(state: InitialSnapshot, notification: unknown): InitialSnapshot {
  const { aggregate_type: about, type } = notification as Notification;
  if (about !== 'Initial Snapshot') return state;
  if (type === 'STARTED') return 'running';
  if (type === 'COMPLETED') return 'completed';
  // After a completed snapshot every later start skips it, as it should.
  if (type === 'SKIPPED') return state === 'completed' ? 'completed' : 'skipped';
  return state;
}
