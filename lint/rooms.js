// The rooms of the house and the direction of imports between them. A room may import itself and what its line names.
// A line names only rooms of lines above it, so that no two rooms can import each other: `roomsOf` refuses anything else.
const PROJECTOR = 'consumers/agent-test-history';
const inside = (...names) => names.map((name) => `${PROJECTOR}/${name}`);

export const ROOMS = roomsOf([
  ['lib'],
  ['stack', 'lib'],
  ['connectors', 'lib'],
  [`${PROJECTOR}/schema`, 'lib'],
  [`${PROJECTOR}/record`, 'lib'],
  [`${PROJECTOR}/rule`, 'lib', ...inside('record')],
  [`${PROJECTOR}/lookup`, 'lib', ...inside('record', 'rule')],
  [`${PROJECTOR}/twins`, 'lib', ...inside('record', 'rule', 'lookup')],
  [`${PROJECTOR}/batch`, 'lib', ...inside('record', 'rule', 'lookup', 'twins')],
  [`${PROJECTOR}/pipeline.ts`, 'lib', ...inside('record', 'rule', 'lookup', 'twins', 'batch')],
  [`${PROJECTOR}/sweep`, 'lib', ...inside('record', 'rule', 'lookup', 'twins', 'batch', 'pipeline.ts')],
  [`${PROJECTOR}/stream`, 'lib', PROJECTOR],
  ['operations/continuity', 'lib', PROJECTOR],
  // Proof: it shares no code with the writes, only their words.
  [
    'operations/reconcile',
    'lib',
    'operations/continuity',
    ...inside('rule/outcome.ts', 'stream/unhealed.ts'),
  ],
  ['operations/fence', 'lib', PROJECTOR],
  [
    'operations/facts',
    ...['lib', 'connectors', PROJECTOR, 'operations/continuity', 'operations/reconcile', 'operations/fence'],
  ],
  [
    'operations/checks',
    ...['lib', 'connectors', PROJECTOR, 'operations/continuity', 'operations/reconcile', 'operations/fence'],
    'operations/facts',
  ],
  ['operations/doctor', 'lib', 'connectors', PROJECTOR, 'operations/facts', 'operations/checks'],
  [
    'operations/watchdog',
    ...['lib', 'connectors', PROJECTOR],
    ...['operations/continuity', 'operations/facts', 'operations/checks'],
  ],
  [
    'operations/connector',
    ...['lib', 'connectors', ...inside('batch/actions.ts')],
    ...['operations/continuity', 'operations/facts', 'operations/checks', 'operations/watchdog'],
  ],
  [
    'operations/snapshot',
    ...['lib', 'connectors', PROJECTOR],
    ...['operations/facts', 'operations/checks', 'operations/connector'],
  ],
  [
    'operations/verification',
    ...['lib', PROJECTOR, 'operations/continuity', 'operations/reconcile', 'operations/facts'],
    ...['operations/checks', 'operations/snapshot'],
  ],
  ['operations/forget', 'lib', PROJECTOR],
  ['operations/census', 'lib', PROJECTOR, 'operations/forget'],
  ['operations/find', 'lib', PROJECTOR],
  ['operations/explain', 'lib', PROJECTOR, 'operations/forget'],
  ['operations/repair', 'lib', PROJECTOR, 'operations/reconcile'],
  ['operations/quarantine', 'lib', PROJECTOR],
  ['operations/redecide', 'lib', PROJECTOR],
  ['operations/undo', 'lib', PROJECTOR],
  ['operations/archive', 'lib', ...inside('batch/actions.ts', 'rule/outcome.ts', 'schema/requirements.ts')],
  [
    'operations/teardown',
    ...['lib', 'connectors', PROJECTOR],
    ...['operations/facts', 'operations/connector', 'operations/fence', 'operations/undo'],
  ],
  [
    'operations/soak',
    ...['lib', 'connectors', PROJECTOR, 'operations/continuity', 'operations/facts', 'operations/checks'],
    ...['operations/reconcile', 'operations/verification'],
    'operations/fence',
  ],
  ['operations/webhook', 'lib', PROJECTOR, 'operations/facts'],
  [
    'operations/gauges',
    ...['lib', 'connectors', PROJECTOR, 'operations/continuity', 'operations/facts', 'operations/checks'],
    ...['operations/reconcile', 'operations/verification', 'operations/soak'],
  ],
  [
    'operations/retire',
    ...['lib', 'connectors', PROJECTOR, 'operations/continuity', 'operations/facts', 'operations/checks'],
    ...['operations/reconcile', 'operations/verification', 'operations/fence', 'operations/soak'],
  ],
  ['operations/evidence', 'lib', PROJECTOR, 'operations/continuity', 'operations/soak', 'operations/fence'],
  [
    'operations/status',
    ...['lib', 'connectors', PROJECTOR, 'operations/continuity', 'operations/facts', 'operations/checks'],
    ...['operations/doctor', 'operations/snapshot', 'operations/connector', 'operations/reconcile'],
    ...['operations/soak', 'operations/fence', 'operations/teardown'],
  ],
  ['operations/find', 'lib', PROJECTOR, 'operations/forget'],
  // What people ask for in the console: the same functions as the commands.
  [
    'operations/requests',
    ...['lib', 'connectors', PROJECTOR, 'operations/continuity', 'operations/facts', 'operations/checks'],
    ...[
      'operations/reconcile',
      'operations/repair',
      'operations/quarantine',
      'operations/snapshot',
      'operations/soak',
    ],
  ],
  ['operations/console', 'lib', 'connectors', PROJECTOR, 'operations'],
  ['demo', 'lib', 'stack', 'connectors', PROJECTOR, 'operations'],
  ['bench', 'lib', 'stack', 'connectors', PROJECTOR, 'operations', 'demo'],
  ['cli', 'lib', 'stack', 'connectors', PROJECTOR, 'operations', 'demo'],
  ['docs', 'lib', 'cli'],
  ['observability'],
  ['lint'],
  [
    'test',
    'lib',
    'lint',
    'stack',
    'connectors',
    PROJECTOR,
    'operations',
    'demo',
    'bench',
    'cli',
    'docs',
    'observability',
  ],
]);

export function roomsOf(lines) {
  const above = new Set();
  for (const [room, ...may] of lines) {
    for (const name of may)
      if (![...above].some((known) => holds(name, known) || holds(known, name)))
        throw new Error(`${room} may not import ${name}: only rooms of lines above it`);
    above.add(room);
  }
  return lines.map(([room, ...may]) => ({ room, may }));
}

/** Why `file` may not import `imported`, both relative to the root of the checkout; undefined where it may. */
export function whyForbidden(file, imported, rooms = ROOMS) {
  const [from, to] = [file, imported].map((path) => rooms.find(({ room }) => holds(room, path)));
  if (from === undefined || from === to) return undefined;
  if (to === undefined) return `${imported} is in no room of lint/rooms.js`;
  if (from.may.some((name) => holds(name, imported))) return undefined;
  return `${from.room} does not import ${imported}: lint/rooms.js has the directions`;
}

function holds(room, path) {
  return path === room || path.startsWith(`${room}/`);
}
