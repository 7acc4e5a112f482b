/** What goes wrong in the middle of an installation: it stops, says what and what to do, keeps its log, and can begin again. */
import assert from 'node:assert/strict';
import { copyFile, mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { rawImage } from '../../src/lab/disks.ts';
import type { LabDisk, LabMachine } from '../../src/lab/engine.ts';
import { difference } from '../../src/lab/prove/images.ts';
import { Bench, buildExampleIso, LIMIT } from '../helpers/qemu.ts';
import { makeTempDir } from '../helpers/tmp.ts';
import { type Medium, openMedium } from '../kickstart-tests/medium.ts';

const MIB = 1024 ** 2;
/** This computer, seen from a machine with user networking. */
const HOST = '10.0.2.2';
const PASSWORD = 'not-to-be-shown';
const exec = createExec();

let out: string;
let medium: Medium;

const IMAGE = 'liveimg --url=file:///run/install/repo/slipway/base.squashfs';

/** One disk, plain partitions. */
const plain = (image: string, root = 'part / --size=2500 --grow'): string => `${image}
zerombr
ignoredisk --only-use=vda
clearpart --all --initlabel --drives=vda
reqpart
part /boot --size=400 --fstype=ext4
${root}
rootpw ${PASSWORD}
network --hostname=node-x
poweroff
`;

/** Both disks, / as an array and nothing else that is one. */
const MIRROR = `${IMAGE}
zerombr
ignoredisk --only-use=sda,sdb
clearpart --all --initlabel --drives=sda,sdb
reqpart
part /boot --size=400 --fstype=ext4 --ondisk=sda
part raid.1 --size=2500 --ondisk=sda
part raid.2 --size=2500 --ondisk=sdb
raid / --device=root --level=1 --fstype=ext4 raid.1 raid.2
rootpw ${PASSWORD}
network --hostname=node-x
poweroff
`;

/** A FAT volume that brings the kickstart and takes the log. */
async function volumeWith(kickstart: string, folder: string, bus: LabDisk['bus']): Promise<LabDisk> {
  await mkdir(folder, { recursive: true });
  const [file, text] = [join(folder, 'oemdrv.raw'), join(folder, 'ks.cfg')];
  await rm(file, { force: true });
  await writeFile(file, '');
  await truncate(file, 16 * MIB);
  await writeFile(text, kickstart);
  await exec({ file: 'mkfs.vfat', args: ['-n', 'OEMDRV', file], effect: 'write' });
  await exec({ file: 'mcopy', args: ['-i', file, text, '::/ks.cfg'], effect: 'write' });
  return { file, bus, serial: 'OEMDRV' };
}

async function logOn({ file }: LabDisk): Promise<string> {
  const { stdout } = await exec({
    file: 'mtype',
    args: ['-i', file, '::/slipway-installer.log'],
    effect: 'read',
  });
  return stdout;
}

async function begin(bench: Bench, volume: LabDisk): Promise<LabMachine> {
  return bench.start({
    disks: [...bench.disks, volume],
    medium: { kind: 'cd', file: medium.iso },
    kernel: {
      file: medium.kernel,
      initrd: medium.initrd,
      commandLine: `slipway.medium=${medium.id} console=tty0 console=ttyS0,115200`,
    },
    nics: [{ mac: '52:54:00:00:00:01', reach: 'host' }],
  });
}

/** Waits for the end that was expected, and looks at what is left of it. */
async function assertStopped(
  bench: Bench,
  machine: LabMachine,
  volume: LabDisk,
  says: RegExp,
  remedy?: RegExp,
): Promise<void> {
  const line = await machine.waitForLine(/slipway: failed /, LIMIT.install, 'expected');
  assert.match(line, says);
  if (remedy !== undefined) await machine.waitForLine(remedy, LIMIT.boot, 'expected');
  await machine.waitForLine(
    /the log is kept as slipway-installer\.log on the volume OEMDRV/,
    LIMIT.boot,
    'expected',
  );
  await machine.waitForLine(/a shell follows/, LIMIT.boot, 'expected');
  assert.match(machine.transcript(), /\] \$ \S+ .*# \d/, 'the serial line has the end of the log');
  assert.doesNotMatch(machine.transcript(), /^\s+at .*\.mjs/m);
  await bench.end();
  const log = await logOn(volume);
  assert.match(log, says);
  assert.ok(!log.includes(PASSWORD) && !machine.transcript().includes(PASSWORD), 'the password is not shown');
}

async function install(bench: Bench, kickstart: string, bus: LabDisk['bus']): Promise<void> {
  const machine = await begin(bench, await volumeWith(kickstart, join(bench.dir, 'again'), bus));
  await machine.waitForLine(/slipway: installed node-x$/, LIMIT.install);
  await machine.waitForPowerOff(LIMIT.powerOff);
}

/** Serves to one machine; gives its address as the machine sees it. */
async function serving<T>(
  answer: RequestListener,
  use: (url: string, stop: () => void) => Promise<T>,
): Promise<T> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address !== 'string');
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  try {
    return await use(`http://${HOST}:${address.port}`, stop);
  } finally {
    stop();
  }
}

interface Failure {
  readonly title: string;
  readonly kickstart: string;
  readonly says: RegExp;
  readonly remedy: RegExp;
  /** Also begins again, with what was wrong put right. */
  readonly again?: string;
}

const FAILURES: readonly Failure[] = [
  {
    title: 'an image with another checksum, and begins again when it is corrected',
    kickstart: plain(`${IMAGE} --checksum=${'ab'.repeat(32)}`),
    says: /slipway: failed node-x: config-invalid: unpack-image: .* has the checksum [0-9a-f]{64}, the kickstart says abab/,
    remedy: /write the medium anew, or correct --checksum/,
    again: plain(IMAGE),
  },
  {
    title: 'a disk that is full',
    kickstart: plain(IMAGE, 'part / --size=300'),
    says: /slipway: failed node-x: config-invalid: unpack-image: the image does not fit on the disks: /,
    remedy: /make \/ larger/,
  },
  {
    title: 'a file system that is not made',
    kickstart: plain(IMAGE, 'part / --size=2500 --fstype=ext4 --mkfsoptions="-O no_such_feature"'),
    says: /slipway: failed node-x: verify-failed: make-file-systems: mkfs\.ext4 ended with exit code \d+: .*no_such_feature/,
    remedy: /the log has all that was run and said; .*start the installation again/,
  },
];

describe('an installation that goes wrong', () => {
  before('build the ISO', async function () {
    this.timeout(LIMIT.build);
    out = makeTempDir('slipway-failures-');
    const given = process.env['SLIPWAY_ISO'];
    medium = await openMedium(
      exec,
      given ?? (await buildExampleIso('standalone-raid1', out)),
      join(out, 'medium'),
    );
  });
  after(() => rm(out, { recursive: true, force: true }));

  for (const { title, kickstart, says, remedy, again } of FAILURES) {
    it(`stops at ${title}`, async function () {
      this.timeout(LIMIT.installed + LIMIT.settled);
      const bench = await Bench.create({ disks: 1, firmware: 'bios' });
      try {
        const volume = await volumeWith(kickstart, bench.dir, 'virtio');
        await assertStopped(bench, await begin(bench, volume), volume, says, remedy);
        if (again !== undefined) await install(bench, again, 'virtio');
      } finally {
        await bench.clear(false);
      }
    });
  }

  it('stops when the network goes while the image is fetched', async function () {
    this.timeout(LIMIT.settled);
    const bench = await Bench.create({ disks: 1, firmware: 'bios' });
    let stopped = (): void => {};
    const half: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-length': 64 * MIB });
      response.write(Buffer.alloc(MIB), () => stopped());
    };
    try {
      await serving(half, async (url, stop) => {
        stopped = stop;
        const volume = await volumeWith(plain(`liveimg --url=${url}/base.img`), bench.dir, 'virtio');
        await assertStopped(
          bench,
          await begin(bench, volume),
          volume,
          /slipway: failed node-x: transient: unpack-image: http:.* cannot be fetched: curl: /,
          /look at the network and the server/,
        );
      });
    } finally {
      await bench.clear(false);
    }
  });

  it('stops when a disk is pulled out while the image is unpacked', async function () {
    this.timeout(LIMIT.settled);
    const bench = await Bench.create({ disks: 2, firmware: 'bios', bus: 'scsi' });
    try {
      const [, second] = bench.disks;
      assert.ok(second !== undefined);
      // Not beside them: Linux names the disks of a SCSI bus in the order in which they answer.
      const volume = await volumeWith(MIRROR, bench.dir, 'virtio');
      const machine = await begin(bench, volume);
      await machine.waitForLine(/Unpack the image/, LIMIT.install);
      await machine.unplug(second);
      await assertStopped(
        bench,
        machine,
        volume,
        /slipway: failed node-x: verify-failed: [\w-]+: sd[ab] went away during the installation: /,
        /look at cables, power and controllers/,
      );
    } finally {
      await bench.clear(false);
    }
  });

  it('refuses a command it does not carry out before the first write, with its line', async function () {
    this.timeout(LIMIT.settled);
    const bench = await Bench.create({ disks: 1, firmware: 'bios' });
    try {
      const [disk] = bench.disks;
      assert.ok(disk !== undefined);
      await exec({ file: 'mkfs.ext4', args: ['-q', '-F', disk.file], effect: 'write' });
      const before = join(bench.dir, 'before.raw');
      await copyFile(disk.file, before);
      const volume = await volumeWith(`${plain(IMAGE)}realm join example.org\n`, bench.dir, 'virtio');
      await assertStopped(
        bench,
        await begin(bench, volume),
        volume,
        /slipway: failed node-x: config-invalid: read-kickstart: \/ks\.cfg:11:1: this installer does not carry out 'realm'/,
      );
      assert.equal(await difference(exec, rawImage(disk.file), rawImage(before)), undefined);
    } finally {
      await bench.clear(false);
    }
  });
});
