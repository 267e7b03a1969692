/** A count as a person reads it: `12,345`. */
export function countText(count: number | bigint): string {
  return count.toLocaleString('en');
}

/** Bytes as a person reads them. */
export function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes, 0];
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toLocaleString('en', { maximumFractionDigits: unit === 0 ? 0 : 1 })} ${units[unit] ?? ''}`;
}

/** A time span as a person reads it. */
export function spanText(seconds: number): string {
  if (seconds < 120) return `${String(Math.round(seconds))} s`;
  const minutes = seconds / 60;
  if (minutes < 120) return `${String(Math.round(minutes))} min`;
  const hours = minutes / 60;
  return hours < 48 ? `${String(Math.round(hours))} h` : `${String(Math.round(hours / 24))} days`;
}

/** How long work of ours took: with tenths, because seconds of two runs are compared. */
export function tookText(seconds: number): string {
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}
