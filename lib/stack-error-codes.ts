/** What can keep the local stack and the demo from going on. */
export const STACK_ERRORS = {
  STACK_PREREQUISITE: {
    cause: 'Something that the local stack needs is missing on this machine.',
    remedy: 'Install what the message names.',
  },
  STACK_SERVER_FAILED: {
    cause: 'A server of the local stack did not start.',
    remedy: 'Correct what the message names; it quotes the end of the log of the server.',
  },
  STACK_BUSY: {
    cause: 'Another process has been starting or stopping the same stack for too long.',
    remedy: 'Wait until that process ends, or end it.',
  },
  STACK_ABSENT: {
    cause: 'No local stack is running in this checkout.',
    remedy: 'Run `history-cdc stack up`.',
  },
  DEMO_FAILED: {
    cause: 'A step of the demo did not come to its end.',
    remedy: 'Correct what the message names, and run the demo again. With `--keep` the stack stays up.',
  },
} as const;
