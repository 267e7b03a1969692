/** What can go wrong with Kafka Connect and the connector. */
export const CONNECT_ERRORS = {
  CONNECT_UNREACHABLE: {
    cause: 'The REST interface of Kafka Connect does not answer.',
    remedy: 'Check `CONNECT_URL` (`history-cdc config`), and that the Connect workers run.',
  },
  CONNECT_REFUSED: {
    cause: 'Kafka Connect answered 401 or 403.',
    remedy:
      'Put user and password into `CONNECT_URL`, or set `CONNECT_TOKEN`. The user needs the right to do this.',
  },
  CONNECTOR_ABSENT: {
    cause: 'Kafka Connect has no connector of this name, or lacks the plugin for it.',
    remedy: 'Run `history-cdc connector apply`. Check `CONNECTOR_NAME` if the connector has another name.',
  },
  CONNECTOR_REJECTED: {
    cause: 'Kafka Connect refused the configuration of the connector.',
    remedy:
      'Correct what each line of the message names, in the settings or in `connectors/agent-test-history.json`. The password is the one in the environment of the Connect worker.',
  },
  SOURCE_UNSEEN: {
    cause:
      'The legacy database, Kafka, Kafka Connect or the ledger gave no answer, so nobody can tell whether the source fits, or whether rows would be missing behind the point where the connector goes on.',
    remedy:
      'Run the command where all of them answer (`history-cdc config`, `history-cdc doctor`). If you know by other means that nothing is missing, give `--unseen`.',
  },
  CONNECTOR_FAILED: {
    cause: 'The connector or its task failed.',
    remedy:
      'Correct what the message names, then run `history-cdc connector restart`. `connector status --json` has the whole trace.',
  },
  CONNECTOR_INCOMPLETE: {
    cause:
      'The connector streams, but never completed its initial snapshot: rows that were in the table before are not in the topic.',
    remedy: 'Follow the steps in the message. They start the connector over with a new snapshot.',
  },
  CONNECTOR_UNREADABLE: {
    cause: 'What the connector writes cannot be decoded with the configured registry.',
    remedy:
      'The converter of the connector, `SCHEMA_REGISTRY_URL` and `CONNECTOR_SCHEMA_REGISTRY_URL` must belong together: all three for Avro, or no registry at all for JSON.',
  },
  CONNECTOR_SILENT: {
    cause: 'Kafka Connect says that the connector is `RUNNING`, but nothing comes through its topics.',
    remedy: 'The message lists the likely causes, the likeliest first.',
  },
  SNAPSHOT_RUNNING: {
    cause: 'A snapshot of the table is running, and a second one cannot start beside it.',
    remedy: '`history-cdc snapshot status` shows its progress; `history-cdc snapshot stop` ends it.',
  },
} as const;
