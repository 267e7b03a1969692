import type { ApplyResult } from '../operations/connector/apply.ts';
import { isClean, type ConfigChange, type Plan, type TopicChange } from '../connectors/deploy/plan.ts';
import type { ConnectorReport } from '../operations/connector/connector-report.ts';
import { bytesText, countText, spanText } from '../lib/figures.ts';
import { indented, type Part, type Screen } from '../lib/screen.ts';
import { tableOf } from '../lib/table.ts';

/** The plan as a list of differences: + new, ~ changed, - removed, ! a difference that `apply` refuses to change. */
export function renderPlan(plan: Plan, name: string): string {
  if (isClean(plan)) return `${name}: nothing to change`;
  const connector = {
    create: [`+ connector ${name}`],
    update: [`~ connector ${name}`],
    unchanged: [],
  }[plan.connector];
  return [...connector, ...plan.config.map(configLine), ...plan.topics.map(topicLine)].join('\n');
}

function configLine(change: ConfigChange): string {
  switch (change.kind) {
    case 'added':
      return `    + ${change.key} = ${change.desired}`;
    case 'changed':
      return `    ~ ${change.key} = ${change.actual} -> ${change.desired}`;
    case 'removed':
      return `    - ${change.key} = ${change.actual}`;
  }
}

function topicLine(change: TopicChange): string {
  if (change.kind === 'different') {
    return `! topic ${change.topic}: ${change.what} is ${change.actual}, must be ${change.desired}`;
  }
  const { partitions, replication, config } = change.spec;
  const settings = Object.entries(config).map(([key, value]) => `${key}=${value}`);
  return `+ topic ${change.topic}: partitions=${String(partitions)} replication=${String(replication)} ${settings.join(' ')}`;
}

export function renderApplied(name: string, result: ApplyResult): string {
  const plan = renderPlan(result.plan, name);
  if (result.kind === 'suspended')
    return `${plan}\n${name} is ${result.state}, so it is not proved that it works: run \`history-cdc connector resume\``;
  const { heartbeat, rows } = result;
  const tookMs = Math.max(0, heartbeat.arrivedAt.getTime() - heartbeat.beatAt.getTime());
  return `${plan}\n${name} works: the heartbeat of ${heartbeat.beatAt.toISOString()} came through its topic in ${String(tookMs)} ms; ${countText(rows)} records in the data topic`;
}

export function renderReport(report: ConnectorReport): Screen {
  const { heartbeat, slot, slotUnknown } = report;
  const rows = [
    ['connector', `${report.name} ${report.state}`],
    ...report.tasks.map(({ id, state }) => [`task ${String(id)}`, state]),
    [
      'heartbeat',
      heartbeat === null
        ? 'none seen'
        : `${heartbeat.beatAt}, came through ${spanText(heartbeat.ageSeconds)} ago`,
    ],
    ['initial snapshot', report.initialSnapshot],
    ['slot', slot === null ? (slotUnknown === null ? 'none' : `unknown: ${slotUnknown}`) : slotText(slot)],
    ['verdict', report.healthy ? 'healthy' : 'not healthy'],
  ];
  return [tableOf(['part', 'state'], rows), ...report.problems.flatMap(problemLines)];
}

function problemLines({ id, evidence, fix }: ConnectorReport['problems'][number]): Part[] {
  return [`  - ${id}: ${evidence}`, ...(fix === null ? [] : [indented(6, [fix])])];
}

function slotText({ active, walStatus, lagBytes }: NonNullable<ConnectorReport['slot']>): string {
  const lag = lagBytes === null ? 'unknown lag' : `${bytesText(lagBytes)} behind`;
  return `${active ? 'active' : 'not active'}, ${lag}, WAL ${walStatus ?? 'unknown'}`;
}
