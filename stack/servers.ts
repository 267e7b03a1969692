import { connect } from './connect.ts';
import { kafka } from './kafka.ts';
import { postgres } from './postgres.ts';
import { registry } from './registry.ts';
import { s3 } from './s3.ts';
import type { Server } from './server.ts';
import type { PortName, ServerName } from './state.ts';

export const SERVERS: Readonly<Record<ServerName, Server>> = {
  postgres,
  kafka,
  registry,
  connect,
  s3,
};

/** Every port that a server listens on. */
export const PORTS_OF: Readonly<Record<ServerName, readonly PortName[]>> = {
  postgres: ['postgres'],
  kafka: ['kafka', 'kafkaController'],
  registry: ['registry', 'registryManagement'],
  connect: ['connect', 'connectMetrics'],
  s3: ['s3'],
};
