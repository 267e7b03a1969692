import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startHttpServer, type HttpServer, type Readiness } from '../../lib/http.ts';
import { createMetrics, type Metrics } from '../../lib/metrics.ts';

let metrics: Metrics;
let inQuarantine: { open: number; waived: number } | null;
let answer: ReturnType<Readiness>;
let server: HttpServer;

const at = (port: number) => ({ HTTP_HOST: '127.0.0.1', HTTP_PORT: port });

beforeEach(async () => {
  inQuarantine = null;
  metrics = createMetrics(() => Promise.resolve(inQuarantine));
  answer = { ready: true };
  server = await startHttpServer(at(0), metrics, () => answer);
});
afterEach(async () => {
  await server.close();
});

describe('the HTTP server', () => {
  test('is alive, ready or not', async () => {
    answer = { ready: false, reason: 'x' };
    const response = await fetch(`${server.url}/healthz`);
    expect([response.status, await response.json()]).toEqual([200, { alive: true }]);
  });

  test('says whether the projector is ready, and why not', async () => {
    const ready = await fetch(`${server.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { ready: true }]);
    answer = { ready: false, reason: 'partition 3 has records and commits nothing' };
    const notReady = await fetch(`${server.url}/readyz`);
    expect([notReady.status, await notReady.json()]).toEqual([503, answer]);
  });

  test('gives its metrics in the format of Prometheus', async () => {
    metrics.decisions.inc({ decision: 'projected' }, 7);
    const response = await fetch(`${server.url}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(await response.text()).toContain('history_cdc_decisions_total{decision="projected"} 7');
  });

  test('counts at each scrape what lies in quarantine, and gives no old number where nobody knows it', async () => {
    const samples = async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      return text.split('\n').filter((line) => line.startsWith('history_cdc_quarantine_records{'));
    };
    expect(await samples()).toEqual([]);
    inQuarantine = { open: 0, waived: 2 };
    expect(await samples()).toEqual([
      'history_cdc_quarantine_records{state="open"} 0',
      'history_cdc_quarantine_records{state="waived"} 2',
    ]);
    inQuarantine = null;
    expect(await samples()).toEqual([]);
  });

  test('knows no other page', async () => {
    expect((await fetch(`${server.url}/ledger`)).status).toBe(404);
  });

  test('on an address that is taken is refused with the way out', async () => {
    const port = Number(new URL(server.url).port);
    await expect(startHttpServer(at(port), metrics, () => answer)).rejects.toMatchObject({
      code: 'HTTP_PORT_TAKEN',
      message: expect.stringContaining(`127.0.0.1:${String(port)}`) as unknown,
    });
  });

  test('that is closed answers nobody, and does not wait for connections that are kept alive', async () => {
    await (await fetch(`${server.url}/healthz`)).text();
    await server.close();
    await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
  });
});
