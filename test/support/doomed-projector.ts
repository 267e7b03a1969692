/**
 * `project --until-caught-up` that sends itself a signal in its nth commit: Postgres has committed, and neither Kafka
 * nor anybody else has heard of it. Arguments: the signal, and n.
 */
import { runProjector } from '../../consumers/agent-test-history/stream/run.ts';
import { loadConfig } from '../../lib/config.ts';
import { createLogger } from '../../lib/log.ts';

const [signal, nth] = process.argv.slice(2);
if ((signal !== 'SIGKILL' && signal !== 'SIGSTOP') || !(Number(nth) > 0)) {
  throw new Error('the arguments are SIGKILL or SIGSTOP, and a number');
}
const config = loadConfig(process.env, undefined, ['DATABASE_URL', 'LEGACY_DATABASE_URL', 'KAFKA_BROKERS']);
let commits = 0;
await runProjector({
  config,
  logger: createLogger(config.LOG_LEVEL),
  mode: 'project',
  dryRun: false,
  untilCaughtUp: true,
  replayStart: { from: 'beginning' },
  acceptNewTopic: false,
  acceptedTruncates: [],
  serveHttp: false,
  stop: new AbortController().signal,
  progress: () => {
    if (++commits === Number(nth)) process.kill(process.pid, signal);
  },
});
