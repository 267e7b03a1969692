import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { pickPort } from '../../stack/ports.ts';
import { fetchPrometheus } from '../../stack/prometheus.ts';
import { OBSERVABILITY } from '../observability/rules.ts';
import { until } from '../support/until.ts';

/** Bounds of rules that a test cannot wait for, and what it waits for in their place. */
const SMALLER: readonly (readonly [string, string])[] = [
  ['look_timestamp_seconds > 180', 'look_timestamp_seconds > 6'],
  ['(history_cdc_lag_seconds) > 300', '(history_cdc_lag_seconds) > 3'],
  ['(history_cdc_slot_wal_room_bytes) < 0.5 *', '(history_cdc_slot_wal_room_bytes) < 0.95 *'],
  [
    'rate(history_cdc_transaction_retries_total[5m])) > 0.1',
    'rate(history_cdc_transaction_retries_total[5m])) > 0',
  ],
  ['(debezium_streaming_behind_source_seconds) > 60', '(debezium_streaming_behind_source_seconds) > 3'],
];
const WINDOW = '30s';

/** The committed rules with shorter times: each `for` is 0 s, each range half a minute, and the bounds above. */
function scaledRules(): string {
  let rules = readFileSync(path.join(OBSERVABILITY, 'alerts.yml'), 'utf8');
  for (const [from, to] of SMALLER) {
    if (!rules.includes(from)) throw new Error(`no rule has ${from}`);
    rules = rules.replace(from, to);
  }
  return rules.replaceAll(/^( +)for: \d+[mh]$/gm, '$1for: 0s').replaceAll(/\[\d+[mh]\]/g, `[${WINDOW}]`);
}

interface Targets {
  readonly projector: number;
  readonly connect: number;
}

/**
 * A Prometheus with the project's rules, as a plain process in a folder of its own. It sends what fires to a receiver in this
 * process that speaks Alertmanager's interface, because Debian's Alertmanager starts only where its package is installed.
 */
export class PrometheusServer {
  readonly #url: string;
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #receiver: Receiver;

  private constructor(url: string, folder: string, running: { process: ChildProcess; receiver: Receiver }) {
    this.#url = url;
    this.#folder = folder;
    this.#process = running.process;
    this.#receiver = running.receiver;
  }

  static async start({ projector, connect }: Targets): Promise<PrometheusServer> {
    const { prometheus } = await fetchPrometheus(process.env, () => undefined);
    const folder = mkdtempSync(path.join(tmpdir(), 'history-cdc-alerts-'));
    const receiver = await startReceiver();
    const at = (port: number) => [{ targets: [`127.0.0.1:${String(port)}`] }];
    const config = {
      global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
      rule_files: ['alerts.yml'],
      alerting: { alertmanagers: [{ static_configs: at(receiver.port) }] },
      scrape_configs: [
        { job_name: 'history-cdc', static_configs: at(projector) },
        { job_name: 'kafka-connect', static_configs: at(connect) },
      ],
    };
    writeFileSync(path.join(folder, 'alerts.yml'), scaledRules());
    writeFileSync(path.join(folder, 'prometheus.yml'), stringify(config));
    const address = `127.0.0.1:${String(await pickPort(new Set()))}`;
    const args = [
      ...['--config.file=prometheus.yml', '--storage.tsdb.path=data', `--web.listen-address=${address}`],
      // What fires before the receiver is discovered is lost, and otherwise sent again after a minute.
      '--rules.alert.resend-delay=1s',
    ];
    const child = spawn(prometheus, args, { cwd: folder, stdio: 'ignore' });
    const server = new PrometheusServer(`http://${address}`, folder, { process: child, receiver });
    await until('Prometheus is ready', async () => {
      return (await fetch(`http://${address}/-/ready`).catch(() => undefined))?.ok;
    });
    return server;
  }

  /** The value of each series; none where the answer has none. */
  async query(expr: string): Promise<readonly { metric: Record<string, string>; value: number }[]> {
    const answer = await fetch(
      `${this.#url}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`,
    );
    const { status, error, data } = (await answer.json()) as {
      status: string;
      error?: string;
      data?: { result: { metric: Record<string, string>; value: [number, string] }[] };
    };
    if (status !== 'success' || data === undefined) throw new Error(`${expr}: ${error ?? status}`);
    return data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
  }

  /** Whether the alert fires now, or fired at any time in the last seconds. */
  async fired(alert: string, withinSeconds?: number): Promise<boolean> {
    const series = `ALERTS{alertname="${alert}",alertstate="firing"}`;
    const range = withinSeconds === undefined ? '' : `[${String(Math.ceil(withinSeconds) + 1)}s]`;
    return (await this.query(range === '' ? series : `present_over_time(${series}${range})`)).length > 0;
  }

  /** The names of the alerts that it has sent to its receiver. */
  get sent(): ReadonlySet<string> {
    return this.#receiver.sent;
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) await ended;
    this.#receiver.server.close();
    this.#receiver.server.closeAllConnections();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface Receiver {
  readonly server: Server;
  readonly port: number;
  readonly sent: Set<string>;
}

async function startReceiver(): Promise<Receiver> {
  const sent = new Set<string>();
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      if (request.url === '/api/v2/alerts')
        for (const { labels } of JSON.parse(body) as { labels: { alertname: string } }[])
          sent.add(labels.alertname);
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver has no port');
  return { server, port: address.port, sent };
}
