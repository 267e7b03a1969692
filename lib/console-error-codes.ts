/** What can keep messages to people, and actions in the console, from going on. */
export const CONSOLE_ERRORS = {
  WEBHOOK_MESSAGE: {
    cause: 'A message of the webhook does not exist, or was not given up.',
    remedy: '`history-cdc webhook list` shows every message with its state.',
  },
  REQUEST_REFUSED: {
    cause:
      'The console does not take this request: a field is missing or wrong, or its dry run is missing, has failed or is too old.',
    remedy: 'Open the page again, correct what the message names, and begin with the dry run.',
  },
} as const;
