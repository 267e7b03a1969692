import type { Mutant, Safeguard } from './mutant.ts';
import { ARCHIVE } from './safeguards/archive.ts';
import { CONTINUITY } from './safeguards/continuity.ts';
import { LEDGER } from './safeguards/ledger.ts';
import { LIKENESS } from './safeguards/likeness.ts';
import { LINKS } from './safeguards/links.ts';
import { ORDER } from './safeguards/order.ts';
import { LATE_OWNERSHIP, OWNERSHIP } from './safeguards/ownership.ts';
import { DATA_ERRORS } from './safeguards/quarantine.ts';
import { FLOOR, SWEEPER } from './safeguards/sweeping.ts';
import { AGENT_LOCK, FENCE, PARTITION_LOCK } from './safeguards/turn-taking.ts';
import { RETIREMENT } from './safeguards/retirement.ts';
import { UNDONE } from './safeguards/undone.ts';
import { LEFT_OUT, OWN_ROWS_ONLY } from './safeguards/values.ts';
import { VERIFICATION } from './safeguards/verification.ts';
import { WINDOW } from './safeguards/window.ts';

export const SAFEGUARDS: readonly Safeguard[] = [
  AGENT_LOCK,
  PARTITION_LOCK,
  FENCE,
  LEDGER,
  ORDER,
  OWNERSHIP,
  LATE_OWNERSHIP,
  LEFT_OUT,
  WINDOW,
  LIKENESS,
  LINKS,
  OWN_ROWS_ONLY,
  SWEEPER,
  FLOOR,
  DATA_ERRORS,
  UNDONE,
  ARCHIVE,
  CONTINUITY,
  RETIREMENT,
  VERIFICATION,
];

export const MUTANTS: readonly Mutant[] = SAFEGUARDS.flatMap(({ mutants }) => mutants);
