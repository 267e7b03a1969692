/** Bytes of WAL left before the server gives a slot up, at the rate that it writes now; undefined where none is written. */
export function secondsUntilFull(bytesLeft: number, bytesPerSecond: number): number | undefined {
  return bytesPerSecond <= 0 ? undefined : bytesLeft / bytesPerSecond;
}

/** An LSN as Postgres writes it, `16/B374D848`, as a number of bytes. */
export function lsnOf(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}
