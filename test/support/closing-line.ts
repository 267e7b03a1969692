import type { Reporter, TestModule } from 'vitest/node';

export interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

export function closingLine({ passed, failed, skipped }: Count): string {
  return `${String(passed)} passed, ${String(failed)} failed, ${String(skipped)} skipped`;
}

/**
 * Closes a run with `N passed, N failed, N skipped` alone on a line, for whoever reads the log by machine; a run that
 * is one part of several gives its count to the one that started it.
 */
export class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count: Count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      // A file that could not even be loaded has no test that could fail.
      if (module.state() === 'failed' && [...module.children.allTests()].length === 0) count.failed++;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'pending') count.failed++;
        else count[state]++;
      }
    }
    if (process.send === undefined) process.stdout.write(`\n${closingLine(count)}\n`);
    else process.send(count);
  }
}
