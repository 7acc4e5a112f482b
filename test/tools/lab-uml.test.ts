import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createExec } from '../../src/host/exec.ts';
import { cpioArchive } from '../../src/lab/cpio.ts';
import { createDisk } from '../../src/lab/disks.ts';
import { type LabDisk, LabFailure, type LabMachine, type LabMachineSpec } from '../../src/lab/engine.ts';
import { umlEngine } from '../../src/lab/uml.ts';
import { UML_INIT } from '../../src/lab/uml-init.ts';
import { type TinyUml, tinyUml } from '../helpers/tiny-uml.ts';
import { inTempDir, makeTempDir, writeFiles } from '../helpers/tmp.ts';

const BOOT_MS = 60_000;
const exec = createExec();

describe('a machine on User-Mode Linux', function () {
  this.timeout(180_000);
  let dir: string;
  let tiny: TinyUml;
  let disk: LabDisk;
  let machine: LabMachine | undefined;

  before('make a small system', async () => {
    dir = makeTempDir('slipway-uml-');
    tiny = await tinyUml(dir);
    disk = { file: join(dir, 'disk.raw'), bus: 'virtio', serial: 'LAB00001' };
    await createDisk(disk.file, 2 ** 20);
  });

  afterEach('end the machine', async () => {
    await machine?.end();
    machine = undefined;
  });

  after('remove the system', () => rm(dir, { recursive: true, force: true }));

  async function start(change: Partial<LabMachineSpec> = {}): Promise<LabMachine> {
    const here = join(dir, 'node-1');
    machine = await umlEngine({ exec, images: tiny.images }).start({
      ...{ name: 'node-1', memoryMiB: 96, cpus: 1, firmware: 'bios', disks: [], nics: [] },
      consoleLog: join(here, 'console.log'),
      root: {
        kind: 'overlay',
        squashfs: tiny.squashfs,
        changes: join(here, 'changes.img'),
        seed: [{ path: 'etc/hostname', content: 'node-1\n', mode: 0o644 }],
      },
      ...change,
    });
    return machine;
  }

  it('starts the shared system with its seed and the modules of its kernel', async () => {
    const line = await (await start()).waitForLine(/login:/, BOOT_MS);
    assert.match(line, /^node-1 login: start 1, modules \/lib\/modules\/[\d.]+\/kernel$/);
  });

  it('keeps what it changed over a power cut, and its log what it said', async () => {
    const first = await start();
    await first.waitForLine(/login: start 2/, BOOT_MS);
    first.type('echo seed >/etc/hostname; sync; echo written\n');
    await first.waitForLine(/^written/, BOOT_MS);
    await first.end();
    assert.match(await readFile(first.spec.consoleLog, 'utf8'), /^written/m);
    await (await start()).waitForLine(/^seed login: start 3/, BOOT_MS);
  });

  it('forgets what it wrote to a disk whose writes are to be discarded, and only then', async () => {
    const write =
      'printf traces >/dev/ubda; sync; head -c 6 /dev/ubda; echo; cat /sys/block/ubda/serial; poweroff -f';
    for (const [discardWrites, kept] of [
      [true, '\0'.repeat(6)],
      [false, 'traces'],
    ] as const) {
      const guest = await start({ disks: [{ ...disk, discardWrites }] });
      await guest.waitForLine(/login:/, BOOT_MS);
      guest.type(`${write}\n`);
      await guest.waitForLine(/^traces/, BOOT_MS);
      assert.equal(await guest.waitForPowerOff(BOOT_MS), 'off');
      assert.match(guest.transcript(), /^LAB00001/m);
      assert.equal((await readFile(disk.file)).toString('latin1', 0, 6), kept);
    }
    assert.equal(existsSync(join(dir, 'node-1', 'changes0.cow')), false);
  });

  it('tells a restart from a power-off, and both from a power cut', async () => {
    const guest = await start({ onReboot: 'end' });
    await guest.waitForLine(/login:/, BOOT_MS);
    guest.type('reboot -f\n');
    assert.equal(await guest.waitForPowerOff(BOOT_MS), 'reset');
    const cut = await start();
    await cut.waitForLine(/login:/, BOOT_MS);
    const waiting = assert.rejects(cut.waitForPowerOff(BOOT_MS), /was ended, not switched off/);
    await cut.end();
    await waiting;
  });

  it('hands Ctrl-Alt-Del to the guest', async () => {
    const guest = await start({ onReboot: 'end' });
    await guest.waitForLine(/login:/, BOOT_MS);
    // The kernel restarts by itself where process 1 has not asked to be told.
    await guest.powerButton();
    assert.equal(await guest.waitForPowerOff(BOOT_MS), 'reset');
  });

  it('says what it cannot do, with what was printed last', async () => {
    const guest = await start();
    await guest.waitForLine(/login:/, BOOT_MS);
    await assert.rejects(
      guest.screenshot('/nowhere.png'),
      (error: unknown) =>
        error instanceof LabFailure && /has no screen\nIt last printed:/.test(error.message),
    );
  });

  it('fails when its kernel does not come up', async () => {
    const guest = await start({ memoryMiB: 1 });
    await assert.rejects(guest.waitForLine(/login:/, BOOT_MS), LabFailure);
  });
});

describe("what a User-Mode Linux machine's initramfs is made of", () => {
  it('is a script without complaints of shellcheck', async () => {
    await inTempDir(async (dir) => {
      await writeFile(join(dir, 'init'), UML_INIT);
      // The functions it reads in lie beside it on the machine only, and it calls its own by computed names.
      await exec({
        file: 'shellcheck',
        args: ['--shell=sh', '--exclude=SC1091,SC2317,SC2329', join(dir, 'init')],
        effect: 'read',
      });
    });
  });

  it('is an archive that cpio reads', async () => {
    await inTempDir(async (dir) => {
      const content = '\0\u0001ä'.repeat(1000);
      const archive = cpioArchive([{ path: 'a/b', content, mode: 0o640 }]);
      await writeFiles(dir, { 'out/.keep': '' });
      await writeFile(join(dir, 'archive'), archive);
      await exec({
        file: 'cpio',
        args: ['--extract', '--make-directories', '--quiet', '--file', join(dir, 'archive')],
        effect: 'write',
        cwd: join(dir, 'out'),
      });
      assert.equal(await readFile(join(dir, 'out/a/b'), 'utf8'), content);
    });
  });
});
