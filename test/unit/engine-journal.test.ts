import assert from 'node:assert/strict';
import { type FileOperations, writeFileAtomically } from '../../src/engine/atomic-file.ts';
import { openJournal, readJournal } from '../../src/engine/journal.ts';
import { runStep } from '../../src/engine/run-step.ts';
import type { Step } from '../../src/engine/step.ts';
import { fakeMachine } from '../helpers/fake-machine.ts';

const PATH = '/var/lib/slipway/journal.json';
const IDENTITY = { node: 'node-a', boot: 'boot-1', pid: 7 };

class PowerCut extends Error {}

/**
 * A disk that forgets what was not synced: content belongs to a file once the file was synced, names to a folder once
 * the folder was. Power goes off before operation number `cutAt`.
 */
class ForgetfulDisk {
  /** What programs see: name → file number. */
  names = new Map<string, number>();
  /** What a restart finds. */
  readonly durableNames = new Map<string, number>();
  readonly content: string[] = [];
  readonly durableContent: string[] = [];
  operations = 0;
  cutAt: number;

  constructor(cutAt = Number.POSITIVE_INFINITY) {
    this.cutAt = cutAt;
  }

  step(): void {
    if (this.operations >= this.cutAt) throw new PowerCut();
    this.operations += 1;
  }

  /** A file's content after a restart; empty where its name survived and its content did not. */
  afterRestart(path: string): string | undefined {
    const file = this.durableNames.get(path);
    return file === undefined ? undefined : (this.durableContent[file] ?? '');
  }

  readonly api: FileOperations = {
    makeFolder: async () => undefined,
    create: async (path, content) => {
      this.step();
      this.names.set(path, this.content.push(String(content)) - 1);
    },
    sync: async (path) => {
      this.step();
      const file = this.names.get(path);
      if (file !== undefined) this.durableContent[file] = this.content[file] ?? '';
      else for (const [name, number] of this.names) this.durableNames.set(name, number);
    },
    rename: async (from, to) => {
      this.step();
      const file = this.names.get(from);
      assert.ok(file !== undefined);
      this.names.delete(from);
      this.names.set(to, file);
      // A journalling file system may write names back at any time, before anybody asks for it: the worst case.
      this.durableNames.set(to, file);
    },
    remove: async (path) => {
      this.step();
      this.names.delete(path);
    },
  };
}

describe('an atomic write', () => {
  it('leaves the old file or the new one, wherever power goes off', async () => {
    const outcomes: (string | undefined)[] = [];
    for (let cutAt = 0; ; cutAt += 1) {
      const disk = new ForgetfulDisk();
      await writeFileAtomically('/j/journal', 'old', 0o600, disk.api);
      disk.cutAt = disk.operations + cutAt;
      const finished = await writeFileAtomically('/j/journal', 'new', 0o600, disk.api).then(
        () => true,
        (error) => {
          assert.ok(error instanceof PowerCut);
          return false;
        },
      );
      outcomes.push(disk.afterRestart('/j/journal'));
      if (finished) break;
    }
    assert.deepEqual(outcomes, ['old', 'old', 'old', 'new', 'new']);
  });

  it('would be found out by that disk if it did not sync before it renames', async () => {
    const disk = new ForgetfulDisk();
    const careless: FileOperations = {
      ...disk.api,
      sync: async (path) => (path === '/j' ? disk.api.sync(path) : undefined),
    };
    await writeFileAtomically('/j/journal', 'new', 0o600, careless);
    assert.equal(disk.afterRestart('/j/journal'), '');
  });

  it('syncs the names of folders it made, and leaves no temporary file behind after an error', async () => {
    const synced: string[] = [];
    const removed: string[] = [];
    const failing: FileOperations = {
      makeFolder: async () => '/a/b',
      create: async () => {},
      sync: async (path) => void synced.push(path),
      rename: async () => {},
      remove: async (path) => void removed.push(path),
    };
    await writeFileAtomically('/a/b/c/file', '', 0o644, failing);
    assert.deepEqual(synced.slice(1), ['/a/b/c', '/a/b', '/a']);
    const full = { ...failing, rename: () => Promise.reject(new Error('ENOSPC')) };
    await assert.rejects(writeFileAtomically('/a/b/c/file', '', 0o644, full), /ENOSPC/);
    assert.match(removed.join(), /^\/a\/b\/c\/\.file\..*\.tmp$/);
  });
});

describe('the journal', () => {
  const step: Step<null> = {
    id: 'touch-file',
    title: 'Touch',
    async check(machine) {
      return (await machine.exists('/done'))
        ? { done: true, evidence: { n: 1 } }
        : { done: false, why: 'not yet' };
    },
    apply: (machine) => machine.writeFile('/done', ''),
  };

  it('is on the disk with the intent before anything is applied, and with the proof after it', async () => {
    const machine = fakeMachine();
    const states: (string | undefined)[] = [];
    const recorder = await openJournal(machine, PATH, IDENTITY);
    const watching: Step<null> = {
      ...step,
      async apply(bounded) {
        states.push((await readJournal(machine, PATH))?.steps['touch-file']?.state);
        await step.apply(bounded, null, () => {});
      },
    };
    await runStep(watching, machine, null, { recorder });
    const journal = await readJournal(machine, PATH);
    assert.deepEqual(states, ['intent']);
    assert.deepEqual(journal?.steps['touch-file'], {
      at: '2026-01-02T03:04:05.000Z',
      state: 'verified',
      outcome: 'changed',
      evidence: { n: 1 },
    });
    assert.deepEqual(journal?.verdict, { state: 'running' });
  });

  it('records an applied step before it is proven', async () => {
    const machine = fakeMachine();
    const recorder = await openJournal(machine, PATH, IDENTITY);
    await recorder.applied('touch-file');
    assert.equal((await readJournal(machine, PATH))?.steps['touch-file']?.state, 'applied');
  });

  it('never authorises a skip: a step recorded as verified is done again when its check says so', async () => {
    const machine = fakeMachine();
    const recorder = await openJournal(machine, PATH, IDENTITY);
    await runStep(step, machine, null, { recorder });
    machine.files.delete('/done');
    const again = await openJournal(machine, PATH, { ...IDENTITY, boot: 'boot-2' });
    assert.equal((await readJournal(machine, PATH))?.steps['touch-file']?.state, 'verified');
    assert.equal((await runStep(step, machine, null, { recorder: again })).outcome, 'changed');
  });

  it('puts aside what it cannot read', async () => {
    for (const broken of ['{"version":1,', '{"version":9}', '']) {
      const machine = fakeMachine({ files: { [PATH]: broken } });
      await openJournal(machine, PATH, IDENTITY);
      assert.equal(machine.files.get(`${PATH}.unreadable`), broken);
      assert.deepEqual((await readJournal(machine, PATH))?.steps, {});
    }
  });

  it('stops the run when it cannot be written', async () => {
    const machine = fakeMachine();
    const recorder = await openJournal(machine, PATH, IDENTITY);
    const full = { ...recorder, intent: () => Promise.reject(new Error('ENOSPC')) };
    await assert.rejects(runStep(step, machine, null, { recorder: full }), /ENOSPC/);
    assert.equal(machine.files.has('/done'), false);
  });
});
