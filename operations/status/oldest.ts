/** The first offset of each partition whose record is not older than a time; where there is none, the partition's end. */
type OffsetsAt = (timestampMs: number) => Promise<ReadonlyMap<number, bigint>>;

const FINEST_MS = 1_000;
const FINENESS = 0.05;

/**
 * Seconds since the oldest record that is not projected yet was written to Kafka, by its own timestamp: up to a second, or
 * a twentieth, too many. Kafka tells offsets by time and not the other way round, so the age is enclosed, in some ten
 * questions an hour of it.
 *
 * @param next the next offset to project of each partition, of which at least one must be behind
 */
export async function oldestSeconds(
  offsetsAt: OffsetsAt,
  next: ReadonlyMap<number, bigint>,
  now: Date,
): Promise<number> {
  const nowMs = now.getTime();
  /** Whether every record is projected that is older than that. */
  const covers = async (ageMs: number) => {
    const offsets = await offsetsAt(Math.max(0, Math.floor(nowMs - ageMs)));
    return [...next].every(([partition, offset]) => (offsets.get(partition) ?? 0n) <= offset);
  };
  let [younger, older] = [0, FINEST_MS];
  while (older < nowMs && !(await covers(older))) [younger, older] = [older, older * 2];
  while (older - younger > Math.max(FINEST_MS, older * FINENESS)) {
    const between = (younger + older) / 2;
    if (await covers(between)) older = between;
    else younger = between;
  }
  return Math.round(older / 1000);
}
