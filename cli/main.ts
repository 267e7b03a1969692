import { createContext, type Output } from './context.ts';
import { runHistoryCdc } from './program.ts';

const { stdout, stderr } = process;

// `history-cdc config | head`: whoever reads has read enough.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

const output: Output = {
  write: (text) => void stdout.write(text),
  writeError: (text) => void stderr.write(text),
  redraws: stdout.isTTY,
  drawsBars: stderr.isTTY,
};
process.exitCode = await runHistoryCdc(process.argv.slice(2), createContext(process.env, output));
// A pipe takes 64 kB at once; an answer is not over before whoever reads it has all of it.
await Promise.all([stdout, stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
// The command is done. kafkajs can lose sight of a connection when a broker comes back, and that one would keep the
// process alive for good: a projector that has stopped, or that cannot go on, and does not end.
process.exit();
