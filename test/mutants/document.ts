import { fileOf, testFileOf, type Mutant, type Safeguard } from './mutant.ts';

const HEAD = `# Safeguards, and what notices when one is gone

\`npm run test:mutants\` wrote this page. It takes one safeguard at a time out of a copy of the code, runs the test file that
has to notice, and ends with exit code 1 unless a test fails. Each line below was seen: the code without the safeguard, and the
test that went red first. The edits are in \`test/mutants/safeguards/\`; the ordinary tests demand that each of them still
applies, and that this page has a line for each.
`;

/** The page, from what a run over all mutants saw; `caughtBy` gives the test that went red, by mutant. */
export function safeguardsPage(
  safeguards: readonly Safeguard[],
  caughtBy: (mutant: Mutant) => string,
): string {
  const sections = safeguards.map(({ name, mutants }) => {
    const rows = mutants.map((mutant) => {
      const caught = `[${mutant.by}](../${testFileOf(mutant)}): ${caughtBy(mutant)}`;
      return `| ${[`\`${mutant.id}\``, mutant.breaks, `[${mutant.at}](../${fileOf(mutant)})`, caught].map(cell).join(' | ')} |`;
    });
    return [
      `## ${name}`,
      '',
      '| taken out | what goes wrong without it | where it is | caught by |',
      '| --- | --- | --- | --- |',
      ...rows,
      '',
    ].join('\n');
  });
  return [HEAD, ...sections].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
