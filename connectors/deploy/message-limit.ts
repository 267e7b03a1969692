import { readFileSync } from 'node:fs';

const CONNECTOR_FILE = new URL('../agent-test-history.json', import.meta.url);

/** The largest message, in bytes, that the connector may send. A larger message makes its task fail. */
export function largestMessageBytes(): number {
  const { config } = JSON.parse(readFileSync(CONNECTOR_FILE, 'utf8')) as {
    readonly config: Readonly<Record<string, string>>;
  };
  return Number(config['producer.override.max.request.size']);
}
