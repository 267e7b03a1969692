import type { TopicSpec } from '../../lib/kafka-cluster.ts';
import type { ConnectorConfig, DesiredConnector } from './desired.ts';

/** One setting that differs. Secrets are already hidden in the values. */
export type ConfigChange =
  | { readonly kind: 'added'; readonly key: string; readonly desired: string }
  | { readonly kind: 'changed'; readonly key: string; readonly actual: string; readonly desired: string }
  | { readonly kind: 'removed'; readonly key: string; readonly actual: string };

export type TopicChange =
  | { readonly kind: 'missing'; readonly topic: string; readonly spec: TopicSpec }
  | {
      readonly kind: 'different';
      readonly topic: string;
      readonly what: string;
      readonly actual: string;
      readonly desired: string;
    };

export interface Plan {
  /** What must be done in Connect: `create` if it has no such connector. */
  readonly connector: 'create' | 'update' | 'unchanged';
  readonly config: readonly ConfigChange[];
  readonly topics: readonly TopicChange[];
}

export interface ActualTopic {
  readonly name: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface ActualState {
  /** Undefined if Connect has no such connector. */
  readonly config: ConnectorConfig | undefined;
  readonly topics: readonly ActualTopic[];
}

/** The differences between the actual and the wanted state. */
export function planConnector(desired: DesiredConnector, actual: ActualState): Plan {
  const config = configChanges(desired.config, actual.config ?? {});
  return {
    connector: actual.config === undefined ? 'create' : config.length === 0 ? 'unchanged' : 'update',
    config,
    topics: desired.topics.flatMap((spec) =>
      topicChanges(
        spec,
        actual.topics.find(({ name }) => name === spec.name),
      ),
    ),
  };
}

export function isClean(plan: Plan): boolean {
  return plan.connector === 'unchanged' && plan.topics.length === 0;
}

function configChanges(desired: ConnectorConfig, actual: ConnectorConfig): ConfigChange[] {
  const keys = [...new Set([...Object.keys(desired), ...Object.keys(actual)])];
  return keys.flatMap((key): ConfigChange[] => {
    const wanted = desired[key];
    const found = actual[key];
    if (wanted === found) return [];
    const show = (value: string) => printable(key, value);
    if (found === undefined)
      return wanted === undefined ? [] : [{ kind: 'added', key, desired: show(wanted) }];
    if (wanted === undefined) return [{ kind: 'removed', key, actual: show(found) }];
    return [{ kind: 'changed', key, actual: show(found), desired: show(wanted) }];
  });
}

/**
 * Somebody may have written a secret into Connect's settings by hand, in clear text. So a value is hidden unless it
 * consists only of a reference to a secret.
 */
export function printable(key: string, value: string): string {
  if (/^\$\{[^{}]+\}$/.test(value)) return value;
  if (/password|secret|token|credential|jaas|basic\.auth|api[._-]?key/i.test(key)) return '***';
  return value.replaceAll(/(:\/\/[^/\s:@]*):[^/\s@]+@/g, '$1:***@');
}

/** The settings that a topic lacks, or that differ from what they must be. */
export function topicChanges(spec: TopicSpec, actual: ActualTopic | undefined): TopicChange[] {
  if (actual === undefined) return [{ kind: 'missing', topic: spec.name, spec }];
  const wanted = { partitions: String(spec.partitions), ...spec.config };
  const found: Readonly<Record<string, string>> = { partitions: String(actual.partitions), ...actual.config };
  return Object.entries(wanted)
    .filter(([what, value]) => found[what] !== value)
    .map(([what, value]) => ({
      kind: 'different',
      topic: spec.name,
      what,
      actual: found[what] ?? 'unset',
      desired: value,
    }));
}
