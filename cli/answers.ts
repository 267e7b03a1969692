import { z } from 'zod';
import {
  archiveDrill,
  archiveErase,
  archiveExport,
  archiveList,
  archiveRestore,
  archiveVerify,
} from './answers/archive.ts';
import { actions, console, explain, find } from './answers/look.ts';
import { text } from './answers/parts.ts';
import { census, reconcile, reconcileHistory, repair } from './answers/prove.ts';
import {
  forget,
  quarantineList,
  quarantineRetry,
  quarantineShow,
  redecide,
  sweep,
  undo,
} from './answers/put-right.ts';
import {
  retireCheck,
  retireStep,
  retireUnfence,
  teardown,
  evidenceExport,
  evidenceVerify,
} from './answers/retire.ts';
import { run, snapshotStart, snapshotStatus, snapshotSwitch, snapshotWatch } from './answers/run.ts';
import {
  apply,
  config,
  connectorStatus,
  demo,
  doctor,
  doctorList,
  migrate,
  plan,
  stackList,
  stackStatus,
} from './answers/set-up.ts';
import { soak, soakAttestation, soakExplanation } from './answers/soak.ts';
import { status } from './answers/status.ts';
import { webhookDismiss, webhookList, webhookRetry, webhookTest } from './answers/webhook.ts';

/**
 * What each command prints with `--json`: one object, with keys in camelCase, times in ISO 8601 and UTC, ids and
 * positions as text, counts as numbers. Keys of records are data, and stay as the data has them. `docs/answers/` is
 * made from here.
 */
export const ANSWERS = {
  actions,
  'archive drill': archiveDrill,
  'archive erase': archiveErase,
  'archive export': archiveExport,
  'archive list': archiveList,
  'archive restore': archiveRestore,
  'archive verify': archiveVerify,
  census,
  config,
  'connector apply': apply,
  'connector plan': plan,
  'connector status': connectorStatus,
  console,
  demo,
  doctor,
  'doctor --list': doctorList,
  'evidence export': evidenceExport,
  'evidence verify': evidenceVerify,
  explain,
  find,
  forget,
  migrate,
  project: run,
  'quarantine list': quarantineList,
  'quarantine retry': quarantineRetry,
  'quarantine show': quarantineShow,
  reconcile,
  'reconcile --history': reconcileHistory,
  'reconcile --repair': repair,
  redecide,
  replay: run,
  'retire check': retireCheck,
  'retire close': retireStep,
  'retire drop': retireStep,
  'retire fence': retireStep,
  'retire unfence': retireUnfence,
  'snapshot pause': snapshotSwitch,
  'snapshot resume': snapshotSwitch,
  'snapshot start': snapshotStart,
  'snapshot status': snapshotStatus,
  'snapshot stop': snapshotSwitch,
  'snapshot watch': snapshotWatch,
  soak,
  'soak attest': soakAttestation,
  'soak explain': soakExplanation,
  'soak revoke': soakAttestation,
  'stack list': stackList,
  'stack status': stackStatus,
  status,
  sweep,
  teardown,
  undo,
  'webhook dismiss': webhookDismiss,
  'webhook list': webhookList,
  'webhook retry': webhookRetry,
  'webhook test': webhookTest,
} as const;

/** The last line on stderr of a command that was given `--json` and cannot run. */
export const ERROR_ANSWER = z.strictObject({ code: text, message: text, wayOut: text });
export type ErrorAnswer = z.output<typeof ERROR_ANSWER>;

export type AnswerName = keyof typeof ANSWERS;

/** The input of an answer: the same facts, read-only, and a time may still be a `Date`. */
type Known<T> = T extends string
  ? string extends T
    ? T | Date
    : T
  : T extends readonly (infer E)[]
    ? readonly Known<E>[]
    : T extends object
      ? { readonly [K in keyof T]: Known<T[K]> }
      : T;
export type AnswerFacts<N extends AnswerName> = Known<z.input<(typeof ANSWERS)[N]>>;
