import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { allowedProcessors, idleTicks, Processors } from '../../src/lab/processors.ts';

describe('the processors a machine may be put on', () => {
  it('are those the kernel lists', () => {
    const status = (list: string): string =>
      `Cpus_allowed:\tf\nCpus_allowed_list:\t${list}\nMems_allowed:\t1\n`;
    assert.deepEqual(allowedProcessors(status('0-3')), [0, 1, 2, 3]);
    assert.deepEqual(allowedProcessors(status('2')), [2]);
    assert.deepEqual(allowedProcessors(status('0-1,6,8-9')), [0, 1, 6, 8, 9]);
    assert.deepEqual(allowedProcessors('Name:\tnode\n'), []);
  });

  it('have had nothing to do for as long as the kernel says', () => {
    const stat = 'cpu  9 9 9 90 9 0\ncpu0 1 2 3 40 5 6 7\ncpu12 1 1 1 2 3 0\nintr 5\n';
    assert.deepEqual(
      [...idleTicks(stat)],
      [
        [0, 45],
        [12, 5],
      ],
    );
  });

  it('are given to one machine after the other, all of them before one is given twice', async () => {
    const processors = new Processors(1);
    const all = allowedProcessors(readFileSync('/proc/self/status', 'utf8'));
    const given: number[] = [];
    for (const _ of [...all, ...all]) given.push(await processors.next());
    const twice = [...all, ...all].toSorted((a, b) => a - b);
    assert.deepEqual(
      given.slice(0, all.length).toSorted((a, b) => a - b),
      all,
    );
    assert.deepEqual(
      given.toSorted((a, b) => a - b),
      twice,
    );
  });
});
