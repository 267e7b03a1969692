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

/** Bytes of WAL left before the server gives a slot up, at the rate that it writes now; undefined where none is written. */
export function secondsUntilFull(bytesLeft: number, bytesPerSecond: number): number | undefined {
  return bytesPerSecond <= 0 ? undefined : bytesLeft / bytesPerSecond;
}

/** An LSN as Postgres writes it, `16/B374D848`, as a number of bytes. */
export function lsnOf(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
