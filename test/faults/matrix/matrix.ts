import { DATA_AND_SURROUNDINGS } from './data-and-surroundings.ts';
import type { Fault } from './fault.ts';
import { PROJECTOR_AND_BROKER } from './projector-and-broker.ts';
import { SOURCE_AND_CONNECTOR } from './source-and-connector.ts';

/** The 54 faults, in their order. */
export const FAULTS: readonly Fault[] = [
  ...PROJECTOR_AND_BROKER,
  ...SOURCE_AND_CONNECTOR,
  ...DATA_AND_SURROUNDINGS,
];
