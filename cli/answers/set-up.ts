import { z } from 'zod';
import { count, countByName, id, quarantine, seconds, text, time } from './parts.ts';

export const config = z.strictObject({
  settings: z.array(
    z.strictObject({
      name: text,
      value: text.nullable().describe('secrets are masked'),
      source: z.enum(['environment', 'file', 'local stack', 'default', 'unset']),
      file: text.nullable().describe('the file that NAME_FILE names'),
      default: text.nullable(),
      meaning: text,
    }),
  ),
});

export const migrate = z.strictObject({ applied: z.array(text).describe('names of the migrations') });

const severity = z.enum(['error', 'warning']);
const toDo = z.strictObject({ id: text, fix: text });

export const doctor = z.strictObject({
  deployed: z.boolean(),
  checks: z.array(
    z.strictObject({
      id: text,
      group: text,
      severity,
      title: text,
      verdict: z.enum(['ok', 'failed', 'warning', 'not_yet', 'unknown']),
      evidence: text,
      fix: text.nullable(),
      step: text.nullable(),
    }),
  ),
  counts: countByName,
  mayGoOn: z.boolean(),
  first: toDo.nullable(),
});

export const doctorList = z.strictObject({
  checks: z.array(z.strictObject({ id: text, group: text, severity, title: text })),
});

const topicSpec = z.strictObject({
  name: text,
  partitions: count,
  replication: count,
  config: z.record(z.string(), text),
});

export const plan = z.strictObject({
  connector: z.enum(['create', 'update', 'unchanged']),
  config: z.array(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('added'), key: text, desired: text }),
      z.strictObject({ kind: z.literal('changed'), key: text, actual: text, desired: text }),
      z.strictObject({ kind: z.literal('removed'), key: text, actual: text }),
    ]),
  ),
  topics: z.array(
    z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('missing'), topic: text, spec: topicSpec }),
      z.strictObject({ kind: z.literal('different'), topic: text, what: text, actual: text, desired: text }),
    ]),
  ),
});

export const apply = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('alive'),
    plan,
    heartbeat: z.strictObject({ beatAt: time, arrivedAt: time, streamed: z.boolean() }),
    rows: count.describe('records in the data topic'),
  }),
  z.strictObject({ kind: z.literal('suspended'), plan, state: text }),
]);

const slot = z.strictObject({
  plugin: text.nullable(),
  database: text.nullable(),
  active: z.boolean(),
  walStatus: text.nullable(),
  lagBytes: count.nullable(),
});

export const connectorStatus = z.strictObject({
  name: text,
  healthy: z.boolean(),
  problems: z.array(z.strictObject({ id: text, evidence: text, fix: text.nullable() })),
  state: text,
  tasks: z.array(z.strictObject({ id: count, state: text, trace: text.nullable() })),
  heartbeat: z.strictObject({ beatAt: time, arrivedAt: time, ageSeconds: seconds }).nullable(),
  initialSnapshot: text,
  slot: slot.nullable(),
  slotUnknown: text.nullable(),
});

export const stackStatus = z.strictObject({
  name: text,
  folder: text.optional(),
  up: z.boolean(),
  secure: z.boolean().optional(),
  servers: z.array(
    z.strictObject({
      server: text,
      health: z.enum(['up', 'silent', 'down']),
      problem: text.nullable(),
      pid: count.nullable(),
      address: text,
      memoryBytes: count.nullable(),
      log: text,
    }),
  ),
});

export const stackList = z.strictObject({
  stacks: z.array(
    z.strictObject({
      name: text,
      folder: text,
      running: z.array(text).describe('servers whose process lives'),
      notRunning: z.array(text),
    }),
  ),
});

const stretch = z.strictObject({ runs: count, seconds });

export const demo = z.strictObject({
  plan: z.strictObject({ rows: count, seed: count, organisations: count }),
  machine: z.strictObject({ cores: count, memoryGiB: count }),
  phases: z.array(z.strictObject({ name: text, seconds })),
  snapshot: z.strictObject({ rows: count, connectorSeconds: seconds, projectorSeconds: seconds }),
  writer: z.strictObject({ meanwhile: stretch, stream: stretch.extend({ touched: countByName }) }),
  window: z.strictObject({
    firstLiveAt: time,
    lastLiveAt: time,
    figures: z.record(z.string(), z.strictObject({ found: count, written: count })),
  }),
  latency: z
    .strictObject({ rows: count, p50: count, p95: count, p99: count, max: count })
    .describe('milliseconds'),
  decisions: z.array(z.strictObject({ decision: text, rows: count })),
  rowsWritten: count,
  quarantine,
  checks: z.array(
    z.strictObject({
      id,
      claim: text,
      expected: text,
      found: text,
      lookedAt: count,
      passed: z.boolean(),
    }),
  ),
  retirement: z
    .strictObject({
      gate: z.array(z.strictObject({ id, state: text, missing: text.nullable() })),
      archive: z.strictObject({ target: text, rows: count }),
      evidenceFile: text,
    })
    .nullable()
    .describe('null with --keep'),
  addresses: z.record(z.string(), text),
});
