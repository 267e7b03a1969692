import { defineConfig } from 'vitest/config';
import { ClosingLine } from './test/support/closing-line.ts';

// A test's suffix says what it needs: .test.ts nothing, .pg.test.ts Postgres, .stack.test.ts the whole stack,
// .browser.test.ts Postgres and a browser.
// Files share their worker and its modules (`isolate: false`): to load them for each file took a third of all CPU time.
// So a test file changes nothing that outlives it: no mocked module, no setting of a module, no spy that it leaves.
const DEMO = 'test/demo/demo.stack.test.ts';
// These stop servers or wait for time-outs. A project of their own has a stack of its own, so that `npm test` runs them
// beside the other stack tests.
const FAULTS = ['test/faults/*.stack.test.ts', 'test/doctor/real.stack.test.ts'];
// Faults that take long, or need servers of their own: `npm run test:faults`, and not part of `npm test`.
const SLOW_FAULTS = 'test/faults/slow/*.stack.test.ts';

// Each alert seen firing under a real Prometheus takes minutes: `npm run test:alerts`, and not part of `npm test`.
const ALERTS = 'test/alerts/**/*.stack.test.ts';

const onStack = {
  isolate: false,
  globalSetup: 'test/support/stack-global-setup.ts',
  // The files of a project share one stack, and some of them stop its servers: files take turns.
  fileParallelism: false,
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLine()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.pg.test.ts', 'test/**/*.stack.test.ts', 'test/**/*.browser.test.ts'],
          isolate: false,
          // No test is about time; a busy machine must not turn one red.
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'pg',
          include: ['test/**/*.pg.test.ts'],
          isolate: false,
          globalSetup: 'test/support/postgres-global-setup.ts',
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/**/*.browser.test.ts'],
          isolate: false,
          globalSetup: 'test/support/browser-global-setup.ts',
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
      {
        test: {
          name: 'stack',
          include: ['test/**/*.stack.test.ts'],
          exclude: [DEMO, ...FAULTS, SLOW_FAULTS, ALERTS],
          ...onStack,
        },
      },
      { test: { name: 'faults', include: FAULTS, ...onStack } },
      { test: { name: 'slow-faults', include: [SLOW_FAULTS], ...onStack, testTimeout: 600_000 } },
      { test: { name: 'alerts', include: [ALERTS], ...onStack, testTimeout: 600_000 } },
      // The demo has a stack of its own, and so needs none of ours.
      { test: { name: 'demo', include: [DEMO] } },
    ],
  },
});
