import assert from 'node:assert/strict';
import type { NodeFacts } from '../../postinstall/agent-step.ts';
import { COMPARE_DUE_PATH } from '../../postinstall/comparisons-due.ts';
import { matchLayout } from '../../postinstall/steps/match-layout.ts';
import { passMdGate } from '../../postinstall/steps/pass-md-gate.ts';
import { proveBootLoader } from '../../postinstall/steps/prove-boot-loader.ts';
import { replaceDisk } from '../../postinstall/steps/replace-disk.ts';
import type { StepReport } from '../../src/engine/run-step.ts';
import { runSteps } from '../../src/engine/run-steps.ts';
import type { DiskDemand } from '../../src/plan/types.ts';
import { LAYOUT_RECORD_PATH, type LayoutRecord, readLayoutRecord } from '../../src/storage/layout-record.ts';
import {
  ARRAY_UUID,
  installedDisk,
  MEMBER_SECTORS,
  START,
  writeMdSuperblock,
} from '../helpers/disk-images.ts';
import { type InstalledNode, PLAN } from '../helpers/installed-node.ts';
import { type ReplaceableNode, replaceableNode } from '../helpers/replaceable-node.ts';

const STEPS = [{ ...replaceDisk, after: [] }, matchLayout, passMdGate, proveBootLoader];

async function recordOf(machine: InstalledNode): Promise<LayoutRecord> {
  const record = await readLayoutRecord(machine);
  assert.ok(record !== undefined);
  return record;
}

async function run(
  machine: ReplaceableNode,
  more: Partial<NodeFacts> = {},
): Promise<{ outcomes: readonly string[]; failed?: Extract<StepReport, { outcome: 'failed' }> }> {
  const facts: NodeFacts = { plan: PLAN, layout: await recordOf(machine), builtAt: 0, ...more };
  const { reports, failed } = await runSteps(STEPS, machine, facts);
  return {
    outcomes: reports.map(({ id, outcome }) => `${id} ${outcome}`),
    ...(failed === undefined ? {} : { failed }),
  };
}

/** `class: step: message` of the failure. No disk was written to, nor the record; the md gate's waiting is not meant. */
async function refusal(machine: ReplaceableNode, more: Partial<NodeFacts> = {}): Promise<string> {
  const before = Buffer.from(machine.fresh);
  machine.ran.length = 0;
  machine.written.length = 0;
  const { failed } = await run(machine, more);
  assert.deepEqual(
    machine.ran.filter(({ file }) => file !== 'systemd-inhibit'),
    [],
  );
  assert.deepEqual(
    machine.written.filter((path) => !path.startsWith('/proc/') && path !== COMPARE_DUE_PATH),
    [],
  );
  assert.equal(machine.fresh.equals(before), true);
  return `${failed?.problem.failureClass}: ${failed?.id}: ${failed?.problem.message}`;
}

const demanding = (disks: DiskDemand): Partial<NodeFacts> => ({ plan: { ...PLAN, disks } });

describe('an empty disk in the place of one that is gone', () => {
  it('becomes that disk: table, arrays, boot loader and record; and the second time nothing is done', async () => {
    const machine = await replaceableNode();
    const { outcomes } = await run(machine);
    assert.deepEqual(outcomes, [
      'replace-disk changed',
      'match-layout already-done',
      'pass-md-gate changed',
      'prove-boot-loader changed',
    ]);
    assert.deepEqual(
      machine.ran.map(({ file, args }) => `${file} ${args.at(-1)}`),
      [
        'sfdisk /dev/sdc',
        'udevadm settle',
        'mdadm /dev/sdc2',
        'mdadm /dev/sdc3',
        'mdadm /dev/sdc4',
        'systemd-inhibit echo held; exec cat',
        '/usr/lib/grub/i386-pc/grub-bios-setup /dev/sdc',
        'sync undefined',
      ],
    );
    // By every byte that matters it is the disk that was pulled.
    const old = machine.disk('sdb');
    for (const [from, to] of [
      [0, 440],
      [START.biosboot * 512, START.biosboot * 512 + 4096],
    ] as const)
      assert.equal(machine.fresh.subarray(from, to).equals(old.subarray(from, to)), true);
    assert.deepEqual(
      (await recordOf(machine)).disks.map(({ serial }) => serial),
      ['SERIAL-sda', 'SERIAL-new'],
    );
    machine.ran.length = 0;
    machine.written.length = 0;
    assert.deepEqual(
      new Set((await run(machine)).outcomes.map((line) => line.split(' ')[1])),
      new Set(['already-done']),
    );
    assert.deepEqual([machine.ran, machine.written], [[], []]);
  });

  it('may be larger, and gets the partitions of the recorded one', async () => {
    const machine = await replaceableNode({ bytes: 12 << 20 });
    assert.equal((await run(machine)).failed, undefined);
    assert.equal((await recordOf(machine)).disks[1]?.sizeBytes, 12 << 20);
  });

  it('is taken although the virtual machine gave it the serial number of the old one', async () => {
    const machine = await replaceableNode({ serial: 'SERIAL-sdb' });
    assert.equal((await run(machine)).failed, undefined);
  });

  it('is taken by what the spec says of disks, or when a person names it', async () => {
    const serial: DiskDemand = {
      kind: 'identified',
      disks: [{ by: 'serial', value: 'SERIAL-sdb', wipe: false }],
    };
    const match = (minSizeMiB: number): DiskDemand => ({
      kind: 'matching',
      count: 2,
      match: { minSizeMiB },
      wipe: false,
    });
    for (const demand of [serial, match(10)]) {
      const machine = await replaceableNode();
      assert.match(
        await refusal(machine, demanding(demand)),
        /^verify-failed: pass-md-gate: array boot is degraded/,
      );
      const chosen = await run(machine, { ...demanding(demand), replacement: '/dev/sdc' });
      assert.equal(chosen.failed, undefined);
    }
    assert.equal((await run(await replaceableNode(), demanding(match(9)))).failed, undefined);
  });
});

describe('a disk that is not empty', () => {
  const MIB = 1 << 20;
  const cases: Readonly<Record<string, [(disk: Buffer) => void, RegExp]>> = {
    'with a table and arrays of another node': [
      (disk) => {
        installedDisk(3).copy(disk);
        writeMdSuperblock(
          disk,
          START.boot,
          MEMBER_SECTORS.boot,
          'boot',
          'dddddddd:00000000:00000000:00000009',
        );
      },
      /sdc.*is not empty: data at byte 0/,
    ],
    'with one byte at its very end': [(disk) => disk.fill(1, disk.length - 1), /data at byte 9437183$/],
    'with one byte in its first MiB': [(disk) => disk.fill(1, MIB - 1, MIB), /data at byte 1048575$/],
    'with an old member of this array in its middle': [
      (disk) => writeMdSuperblock(disk, START.boot, MEMBER_SECTORS.boot, 'boot', ARRAY_UUID.boot),
      /a member of array boot \(b0b0b0b0:.*\) at sector 12288$/,
    ],
    'with data where a partition would begin': [
      (disk) => disk.fill(7, START.root * 512 + 60_000, START.root * 512 + 60_001),
      /data at sector 14336$/,
    ],
  };
  for (const [what, [content, message]] of Object.entries(cases)) {
    it(`is refused and left as it is: ${what}`, async () => {
      const said = await refusal(await replaceableNode({ content }));
      assert.match(said, /^refused-foreign-data: replace-disk: \/dev\/sdc \(SERIAL-new\) is not empty: /);
      assert.match(said, message);
    });
  }

  it('is refused also when a person names it', async () => {
    const machine = await replaceableNode({ content: (disk) => disk.fill(1, 600, 601) });
    assert.match(await refusal(machine, { replacement: '/dev/sdc' }), /^refused-foreign-data: replace-disk/);
  });
});

describe('a disk in question', () => {
  it('is not taken when it is too small, removable, read-only, in use or partitioned', async () => {
    const spoil: readonly ((machine: ReplaceableNode) => unknown)[] = [
      (m) => m.files.set('/sys/block/sdc/removable', '1\n'),
      (m) => m.files.set('/sys/block/sdc/ro', '1\n'),
      (m) => m.files.set('/sys/block/sdc/holders/dm-0', ''),
      (m) => m.files.set('/sys/block/sdc/sdc1/partition', '1\n'),
    ];
    const machines = await Promise.all(
      spoil.map(async (change) => {
        const machine = await replaceableNode();
        change(machine);
        return machine;
      }),
    );
    for (const machine of [...machines, await replaceableNode({ bytes: 8 << 20 })])
      assert.match(await refusal(machine), /^verify-failed: pass-md-gate: array boot is degraded/);
  });

  it('is refused with the reason when a person names one that cannot be taken', async () => {
    const cases: readonly (readonly [(machine: ReplaceableNode) => unknown, string, string])[] = [
      [
        (m) => m.files.set('/sys/block/sdc/ro', '1\n'),
        '/dev/sdc',
        '(SERIAL-new) is not taken: it is read-only',
      ],
      [
        (m) => m.files.set('/sys/block/sdc/holders/dm-0', ''),
        '/dev/sdc',
        '(SERIAL-new) is not taken: it is in use by dm-0',
      ],
      [
        (m) => m.files.set('/sys/block/sdc/sdc1/partition', '1\n'),
        '/dev/sdc',
        '(SERIAL-new) is not taken: it has partitions',
      ],
      [() => {}, '/dev/sdz', 'is no disk of this machine'],
    ];
    for (const [change, named, why] of cases) {
      const machine = await replaceableNode();
      change(machine);
      assert.equal(
        await refusal(machine, { replacement: named }),
        `refused-foreign-data: replace-disk: ${named} ${why}`,
      );
    }
    const whole = await replaceableNode();
    await run(whole);
    assert.equal((await run(whole, { replacement: '/dev/sdc' })).failed, undefined);
    whole.files.set('/dev/sdd', Buffer.alloc(whole.fresh.length));
    whole.files.set('/sys/block/sdd/size', `${whole.fresh.length / 512}\n`);
    assert.match(
      await refusal(whole, { replacement: '/dev/sdd' }),
      /\/dev\/sdd \(sdd\) is not taken: no disk is gone$/,
    );
  });

  it('is left to a person when two could take the place, until one is named', async () => {
    const machine = await replaceableNode();
    for (const [path, content] of [...machine.files])
      if (path.includes('/sdc') || path.includes('8:32'))
        machine.files.set(
          path.replaceAll('sdc', 'sdd').replaceAll('8:32', '8:48'),
          path === '/dev/sdc'
            ? Buffer.alloc(machine.fresh.length)
            : path.endsWith('/dev')
              ? '8:48\n'
              : content,
        );
    assert.match(
      await refusal(machine),
      /^verify-failed: replace-disk: 1 disks are gone and 2 empty ones could take their place: \/dev\/sdc, \/dev\/sdd$/,
    );
    assert.equal((await run(machine, { replacement: '/dev/sdc' })).failed, undefined);
  });

  it('changes nothing on a machine whose other disk is not the recorded one', async () => {
    const machine = await replaceableNode();
    writeMdSuperblock(
      machine.disk('sda'),
      START.root,
      MEMBER_SECTORS.root,
      'root',
      'dddddddd:00000000:00000000:00000009',
    );
    assert.match(
      await refusal(machine),
      /^refused-foreign-data: replace-disk: array root: member sda4 belongs to dddd/,
    );
  });

  it('is refused when the disk that was replaced is plugged in again beside it', async () => {
    const machine = await replaceableNode();
    await run(machine);
    machine.files.set('/dev/sdd', machine.disk('sdb'));
    machine.files.set('/sys/block/sdd/size', `${machine.disk('sdb').length / 512}\n`);
    machine.files.set('/sys/block/sdd/dev', '8:48\n');
    assert.match(
      await refusal(machine),
      /^refused-foreign-data: replace-disk: \/dev\/sdd has the same partition table as \/dev\/sdc: /,
    );
  });

  it('does not become anything on a node whose record is another node’s', async () => {
    const machine = await replaceableNode();
    machine.files.set(LAYOUT_RECORD_PATH, JSON.stringify({ ...(await recordOf(machine)), node: 'node-b' }));
    assert.match(await refusal(machine), /^refused-foreign-data: match-layout: /);
  });
});

describe('a boot loader that is lost', () => {
  it('is written again where another disk has the one of the files, and only there', async () => {
    const machine = await replaceableNode();
    await run(machine);
    machine.fresh.fill(0, 0, 440);
    machine.ran.length = 0;
    const { outcomes } = await run(machine);
    assert.equal(outcomes.at(-1), 'prove-boot-loader changed');
    assert.deepEqual(
      machine.ran.map(({ args }) => args.join(' ')),
      ['--skip-fs-probe --no-rs-codes --directory=/boot/grub/i386-pc /dev/sdc', ''],
    );
    machine.fresh.fill(0, 0, 440);
    machine.disk('sda').fill(0, 0, 440);
    machine.ran.length = 0;
    const { failed } = await run(machine);
    assert.match(failed?.problem.message ?? '', /^sda: the boot code .*; sdc: the boot code/);
    assert.deepEqual(machine.ran, []);
  });
});
