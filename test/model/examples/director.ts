import type { Step } from '../application.ts';
import type { History } from '../history.ts';
import type { Director } from '../run-history.ts';
import type { Example } from './example.ts';

export function historyOf(example: Example): History {
  const { rows, lives = [], operations = [], optedOut = false, isFloorClosed = false } = example;
  return { rows, lives, operations, optedOut: [optedOut, false], isFloorOpen: !isFloorClosed, choices: [] };
}

/** Chooses what an example says; then the first of what there is. Throws where an item of the order never fits. */
export function directorOf({ order }: Example): Director {
  const items = [...order];
  let hasBegun = false;
  return (options) => {
    for (let item = items[0]; item !== undefined; item = items[0]) {
      const next = nextOf(item, options);
      if (next === undefined && !hasBegun && !isThere(item, options))
        throw new Error(`the example does not fit at "${item}"`);
      // A step of a script is taken once; an actor goes on as far as it can.
      if (next !== undefined && (!hasBegun || next.what !== undefined)) {
        hasBegun = true;
        return next;
      }
      items.shift();
      hasBegun = false;
    }
    return options[0];
  };
}

/** What an item does next; undefined where its actor has come to where it should stop, or cannot go on. */
function nextOf(item: string, options: readonly Step[]): Step | undefined {
  const { name, text } = partsOf(item);
  const option = options.find(({ label }) => label === name);
  return text !== undefined && option?.what?.includes(text) === true ? undefined : option;
}

function isThere(item: string, options: readonly Step[]): boolean {
  return options.some(({ label }) => label === partsOf(item).name);
}

function partsOf(item: string): { readonly name: string; readonly text: string | undefined } {
  const [name = '', text] = item.split(' > ');
  return { name, text };
}
