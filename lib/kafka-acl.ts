import { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } from './kafka.ts';
import type { AclEntry } from './kafka.ts';

const OPERATIONS = {
  all: AclOperationTypes.ALL,
  read: AclOperationTypes.READ,
  write: AclOperationTypes.WRITE,
  create: AclOperationTypes.CREATE,
  delete: AclOperationTypes.DELETE,
  'describe-configs': AclOperationTypes.DESCRIBE_CONFIGS,
} as const;

const RESOURCES = { topic: AclResourceTypes.TOPIC, group: AclResourceTypes.GROUP } as const;

/** One right of one user on one thing. `read`, `write`, `create` and `delete` each include `describe`. */
export interface AccessRule {
  /** `User:name` */
  readonly principal: string;
  readonly resource: keyof typeof RESOURCES;
  readonly name: string;
  /** The rule is for everything whose name begins with `name`. */
  readonly prefixed?: true;
  readonly operations: readonly (keyof typeof OPERATIONS)[];
}

/** The rules as Kafka takes them, one per operation. */
export function aclEntries(rules: readonly AccessRule[]): AclEntry[] {
  return rules.flatMap(({ principal, resource, name, prefixed, operations }) =>
    operations.map((operation) => ({
      principal,
      host: '*',
      operation: OPERATIONS[operation],
      permissionType: AclPermissionTypes.ALLOW,
      resourceType: RESOURCES[resource],
      resourceName: name,
      resourcePatternType: prefixed === true ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    })),
  );
}
