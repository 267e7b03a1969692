import { isPostgresVariable } from '../lib/postgres-variables.ts';
import { stopOnSignal } from '../lib/stop-signal.ts';
import { createOutput } from './output.ts';
import { sizeOf, takesColours } from './terminal.ts';
import { errorForm, reportError, runProgram } from './program.ts';

const args = process.argv.slice(2);
const environment = { ...process.env };
// The driver of Postgres would read these, and `config` would not show them.
for (const name of Object.keys(process.env).filter(isPostgresVariable))
  Reflect.deleteProperty(process.env, name);
const output = createOutput(process.stdout, process.stderr);
const report = async (error: unknown) =>
  await reportError(error, {
    form: errorForm(args, { drawsBars: process.stderr.isTTY }),
    stderr: output.stderr,
  });

// Without this, Node would end with exit code 1, which means "the answer is no".
process.on('uncaughtException', (error) => {
  void report(error).finally(() => process.exit(2));
});

// The AWS SDK warns of a release that does not exist yet; package.json pins one that runs on this Node.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

process.exitCode = await runProgram(args, {
  environment,
  stdout: output.stdout,
  stderr: output.stderr,
  size: () => sizeOf(process.stdout),
  onResize: (listener) => {
    process.stdout.on('resize', listener);
    return () => process.stdout.removeListener('resize', listener);
  },
  colours: takesColours(process.stdout, environment),
  redraws: process.stdout.isTTY,
  drawsBars: process.stderr.isTTY,
  stopSignal: stopOnSignal,
  outputLost: output.lost,
});
await output.flushed();
const problem = output.problem();
if (problem !== undefined) {
  // Imported here, so that `--help` loads few modules.
  const { FatalError } = await import('../lib/errors.ts');
  process.exitCode = await report(
    new FatalError({
      code: 'OUTPUT_FAILED',
      message: `the answer could not be written to stdout: ${problem.message}`,
      wayOut: 'make room where stdout leads, or write it elsewhere, and run the command again',
      cause: problem,
    }),
  );
  await output.flushed();
}
// kafkajs can lose track of a connection when a broker comes back. That connection would keep the process alive, so that
// a projector that has stopped would never end.
process.exit();
