import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The resident memory of a process and its descendants, in bytes. On Linux, each process counts only its share of the
 * shared pages. Otherwise the sum would contain Postgres's shared buffers once per backend.
 */
export function memoryOf(pid: number): number | undefined {
  const sizes = process.platform === 'linux' ? family(pid).map(proportionalSize) : residentSizes(pid);
  const known = sizes.filter((size) => size !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, size) => sum + size, 0);
}

function family(pid: number): number[] {
  const children = read(`/proc/${String(pid)}/task/${String(pid)}/children`) ?? '';
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(family)];
}

function proportionalSize(pid: number): number | undefined {
  const pss = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${String(pid)}/smaps_rollup`) ?? '');
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${String(pid)}/status`) ?? '');
  const kilobytes = pss?.[1] ?? rss?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function residentSizes(pid: number): number[] {
  const ps = spawnSync('ps', ['-axo', 'pid=,ppid=,rss='], { encoding: 'utf8' });
  const rows = (ps.stdout || '')
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return rows
    .filter(([own, parent]) => own === pid || parent === pid)
    .map(([, , kilobytes = 0]) => kilobytes * 1024);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
