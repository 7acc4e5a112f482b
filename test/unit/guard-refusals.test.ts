import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DiskDemand, Firmware, Release } from '../../src/plan/types.ts';
import { type FakeDisk, FakeMachine, type FakeMounts, type GuardRun } from '../helpers/fake-disks.ts';
import { nodeOf, preScript, render } from '../helpers/rendered.ts';

const two: DiskDemand = { kind: 'matching', count: 2, match: {}, wipe: false };
const serials = (...values: readonly string[]): DiskDemand => ({
  kind: 'identified',
  disks: values.map((value) => ({ by: 'serial', value, wipe: true })),
});

const A: FakeDisk = { name: 'sda', mib: 32, serial: 'A1', model: 'ACME' };
const B: FakeDisk = { name: 'sdb', mib: 32, serial: 'B2' };
const C: FakeDisk = { name: 'sdc', mib: 32, serial: 'C3' };
const inA = 'sda (serial A1, 32 MiB, ACME)';
const inB = 'sdb (serial B2, 32 MiB)';
const inC = 'sdc (serial C3, 32 MiB)';
const WIPE = "; only a disk the spec names by its identity with 'wipe: true' is overwritten";
/** A DOS partition table with one Linux partition. */
const TABLE = new Map([
  [446, `\0\0\0\0\x83\0\0\0\0\x08\0\0\0\x08\0\0`],
  [510, '\x55\xaa'],
]);
/** util-linux swap.h: version 1, 4 KiB pages, one page and the signature at the end of the first. */
const SWAP = new Map([
  [1024, '\x01\0\0\0\x01\0\0\0'],
  [4086, 'SWAPSPACE2'],
]);

interface Case {
  readonly what: string;
  readonly disks: readonly FakeDisk[];
  readonly demand?: DiskDemand;
  readonly machine?: FakeMounts;
  readonly firmware?: readonly Firmware[];
  /** The lines on every console, without `slipway: failed node-a: `. */
  readonly says: readonly string[];
}

const cases: readonly Case[] = [
  {
    what: 'too few disks',
    disks: [A],
    says: [`config-invalid: pre-disk-guard: 1 disks match where the spec says 2: ${inA}; here are: ${inA}`],
  },
  {
    what: 'too many disks',
    disks: [A, B, C],
    says: [
      `config-invalid: pre-disk-guard: 3 disks match where the spec says 2: ${inA}, ${inB}, ${inC}; here are: ${inA}, ${inB}, ${inC}`,
    ],
  },
  {
    what: 'no disk at all',
    disks: [],
    says: ['config-invalid: pre-disk-guard: 0 disks match where the spec says 2: none; here are: none'],
  },
  {
    what: 'a disk that is too small',
    disks: [A, { ...B, mib: 15 }],
    says: ['config-invalid: pre-disk-guard: sdb (serial B2, 15 MiB) is too small: the layout needs 16 MiB'],
  },
  {
    what: 'the install stick among too few disks, and says which it is',
    disks: [A, { ...B, partitions: [1] }],
    machine: { mounts: { sdb1: '/run/install/repo' } },
    says: [
      `config-invalid: pre-disk-guard: 1 disks match where the spec says 2: ${inA}; here are: ${inA}, ${inB} [install medium]`,
    ],
  },
  {
    what: 'the install stick named by its identity, whatever the spec allows',
    disks: [A, { ...B, partitions: [1] }],
    demand: serials('A1', 'B2'),
    machine: { mounts: { sdb1: '/run/install/repo' } },
    says: [`refused-foreign-data: pre-disk-guard: ${inB} is the install medium`],
  },
  {
    what: 'disks in use, whatever the spec allows',
    disks: [
      { ...A, partitions: [1, 2] },
      { ...B, holders: ['md127'] },
      { ...C, partitions: [3] },
    ],
    demand: serials('A1', 'B2', 'C3'),
    machine: { mounts: { sda2: '/mnt/data' }, swaps: ['sdc3'] },
    says: [
      `refused-foreign-data: pre-disk-guard: ${inA} is in use: mounted at /mnt/data`,
      `refused-foreign-data: pre-disk-guard: ${inB} is in use: held by md127`,
      `refused-foreign-data: pre-disk-guard: ${inC} is in use: swap on sdc3`,
    ],
  },
  {
    what: 'a partition table',
    disks: [A, { ...B, bytes: TABLE, partitions: [1] }],
    says: [
      `refused-foreign-data: pre-disk-guard: ${inB} is not empty: dos, partition sdb1, data in the first MiB${WIPE}`,
    ],
  },
  {
    what: 'a signature',
    disks: [{ ...A, bytes: SWAP }, B],
    says: [`refused-foreign-data: pre-disk-guard: ${inA} is not empty: swap, data in the first MiB${WIPE}`],
  },
  {
    what: 'one byte in the first MiB or in the last',
    disks: [
      { ...A, bytes: new Map([[1024 ** 2 - 1, 'x']]) },
      { ...B, bytes: new Map([[-1, 'x']]) },
    ],
    says: [
      `refused-foreign-data: pre-disk-guard: ${inA} is not empty: data in the first MiB${WIPE}`,
      `refused-foreign-data: pre-disk-guard: ${inB} is not empty: data in the last MiB${WIPE}`,
    ],
  },
  {
    what: 'one disk by two names',
    disks: [{ ...A, byId: ['ata-A'] }],
    demand: {
      kind: 'identified',
      disks: [
        { by: 'serial', value: 'A1', wipe: false },
        { by: 'id', value: 'ata-A', wipe: false },
      ],
    },
    says: [`config-invalid: pre-disk-guard: the spec names one disk twice: ${inA}`],
  },
  {
    what: 'two disks of one serial number, since it cannot tell which is meant',
    disks: [A, { ...B, serial: 'A1' }],
    demand: serials('A1'),
    says: [`config-invalid: pre-disk-guard: 2 disks have the serial A1: ${inA}, sdb (serial A1, 32 MiB)`],
  },
  {
    what: 'a disk that is not there',
    disks: [A],
    demand: serials('A1', 'B2'),
    says: [`config-invalid: pre-disk-guard: no disk has the serial B2; here are: ${inA}`],
  },
  {
    what: 'the name of a partition',
    disks: [{ ...A, partitions: [1], byId: ['ata-A'] }],
    demand: { kind: 'identified', disks: [{ by: 'id', value: 'ata-A-part1', wipe: true }] },
    says: [`config-invalid: pre-disk-guard: no disk has the id ata-A-part1; here are: ${inA}`],
  },
  {
    what: 'a read-only disk',
    disks: [{ ...A, readOnly: true }],
    demand: serials('A1'),
    says: [`config-invalid: pre-disk-guard: ${inA} is read-only`],
  },
  {
    what: 'a machine booted by the wrong firmware',
    disks: [A, B],
    machine: { uefi: true },
    firmware: ['bios'],
    says: ['config-invalid: pre-disk-guard: this machine was booted by uefi, and the layout is for: bios'],
  },
  {
    what: 'everything that is wrong at once',
    disks: [
      { ...A, mib: 8 },
      { ...B, bytes: TABLE },
    ],
    firmware: ['uefi'],
    says: [
      'config-invalid: pre-disk-guard: this machine was booted by bios, and the layout is for: uefi',
      'config-invalid: pre-disk-guard: sda (serial A1, 8 MiB, ACME) is too small: the layout needs 16 MiB',
      `refused-foreign-data: pre-disk-guard: ${inB} is not empty: dos, data in the first MiB${WIPE}`,
    ],
  },
];

function script(demand: DiskDemand, firmware?: readonly Firmware[], release?: Release): string {
  const diskCount = demand.kind === 'matching' ? demand.count : demand.disks.length;
  const layout = { minimumDiskMiB: 16, diskCount, ...(firmware === undefined ? {} : { firmware }) };
  return preScript(render(nodeOf('two-disks', { disks: demand }, layout), release));
}

describe('the disk guard refuses', () => {
  const machines: FakeMachine[] = [];
  const machineWith = (disks: readonly FakeDisk[], more?: FakeMounts): FakeMachine => {
    const machine = new FakeMachine(disks, more);
    machines.push(machine);
    return machine;
  };
  after(() => {
    for (const machine of machines) machine.remove();
  });

  const failed = (lines: readonly string[]): string =>
    [...lines.map((line) => `slipway: failed node-a: ${line}`), 'slipway: no disk was written.', ''].join(
      '\n',
    );

  const runs = new Map<Case, GuardRun>();
  before(async () => {
    const started = cases.map(async (one) => {
      const { disks, demand = two, machine, firmware } = one;
      runs.set(one, await machineWith(disks, machine).run(script(demand, firmware)));
    });
    await Promise.all(started);
  });

  for (const one of cases) {
    it(one.what, () => {
      const { network: _, serial, ...run } = runs.get(one) ?? assert.fail('did not run');
      const stdout = failed(one.says);
      assert.deepEqual(run, { exitCode: 1, stdout, stderr: '', commands: undefined });
      assert.equal(serial, `\n${stdout}`);
    });
  }

  it('a disk that cannot be read', async () => {
    const machine = machineWith([A, B]);
    machine.fakeTool('wipefs', 'echo "wipefs: error: $3: Input/output error" >&2; exit 1');
    const run = await machine.run(script(two));
    assert.equal(run.commands, undefined);
    assert.match(
      run.stdout,
      /refused-foreign-data: .*sda .*it cannot be read: wipefs: error: .*Input\/output error/,
    );
  });

  it('a disk whose end cannot be read', async () => {
    const machine = machineWith([A, B]);
    machine.fakeTool('dd', 'exit 1');
    assert.equal((await machine.run(script(two))).commands, undefined);
  });

  it('disks of which one vanishes while it looks', async () => {
    const machine = machineWith([A, B]);
    machine.fakeTool('wipefs', `rm -f "$SLIPWAY_SYSFS/block/sdb"`);
    const run = await machine.run(script(two));
    assert.equal(run.exitCode, 1);
    assert.equal(run.commands, undefined);
    assert.match(run.stdout, /1 disks match where the spec says 2/);
  });

  it('disks of which one is exchanged while it looks', async () => {
    const machine = machineWith([A, B]);
    machine.fakeTool('wipefs', `echo ID_SERIAL_SHORT=OTHER >"$SLIPWAY_SYSFS/block/sdb/udev"`);
    const run = await machine.run(script(two));
    assert.equal(run.commands, undefined);
    assert.match(run.stdout, /the disks changed while they were looked at: first .*B2.*, now .*OTHER/);
  });

  it('when it dies before it has decided', async () => {
    const broken = script(two).replace('decide\n', 'decide\n: "$' + '{nowhere}"\n');
    const run = await machineWith([A, B]).run(broken);
    assert.notEqual(run.exitCode, 0);
    assert.equal(run.commands, undefined);
    assert.match(
      run.serial,
      /slipway: failed node-a: verify-failed: pre: the script ended before it had decided/,
    );
  });

  it('when the list of commands cannot be written', async () => {
    const machine = machineWith([A, B]);
    machine.fakeTool('mv', 'exit 1');
    const run = await machine.run(script(two));
    assert.equal(run.exitCode, 1);
    assert.match(run.stdout, /the list of commands cannot be written/);
  });

  it('and leaves no list of an earlier attempt behind', async () => {
    const machine = machineWith([A]);
    machine.write('tmp/slipway-disks.ks', 'clearpart --all\n');
    assert.equal((await machine.run(script(two))).commands, undefined);
  });

  it('a bond whose card is missing', async () => {
    const node = nodeOf('bond', { disks: { ...two, count: 1 } }, { minimumDiskMiB: 16 });
    const run = await machineWith([A], { cards: { ens3: '52:54:00:30:00:01' } }).run(preScript(render(node)));
    assert.equal(run.commands, undefined);
    assert.match(
      run.stdout,
      /config-invalid: pre-network: not every card of bond0 is here: 52:54:00:30:00:01 52:54:00:30:00:02/,
    );
  });

  it('and keeps the machine standing under Anaconda', async () => {
    const machine = machineWith([A]);
    const child = machine.start(script(two, undefined, 'rhel9'));
    try {
      const shown = async (): Promise<number> => {
        await sleep(20);
        return machine.results().serial.split('slipway: halted. Switch this machine off.').length - 1;
      };
      while ((await shown()) < 2) assert.equal(child.exitCode, null);
      assert.match(
        machine.results().serial,
        /slipway: failed node-a: config-invalid: pre-disk-guard: 1 disks match/,
      );
      assert.equal(machine.results().commands, undefined);
    } finally {
      const ended = once(child, 'close');
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await ended;
    }
  });
});
