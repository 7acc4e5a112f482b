import assert from 'node:assert/strict';
import { allowedProcessors } from '../../src/lab/processors.ts';

describe('the processors a machine may be put on', () => {
  it('are those the kernel lists', () => {
    const status = (list: string): string =>
      `Cpus_allowed:\tf\nCpus_allowed_list:\t${list}\nMems_allowed:\t1\n`;
    assert.deepEqual(allowedProcessors(status('0-3')), [0, 1, 2, 3]);
    assert.deepEqual(allowedProcessors(status('2')), [2]);
    assert.deepEqual(allowedProcessors(status('0-1,6,8-9')), [0, 1, 6, 8, 9]);
    assert.deepEqual(allowedProcessors('Name:\tnode\n'), []);
  });
});
