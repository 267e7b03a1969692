/** What can keep fence, drop and evidence from going on. */
export const RETIRE_ERRORS = {
  RETIREMENT_BUSY: {
    cause:
      'Another step of the retirement runs, beside which this one must not run: an export with the fence, a restore with the drop, an erasure with a verification.',
    remedy: 'Wait until it has ended. The message names it.',
  },
  OWNER_REQUIRED: {
    cause:
      'The step needs the owner of `agent_test_history`, and `OWNER_DATABASE_URL` is not set, leads to another database, or to another role.',
    remedy: 'Set `OWNER_DATABASE_URL` for this command only, or print the script for a DBA with `--print`.',
  },
  GATE_NOT_MET: {
    cause: 'A condition under which the table may be fenced, closed or dropped is not met, or is not known.',
    remedy:
      'The message lists what is missing. `history-cdc soak` and `history-cdc retire check` say how to mend it.',
  },
  TABLE_LOCKED: {
    cause:
      'Other sessions held locks on `agent_test_history` for so long that the step gave up. Nothing was changed.',
    remedy: 'The message names the sessions. Wait for them or end them, and run the command again.',
  },
  FENCE_BROKEN: {
    cause:
      'The fence around `agent_test_history` is missing, or a part of it was changed or disabled, so rows may have been written behind it.',
    remedy:
      'Run `history-cdc retire unfence --apply`, find out who changed it, and begin again with `history-cdc retire fence`.',
  },
  WRITTEN_SINCE_VERIFIED: {
    cause:
      'Rows of `agent_test_history` were written after the archive was verified, although the fence stands.',
    remedy:
      'Find out who wrote them. Then export and verify the archive again, and prove them with `history-cdc reconcile`.',
  },
  DROP_BLOCKED: {
    cause: 'Other objects depend on `agent_test_history`. It is never dropped with CASCADE.',
    remedy: 'The message names the objects. Drop or change them, and run `history-cdc retire drop` again.',
  },
  TABLE_RETIRED: {
    cause:
      '`agent_test_history` was dropped on purpose, by `history-cdc retire drop`. There is nothing left to project or to compare.',
    remedy:
      'Take the connector and what belongs to it away with `history-cdc teardown`. `history-cdc evidence export` writes the proof.',
  },
  EVIDENCE_UNREADABLE: {
    cause: 'The file of evidence, or a key, is missing, is of another kind, or is there already.',
    remedy: 'The message names the file and what is wrong with it.',
  },
} as const;
