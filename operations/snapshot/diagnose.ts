/** What is known when a signal was not answered in time. */
export interface Silence {
  readonly seconds: number;
  /** What `connector status` finds wrong. */
  readonly problems: readonly string[];
  readonly state: string;
  readonly tasks: readonly string[];
  /** Whether a heartbeat that was written after the signal has come through. */
  readonly passed: boolean;
  /** Bytes of WAL that the connector has not confirmed; null where that is not known. */
  readonly lagBytes: number | null;
  /** How the connector is told to go on. */
  readonly goOn: string;
}

export interface Diagnosis {
  readonly why: readonly string[];
  readonly wayOut: string;
}

const ONCE_MORE =
  'a signal that is read late is answered all the same: `history-cdc snapshot status` says so';

/** The likely cause, the first that fits, and what to do. */
export function diagnose(silence: Silence, again: string): Diagnosis {
  const { problems, state, tasks, passed, lagBytes, goOn } = silence;
  const why = [`no answer to the signal within ${String(silence.seconds)} s`, ...problems];
  if (state === 'ABSENT') return { why, wayOut: '`history-cdc connector apply` makes the connector' };
  if (state === 'PAUSED' || state === 'STOPPED') return { why, wayOut: `${goOn}\n${ONCE_MORE}` };
  if (state === 'FAILED' || tasks.includes('FAILED')) {
    return { why, wayOut: `mend what the trace names, then \`history-cdc connector restart\`; ${ONCE_MORE}` };
  }
  if (problems.length > 0)
    return { why, wayOut: `\`history-cdc connector status\` until it is healthy; ${ONCE_MORE}` };
  if (passed) {
    return {
      why: [...why, 'the connector has read beyond the signal, and took no notice of it'],
      wayOut: `\`history-cdc connector plan\`: do signal.data.collection and signal.enabled.channels differ? \`history-cdc connector apply\` puts them right; then ${again}`,
    };
  }
  const behind = lagBytes === null ? '' : `, ${lagBytes.toLocaleString('en')} bytes of WAL behind`;
  return {
    why: [...why, `the connector has not read as far yet${behind}`],
    wayOut: `wait: \`history-cdc snapshot status\` tells whether it was answered, or lost; where it is lost, ${again}`,
  };
}
