// `npm audit` for `npm run check`: fails where a package that runs in production has a known vulnerability of at least
// "high". Where the registry does not answer such questions, it says so and does not fail: then nothing was checked.
import { spawnSync } from 'node:child_process';

const LIMIT_MS = 60_000;
const SERIOUS = ['high', 'critical'];

const npm = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8', timeout: LIMIT_MS });
const report = parsed(npm.stdout);
if (report?.metadata?.vulnerabilities === undefined) {
  const reason =
    report?.message ?? report?.error?.summary ?? npm.error?.message ?? 'no answer that can be read';
  say(`npm audit: NOT CHECKED, because the registry does not answer it (${String(reason).split('\n')[0]})`);
} else {
  const found = Object.values(report.vulnerabilities ?? {});
  const serious = found.filter(({ severity }) => SERIOUS.includes(severity));
  for (const { name, severity } of found) say(`npm audit: ${severity} in ${name}`);
  say(
    `npm audit: ${String(found.length)} vulnerable packages in production, ${String(serious.length)} of them high or critical`,
  );
  if (serious.length > 0) process.exitCode = 1;
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function say(line) {
  process.stderr.write(`${line}\n`);
}
