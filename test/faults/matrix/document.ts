import { INVARIANTS } from '../../support/invariants/names.ts';
import type { Fault, Injection } from './fault.ts';

const HEAD = `# Faults, and what shows that each is survived

\`npm run docs:faults\` wrote this page from \`test/faults/matrix/\`. A test demands that every fault has a test, that each test
exists under the title that stands here, and that this page is up to date. \`npm run test:faults\` runs all of them on real
servers, and prints for each fault what was seen.

A fault that is marked **partial** says what of it no test injects. Tests in \`test/faults/slow/\` run by \`npm run test:faults\`
only; \`npm test\` runs all others.
`;

const INVARIANTS_HEAD = `
## The check after every fault

Each test on a stack ends with \`expectInvariants\` (\`test/support/invariants/\`): the fault is over, everything is drained, and
then it looks at all of these. Every run of every test also accounts for each record that it read (I15).

| | what holds, and how the check sees it |
| --- | --- |
`;

/** The page `docs/faults.md`. */
export function faultsPage(faults: readonly Fault[]): string {
  const partial = faults.filter(({ lacks }) => lacks !== undefined).length;
  const counts = `${String(faults.length - partial)} faults are covered whole, ${String(partial)} in part.`;
  const invariants = Object.entries(INVARIANTS).map(([id, says]) => `| ${id} | ${cell(says)} |`);
  const table = [
    '| | fault | how it is injected | what must be seen | about | tests |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  const rows = faults.map(row);
  return `${HEAD}\n${counts}\n\n${[...table, ...rows].join('\n')}\n${INVARIANTS_HEAD}${invariants.join('\n')}\n`;
}

function row({ id, fault, injected, mustBeSeen, invariants, tests, lacks }: Fault): string {
  const missing = lacks === undefined ? '' : ` **partial: ${lacks}**`;
  const cells = [fault, injected + missing, mustBeSeen, invariants.join(' '), tests.map(link).join('<br>')];
  return `| ${[id, ...cells].map(cell).join(' | ')} |`;
}

function link({ file, test }: Injection): string {
  return `[${file}](../test/${file}): ${test}`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
