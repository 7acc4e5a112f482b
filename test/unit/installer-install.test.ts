import assert from 'node:assert/strict';
import { CommandError } from '../../src/engine/command.ts';
import { StepFailure } from '../../src/engine/failure.ts';
import { InputError } from '../../src/errors/problem.ts';
import type { Reporter } from '../../src/installer/console.ts';
import { FailedStep, reportFailure } from '../../src/installer/failure-report.ts';
import { install } from '../../src/installer/install.ts';
import { ScriptRefusal } from '../../src/installer/scripts.ts';
import { type FakeCommand, type FakeMachine, fakeMachine } from '../helpers/fake-machine.ts';
import { RAID1 } from '../helpers/installer.ts';

const IMAGE = '/run/install/repo/slipway/base.squashfs';
const HEAD = `liveimg --url=file://${IMAGE}
repo --name=slipway --baseurl=file:///run/install/repo/slipway/repo
network --hostname=node-x
`;

interface Try {
  readonly machine: FakeMachine;
  /** What the consoles show in the end. */
  readonly said: readonly string[];
  readonly named: readonly string[];
  readonly error: unknown;
}

/** Tries an installation that stops at its first write at the latest: sfdisk is not there. */
async function attempt(
  kickstart: string,
  options: {
    readonly files?: Readonly<Record<string, string>>;
    readonly gone?: readonly string[];
    readonly commands?: Readonly<Record<string, FakeCommand>>;
    readonly commandLine?: string;
  } = {},
): Promise<Try> {
  const disk = (name: string, mib: number): Record<string, string | Uint8Array> => ({
    [`/dev/${name}`]: new Uint8Array(4096),
    [`/sys/block/${name}/size`]: `${mib * 2048}\n`,
    [`/sys/block/${name}/ro`]: '0\n',
  });
  const machine = fakeMachine({
    files: {
      '/proc/cmdline': options.commandLine ?? 'quiet slipway.node=node-a\n',
      '/run/install/repo/slipway/ks/node-a.ks': kickstart,
      '/run/install/repo/slipway/repo/agent.rpm': '',
      [IMAGE]: '',
      ...disk('vda', 8192),
      ...disk('vdb', 8192),
      ...disk('vdc', 512),
      ...options.files,
    },
    links: { '/dev/disk/by-id/virtio-small': '/dev/vdc' },
    commands: { mkdir: () => '', rm: () => '', ...options.commands },
  });
  for (const path of options.gone ?? []) machine.files.delete(path);
  const said: string[] = [];
  const named: string[] = [];
  const reporter: Reporter = {
    say: (line) => said.push(line),
    note: () => {},
    event: () => {},
    recall: () => {},
    lines: [],
    flush: async () => {},
  };
  const error = await install(machine, reporter, (node) => named.push(node)).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  said.push(...reportFailure(error, named.at(-1) ?? 'unknown').say);
  return { machine, said, named, error };
}

const KS = '/run/install/repo/slipway/ks/node-a.ks';

/** Nothing of these may be run before every refusal is through. */
const WRITERS =
  /^(sfdisk|mdadm|mkfs|mkswap|pvcreate|vgcreate|lvcreate|wipefs|dd|mount|chroot|unsquashfs|swapon)/;

function assertUntouched({ machine }: Try): void {
  assert.deepEqual(
    machine.ran.filter(({ file }) => WRITERS.test(file)).map(({ file }) => file),
    [],
  );
  assert.deepEqual(
    machine.written.filter((path) => path.startsWith('/dev/') || path.startsWith('/mnt/')),
    [],
  );
}

describe('an installation', () => {
  it('begins with the partition tables when nothing stands against it', async () => {
    const tried = await attempt(`${HEAD}${RAID1}`);
    assert.equal(tried.machine.ran.at(-1)?.file, 'sfdisk');
    assert.deepEqual(tried.said.slice(0, 2), [
      `installing node-a by ${KS}`,
      '  vda: new GPT, everything on it goes',
    ]);
    assert.ok(tried.said.includes('Partition the disks'));
    assert.deepEqual(tried.said.slice(-2), [
      'slipway: failed node-a: verify-failed: partition-disks: sfdisk is not installed',
      '  the log has all that was run and said; correct what it tells, then start the installation again: it begins anew',
    ]);
    assert.equal(tried.named.at(-1), 'node-a');
  });

  it('is named by the kickstart when the medium does not know the node', async () => {
    const tried = await attempt(`${HEAD}${RAID1}`, { commandLine: `inst.ks=file:${KS}` });
    assert.deepEqual(tried.named, ['node-x']);
    const refused = await attempt(`${HEAD}realm join x\n${RAID1}`, { commandLine: `inst.ks=file:${KS}` });
    assert.match(refused.said.at(-1) ?? '', /^slipway: failed node-x: config-invalid: /);
    assert.match(tried.said.at(-2) ?? '', /^slipway: failed node-x: /);
  });

  const refused: readonly (readonly [string, string, Parameters<typeof attempt>[1], readonly string[]])[] = [
    [
      'a kickstart that does not parse',
      `${HEAD}part / --sise=1\n${RAID1}`,
      {},
      [`${KS}:4:8: '--sise' is no option of partition in embedded`],
    ],
    [
      'too few disks',
      `${HEAD}${RAID1}`,
      { gone: ['/sys/block/vdb/size'] },
      [`${KS}:10:47: there is no disk vdb in this machine`],
    ],
    [
      'a disk that is too small',
      `${HEAD}${RAID1.replaceAll('vdb', '/dev/disk/by-id/virtio-small')}`,
      {},
      [`${KS}:12:1: vdc is too small: its partitions need 1537 MiB, it has room for 510 MiB`],
    ],
    [
      'a disk in use',
      `${HEAD}${RAID1}`,
      {
        files: {
          '/proc/self/mounts': '/dev/vdb1 /run/install/repo iso9660 ro 0 0\n',
          '/sys/block/vdb/vdb1/partition': '1\n',
        },
      },
      [`${KS}:10:47: vdb cannot be written: /dev/vdb1 is mounted at /run/install/repo`],
    ],
    [
      'a disk used for swap',
      `${HEAD}${RAID1}`,
      { files: { '/proc/swaps': 'Filename Type\n/dev/vda partition 1 0 -2\n' } },
      [`${KS}:7:51: vda cannot be written: /dev/vda is used for swap`],
    ],
    [
      'a read-only disk',
      `${HEAD}${RAID1}`,
      { files: { '/sys/block/vda/ro': '1\n' } },
      [`${KS}:7:51: vda cannot be written: it is read-only`],
    ],
    [
      'a disk that is a part of something',
      `${HEAD}${RAID1}`,
      { files: { '/sys/block/vda/holders/dm-0': '' } },
      [`${KS}:7:51: vda cannot be written: /dev/vda is a part of dm-0`],
    ],
    [
      'a medium without the image',
      `${HEAD}${RAID1}`,
      { gone: [IMAGE] },
      [`${KS}:1:15: there is no file://${IMAGE}: is this the right medium?`],
    ],
    [
      'a command nobody carries out',
      `realm join x\n${HEAD}${RAID1}`,
      {},
      [`${KS}:1:1: this installer does not carry out 'realm'`],
    ],
    ['no kickstart', '', { gone: [KS] }, [`there is no kickstart ${KS}`]],
    [
      'a kickstart of nothing but scripts',
      '%post\ntrue\n%end\n',
      {},
      [`${KS}:1:1: the kickstart makes no file system for /`],
    ],
  ];
  for (const [title, text, options, expected] of refused) {
    it(`stops before the first write and says why: ${title}`, async () => {
      const tried = await attempt(text, options);
      assertUntouched(tried);
      const results = tried.said.filter((line) => line.startsWith('slipway: failed '));
      assert.equal(results.length, 1, tried.said.join('\n'));
      assert.match(results[0] ?? '', /^slipway: failed node-a: config-invalid: read-kickstart: /);
      for (const part of expected) assert.ok(results[0]?.includes(part), `${results[0]} against ${part}`);
    });
  }

  it('shows every problem with its line and a caret', async () => {
    const { said } = await attempt(`${HEAD}${RAID1.replaceAll('vdb', 'vdz')}`);
    const first = said.findIndex((line) => line.startsWith(`${KS}:10:47: error: there is no disk vdz`));
    assert.equal(said[first + 1], '  10 | part None --fstype=biosboot --size=1 --ondisk=vdz');
    assert.equal(said[first + 2], `     | ${' '.repeat(46)}^^^`);
    assert.match(said.at(-1) ?? '', /:10:47: there is no disk vdz in this machine, and \d+ more$/);
  });

  it('leaves the refusal of the guard in %pre as the guard has said it', async () => {
    const line = 'slipway: failed node-a: refused-foreign-data: pre-disks: vda holds data';
    const tried = await attempt(`${HEAD}${RAID1}%pre --erroronfail\nguard\n%end\n`, {
      commands: { '/bin/sh': () => ({ exitCode: 1, stdout: `${line}\n` }) },
    });
    assertUntouched(tried);
    assert.ok(tried.error instanceof ScriptRefusal);
    assert.deepEqual(tried.said, [`installing node-a by ${KS}`]);
  });

  it('refuses a volume group whose name a disk nobody released has already', async () => {
    const text = `${HEAD}${RAID1.replace(/^raid \/ .*$/m, 'raid pv.a --device=pv --level=1 raid.root0 raid.root1\nvolgroup system pv.a\nlogvol / --vgname=system --name=root --size=1024')}`;
    const pvs =
      (device: string): FakeCommand =>
      () =>
        `  ${device} system\n  /dev/vdc3 other\n  /dev/vdc4 \n`;
    const taken = await attempt(text, { commands: { pvs: pvs('/dev/vdc1') } });
    assertUntouched(taken);
    assert.match(
      taken.said.at(-1) ?? '',
      /config-invalid: .*:15:1: \/dev\/vdc1, which the kickstart does not release, has a volume group system already$/,
    );
    const ours = await attempt(text, { commands: { pvs: pvs('/dev/vda3') } });
    assert.equal(ours.machine.ran.at(-1)?.file, 'sfdisk');
  });
});

describe('the report of a failure', () => {
  it('has one result line for whatever went wrong, and a remedy where there is one', () => {
    assert.deepEqual(
      reportFailure(new StepFailure('config-invalid', 'no kickstart', 'choose one'), 'unknown'),
      {
        say: ['slipway: failed unknown: config-invalid: read-kickstart: no kickstart', '  choose one'],
        note: [],
      },
    );
    assert.deepEqual(reportFailure(new FailedStep('seal-installation', 'timeout', 'a\nb'), 'node-a').say, [
      'slipway: failed node-a: timeout: seal-installation: a b',
    ]);
    assert.deepEqual(
      reportFailure(new InputError([]), 'node-a').say.at(-1),
      'slipway: failed node-a: config-invalid: read-kickstart: the kickstart cannot be used',
    );
  });

  it('tells a bug from a mistake: the stack goes to the log, the line to the consoles', () => {
    const { say, note } = reportFailure(new TypeError('x is not\na function'), 'node-a');
    assert.deepEqual(say, ['slipway: failed node-a: verify-failed: installer: x is not a function']);
    assert.match(note.join('\n'), /^TypeError: x is not\na function\n {4}at .*installer-install/);
    assert.deepEqual(reportFailure('thrown', 'node-a'), {
      say: ['slipway: failed node-a: verify-failed: installer: thrown'],
      note: [],
    });
  });

  it('keeps in the log what a command said', () => {
    const command = { file: 'umount', args: ['/mnt'], effect: 'write' } as const;
    const { say, note } = reportFailure(
      new CommandError(command, 'exit', 32, 'umount: busy\nsee lsof\n'),
      'node-a',
    );
    assert.deepEqual(say, [
      'slipway: failed node-a: verify-failed: installer: umount ended with exit code 32: see lsof',
    ]);
    assert.deepEqual(note.slice(0, 2), ['umount: busy', 'see lsof']);
  });
});
