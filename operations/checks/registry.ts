import { checksOf, error } from './check.ts';
import { failed, notYet, ok } from './verdict.ts';

const JSON_ONLY = 'no registry is configured: records are JSON';

export const REGISTRY_CHECKS = checksOf('registry', {
  'registry-reachable': error(
    'the schema registry answers, by the Confluent-compatible API',
    ['registry'],
    ({ registry }) => ok(registry.kind === 'none' ? JSON_ONLY : `${String(registry.subjects)} subjects`),
    {
      unreached: (why) =>
        failed(
          why,
          'check SCHEMA_REGISTRY_URL (`history-cdc config`); of an Apicurio registry it ends in /apis/ccompat/v7',
        ),
    },
  ),
  'registry-pair': error(
    'connector and projector either both use a registry, or neither does',
    [],
    (_, { config }) => {
      const [ours, theirs] = [config.SCHEMA_REGISTRY_URL, config.CONNECTOR_SCHEMA_REGISTRY_URL];
      if ((ours === undefined) === (theirs === undefined)) return ok(ours === undefined ? JSON_ONLY : 'both');
      const unset = ours === undefined ? 'SCHEMA_REGISTRY_URL' : 'CONNECTOR_SCHEMA_REGISTRY_URL';
      return failed(
        `${unset} is not set, the other one is: what the connector writes cannot be read`,
        'set both, to the same registry: SCHEMA_REGISTRY_URL is its Confluent-compatible API, CONNECTOR_SCHEMA_REGISTRY_URL its own',
      );
    },
  ),
  'registry-schemas': error(
    "the projector can read the registry's schemas of the data topic",
    ['registry'],
    ({ registry }, { deployed }) => {
      if (registry.kind === 'none') return ok(JSON_ONLY);
      const absent = registry.schemas.filter(({ there }) => !there);
      if (absent.length > 0) {
        const found = `no subject ${absent.map(({ subject }) => subject).join(', ')}`;
        return deployed
          ? failed(
              `${found}: the registry has lost its schemas, or is another one than the connector's`,
              'restore it, or let SCHEMA_REGISTRY_URL and CONNECTOR_SCHEMA_REGISTRY_URL name the same one',
            )
          : notYet(`${found}: the connector registers them`, 'apply');
      }
      const unreadable = registry.schemas.flatMap(({ subject, problem }) =>
        problem === undefined ? [] : [`${subject}: ${problem}`],
      );
      return unreadable.length === 0
        ? ok(registry.schemas.map(({ subject }) => subject).join(', '))
        : failed(
            unreadable.join('; '),
            'undo the change of agent_test_history, or upgrade history-cdc to a release that knows it',
          );
    },
  ),
});
