import assert from 'node:assert/strict';
import type { Command } from '../../src/engine/command.ts';
import { recentReads } from '../../src/engine/recent-reads.ts';
import { type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';

const ASK: Command = { file: 'ask', args: ['one'], effect: 'read' };
const WRITE: Command = { file: 'write', args: [], effect: 'write' };

describe('a question of checks asked twice in a second', () => {
  let inner: FakeMachine;
  const asked = (): number => inner.ran.filter(({ file }) => file === 'ask').length;
  beforeEach(() => {
    inner = fakeMachine({
      commands: { ask: ({ args }) => (args[0] === 'bad' ? { exitCode: 1 } : 'yes'), write: () => '' },
    });
  });

  it('is answered by one run of the program', async () => {
    const { checks } = recentReads(inner);
    assert.equal((await checks.exec(ASK)).stdout, 'yes');
    assert.equal((await checks.exec({ ...ASK, timeoutMs: 5 })).stdout, 'yes');
    assert.equal(asked(), 1);
    await checks.exec({ ...ASK, args: ['two'] });
    assert.equal(asked(), 2);
  });

  it('is asked anew by whoever is about to change something', async () => {
    const { machine, checks } = recentReads(inner);
    await checks.exec(ASK);
    await machine.exec(ASK);
    await machine.exec(ASK);
    assert.equal(asked(), 3);
  });

  it('is asked again after a second, and after everything that may change the answer', async () => {
    const { machine, checks } = recentReads(inner);
    const changes = [
      async () => {
        inner.clock += 1_000;
      },
      () => machine.exec(WRITE),
      () => machine.writeFile('/file', ''),
      () => machine.sleep(1),
      async () => (await machine.hold(WRITE)).release(),
    ];
    await checks.exec(ASK);
    for (const [i, change] of changes.entries()) {
      await change();
      await checks.exec(ASK);
      assert.equal(asked(), i + 2);
    }
  });

  it('is asked again when the program failed', async () => {
    const { checks } = recentReads(inner);
    for (let i = 0; i < 2; i += 1) await assert.rejects(checks.exec({ ...ASK, args: ['bad'] }));
    assert.equal(asked(), 2);
  });
});
