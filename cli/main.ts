import { runProgram } from './program.ts';
import { stopOnSignal } from '../lib/stop-signal.ts';

// `history-cdc config | head` closes the pipe early. That is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

// The AWS SDK warns of a release that does not exist yet; package.json pins one that runs on this Node.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

process.exitCode = await runProgram(process.argv.slice(2), {
  environment: process.env,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  redraws: process.stdout.isTTY,
  drawsBars: process.stderr.isTTY,
  stopSignal: stopOnSignal,
});
// A pipe holds only 64 kB, so wait until the reader has the whole answer.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))),
);
// kafkajs can lose track of a connection when a broker comes back. That connection would keep the process alive, so
// that a
// projector that has stopped would never end.
process.exit();
