import { insertRuns, seedOrganisations } from '../support/application-rows.ts';
import { usePipeline } from '../support/pipeline.ts';
import { crashTests } from './crash.ts';
import { fenceTests } from './fence.ts';
import { severalProjectorsTests } from './several-projectors.ts';

// One file, because the tests of the fence wait for a minute while the others work.
const seeded = (rows: number, partitions: number) =>
  usePipeline({
    partitions,
    seed: async (pool) => {
      await seedOrganisations(pool);
      await insertRuns(pool, 1, rows);
    },
  });
const FENCED_ROWS = 400;
const ROWS = 1200;

const fence = fenceTests(seeded(FENCED_ROWS, 4), FENCED_ROWS);
const pipeline = seeded(ROWS, 2);

fence.begin();
crashTests(pipeline, ROWS);
severalProjectorsTests(pipeline, ROWS);
fence.end();
