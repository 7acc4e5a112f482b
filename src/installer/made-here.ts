/**
 * What the steps have made in this very run. A disk that was installed before may hold, at the same places, what looks
 * just like the things to be made: only memory tells the old from the new, and an installation that starts again
 * makes everything again.
 */
import type { StorageModel } from './model.ts';

export interface MadeHere {
  readonly add: (model: StorageModel, name: string) => void;
  readonly has: (model: StorageModel, name: string) => boolean;
}

export function madeHere(): MadeHere {
  const made = new WeakMap<StorageModel, Set<string>>();
  return {
    add: (model, name) => void made.set(model, (made.get(model) ?? new Set()).add(name)),
    has: (model, name) => made.get(model)?.has(name) ?? false,
  };
}
