import type { Command } from 'commander';
import { stringify } from 'yaml';
import { desiredConnector } from '../connectors/deploy/desired.ts';
import { kafkaConnector, kafkaTopics } from '../connectors/deploy/strimzi.ts';
import type { CommandContext } from './context.ts';

interface PrintOptions {
  readonly strimzi?: true;
  readonly connect: string;
  readonly topics?: string;
}

export function registerPrint(connector: Command, context: CommandContext): void {
  connector
    .command('print')
    .description('print the connector that `apply` would create; it asks no server, and prints no secret')
    .option('--strimzi', "print it as a KafkaConnector of Strimzi's operator, for `kubectl apply`")
    .option('--connect <name>', 'with --strimzi: the name of the KafkaConnect resource', 'history-cdc')
    .option(
      '--topics <kafka>',
      'with --strimzi: print the topics as KafkaTopics, too; the name of the Kafka resource',
    )
    .addHelpText(
      'after',
      '\nExamples:\n  history-cdc connector print\n  history-cdc connector print --strimzi --topics kafka | kubectl apply -f -',
    )
    .action(({ strimzi, connect, topics }: PrintOptions) => {
      const desired = desiredConnector(context.config(['CONNECTOR_DATABASE_URL']));
      if (strimzi !== true) {
        context.print(JSON.stringify({ name: desired.name, config: desired.config }, undefined, 2));
        return;
      }
      // The topics first: a connector that starts before them stands still for good.
      const manifests = [
        ...(topics === undefined ? [] : kafkaTopics(desired.topics, topics)),
        kafkaConnector(desired, connect),
      ];
      context.print(
        manifests
          .map((manifest) => stringify(manifest, { lineWidth: 0 }))
          .join('---\n')
          .trimEnd(),
      );
    });
}
