import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Engine, LabFailure, type LabMachine, type LabMachineSpec } from '../../src/lab/engine.ts';
import { inTempDir } from '../helpers/tmp.ts';
import { bootEach, isArrayTest } from '../kickstart-tests/boot.ts';
import { GaveUp, labDisks, runToEnd } from '../kickstart-tests/machines.ts';

const SPEC: LabMachineSpec = {
  name: 'raid',
  memoryMiB: 1024,
  cpus: 1,
  firmware: 'bios',
  disks: labDisks(['/t/a.img', '/t/b.img', '/t/c.img']),
  nics: [],
  consoleLog: '/t/console.log',
};

interface Guest {
  readonly says: readonly string[];
  /** How it ends by itself; without one it runs until it is ended. */
  readonly ends?: 'off' | 'reset';
}

/** Runs guests that have said everything at once. */
function engineOf(guest: (spec: LabMachineSpec) => Guest): Engine & { readonly started: LabMachineSpec[] } {
  const started: LabMachineSpec[] = [];
  return {
    started,
    async start(spec) {
      started.push(spec);
      const { says, ends } = guest(spec);
      const failure = (message: string): LabFailure =>
        new LabFailure(spec.name, message, says, spec.consoleLog);
      let end: () => void = () => undefined;
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const machine: LabMachine = {
        spec,
        type: () => undefined,
        press: async () => undefined,
        powerButton: async () => undefined,
        unplug: async () => undefined,
        screenshot: async () => undefined,
        async waitForLine(pattern) {
          const line = says.find((one) => pattern.test(one));
          if (line === undefined) throw failure(`ended before ${pattern}`);
          return line;
        },
        async waitForPowerOff() {
          if (ends !== undefined) return ends;
          await ended;
          throw failure('was ended, not switched off');
        },
        transcript: () => says.join('\n'),
        end: async () => end(),
      };
      return machine;
    },
  };
}

describe('a machine of a test', () => {
  it('ends by power-off or by a reboot, and has said something', async () => {
    for (const ends of ['off', 'reset'] as const) {
      const engine = engineOf(() => ({ says: ['slipway: installed x'], ends }));
      assert.deepEqual(await runToEnd(engine, SPEC, 1000), {
        ended: ends,
        transcript: 'slipway: installed x',
      });
      assert.equal(engine.started[0]?.onReboot, 'end');
    }
  });

  it('is ended when it says that it gave up', async () => {
    const said = '[ 1.0] slipway: failed x: config-invalid: read-kickstart: no';
    await assert.rejects(
      runToEnd(
        engineOf(() => ({ says: ['hello', said] })),
        SPEC,
        1000,
        0,
      ),
      (error) =>
        error instanceof GaveUp && error.message === 'slipway: failed x: config-invalid: read-kickstart: no',
    );
  });
});

describe('starting what was installed on arrays', () => {
  const SESSION = ['Password:', '# ', 'arrays are whole'];
  const boots = (test: string, login: (disks: readonly string[]) => boolean, session = SESSION) =>
    inTempDir(async (dir) => {
      const efiVars = join(dir, 'efivars.fd');
      await writeFile(efiVars, '');
      const engine = engineOf(({ disks }) => ({
        says: login(disks.map(({ file }) => file)) ? ['localhost login:', ...session] : ['grub rescue>'],
        ends: 'off',
      }));
      return { results: await bootEach(engine, test, { ...SPEC, efiVars }, dir), started: engine.started };
    });

  it('happens with all disks until they are in sync, then without each, which writes to none', async () => {
    const { results, started } = await boots('lvm-raid-1', (disks) => disks.includes('/t/a.img'));
    assert.deepEqual(results, [
      { booted: true, expected: true },
      { without: 1, booted: false, expected: false },
      { without: 2, booted: true, expected: true },
      { without: 3, booted: true, expected: true },
    ]);
    assert.deepEqual(
      started.map(({ disks }) => disks.map(({ file }) => file.slice(3, 4)).join('')),
      ['abc', 'bc', 'ac', 'ab'],
    );
    const discards = started.map(({ disks }) => disks.every(({ discardWrites }) => discardWrites === true));
    assert.deepEqual(discards, [false, true, true, true]);
    assert.equal(new Set(started.map(({ efiVars }) => efiVars)).size, 4);
  });

  it('shows where it went against expectation', async () => {
    const { results } = await boots('lvm-raid-1', (disks) => disks.length === 3);
    assert.deepEqual(results[2], { without: 2, booted: false, expected: true });
  });

  it('goes no further when the arrays do not come into sync', async () => {
    const { results } = await boots('lvm-raid-1', () => true, ['Password:', '# ']);
    assert.deepEqual(results, [{ booted: false, expected: true }]);
  });

  it('is for arrays only', () => {
    assert.ok(isArrayTest('raid-1'));
    assert.ok(!isArrayTest('lvm-1'));
  });
});
