/** The facts that are known when a signal was not answered in time. */
export interface Silence {
  readonly seconds: number;
  /** The problems that `connector status` finds. */
  readonly problems: readonly string[];
  readonly state: string;
  readonly tasks: readonly string[];
  /** True if a heartbeat that was written after the signal has arrived. */
  readonly passed: boolean;
  /** The WAL that the connector has not confirmed, in bytes; null if it is not known. */
  readonly lagBytes: number | null;
  /** The commands that make the connector continue. */
  readonly goOn: string;
}

export interface Diagnosis {
  readonly why: readonly string[];
  readonly wayOut: string;
}

const ONCE_MORE = 'a signal that is read late is still answered; `history-cdc snapshot status` then shows it';

/** Finds the likely cause (the first that fits), and what to do. */
export function diagnose(silence: Silence, again: string): Diagnosis {
  const { problems, state, tasks, passed, lagBytes, goOn } = silence;
  const why = [`no answer to the signal within ${String(silence.seconds)} s`, ...problems];
  if (state === 'ABSENT') return { why, wayOut: '`history-cdc connector apply` creates the connector' };
  if (state === 'PAUSED' || state === 'STOPPED') return { why, wayOut: `${goOn}\n${ONCE_MORE}` };
  if (state === 'FAILED' || tasks.includes('FAILED')) {
    return {
      why,
      wayOut: `correct what the trace names, then run \`history-cdc connector restart\`; ${ONCE_MORE}`,
    };
  }
  if (problems.length > 0)
    return { why, wayOut: `run \`history-cdc connector status\` until it says healthy; ${ONCE_MORE}` };
  if (passed) {
    return {
      why: [...why, 'the connector has read past the signal and ignored it'],
      wayOut: `check with \`history-cdc connector plan\` whether signal.data.collection or signal.enabled.channels differ; \`history-cdc connector apply\` corrects them; then run ${again}`,
    };
  }
  const behind = lagBytes === null ? '' : `, ${lagBytes.toLocaleString('en')} bytes of WAL behind`;
  return {
    why: [...why, `the connector has not read the signal yet${behind}`],
    wayOut: `wait; \`history-cdc snapshot status\` says whether the signal was answered or lost. If it was lost, run ${again}`,
  };
}
