import { z } from 'zod';

const FATAL = z.object({ level: z.literal(60), code: z.string(), msg: z.string(), wayOut: z.string() });

/** The log with its fatal line as other commands print their errors, so that a test need not know which form it has. */
export function withFatalAsText(stderr: string): string {
  return stderr
    .split('\n')
    .map((line) => {
      if (!line.startsWith('{"level":60,')) return line;
      const { code, msg, wayOut } = FATAL.parse(JSON.parse(line));
      return `error ${code}: ${msg}\n  way out: ${wayOut}`;
    })
    .join('\n');
}
