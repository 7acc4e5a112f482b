import assert from 'node:assert/strict';
import fc from 'fast-check';
import { openJournal } from '../../src/engine/journal.ts';
import type { Machine } from '../../src/engine/machine.ts';
import { runSteps } from '../../src/engine/run-steps.ts';
import type { Step } from '../../src/engine/step.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { powered } from '../helpers/power-cut.ts';

const JOURNAL = '/journal';

/** A step that writes `files` one after the other; `looksAt` tells which of them its check believes. */
const writing = (id: string, files: number, looksAt: (files: number) => readonly number[]): Step<null> => {
  const path = (i: number): string => `/${id}/${i}`;
  return {
    id,
    title: id,
    async check(machine) {
      for (const i of looksAt(files))
        if ((await machine.readFile(path(i))) !== 'done')
          return { done: false, why: `there is no ${path(i)}` };
      return { done: true, evidence: { files } };
    },
    async apply(machine) {
      for (let i = 0; i < files; i += 1) await machine.writeFile(path(i), 'done');
    },
  };
};

const all = (files: number): readonly number[] => [...Array(files).keys()];
const first = (): readonly number[] => [0];

async function run(machine: Machine, steps: readonly Step<null>[]): Promise<boolean> {
  const recorder = await openJournal(machine, JOURNAL, { node: 'n', boot: 'b', pid: 1 });
  const { failed } = await runSteps(steps, machine, null, { recorder, patience: { random: () => 0 } });
  return failed === undefined;
}

const world = ({ files }: FakeMachine): readonly string[] =>
  [...files.keys()].filter((path) => path !== JOURNAL).sort();

/** Cuts the power before each operation in turn; the number of the first after which a second run does not make up for it. */
async function firstLoss(steps: readonly Step<null>[]): Promise<number | undefined> {
  const whole = fakeMachine();
  const counting = powered(whole);
  assert.equal(await run(counting.machine, steps), true);
  for (let at = 0; at < counting.operations(); at += 1) {
    const machine = fakeMachine();
    await run(powered(machine, at).machine, steps).catch(() => false);
    const ended = await run(machine, steps);
    if (!ended || world(machine).join() !== world(whole).join()) return at;
  }
  return undefined;
}

describe('a run that is cut anywhere and begun again', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 });
  const steps = (
    files: readonly number[],
    looksAt: (files: number) => readonly number[],
  ): readonly Step<null>[] => files.map((count, i) => writing(`step-${i}`, count, looksAt));

  it('ends as one that was not cut, whatever its steps are', async () => {
    await fc.assert(
      fc.asyncProperty(counts, async (files) => {
        assert.equal(await firstLoss(steps(files, all)), undefined);
      }),
      { numRuns: 25 },
    );
  });

  it('does not where a check believes the first half of the work', async () => {
    assert.equal(await firstLoss(steps([1], first)), undefined);
    assert.notEqual(await firstLoss(steps([1, 2], first)), undefined);
  });
});
