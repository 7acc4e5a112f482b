import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MissingError } from '../../src/errors/exit.ts';
import { createExec } from '../../src/host/exec.ts';
import type { LabMachineSpec } from '../../src/lab/engine.ts';
import { libvirtEngine } from '../../src/lab/libvirt.ts';
import { domainXml } from '../../src/lab/libvirt-domain.ts';
import { LibvirtLab, newLabId } from '../../src/lab/libvirt-lab.ts';
import { LibvirtError, type LibvirtPlace } from '../../src/lab/libvirt-session.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const exec = createExec();
const LIMIT_MS = 60_000;

const machine = (dir: string): LabMachineSpec => ({
  name: 'node-a',
  memoryMiB: 64,
  cpus: 1,
  firmware: 'bios',
  disks: [{ file: join(dir, 'a disk.raw'), bus: 'virtio', serial: 'LAB00001' }],
  nics: [{ mac: '52:54:00:00:00:01' }],
  consoleLog: join(dir, 'console.log'),
});

describe("libvirt's own test driver", function () {
  this.timeout(LIMIT_MS);
  let lab: LibvirtLab;

  beforeEach('connect', async () => {
    lab = await LibvirtLab.connect({ uri: 'test:///default', id: newLabId() }, exec);
  });

  afterEach('leave', () => lab.session.close());

  it('takes our machines and our network, and gives up these and nothing else', async () => {
    const before = await lab.session.run('list', '--all', '--name');
    await lab.makeNetwork();
    const where = (path: string) => ({ path });
    for (const node of ['node-a', 'node-b']) {
      const place = { name: lab.nameOf(node), type: 'test', where, network: lab.network ?? '' } as const;
      await lab.session.runOn(domainXml({ ...machine('/d'), name: node }, place), 'define');
    }
    await lab.session.run('start', lab.nameOf('node-a'));
    assert.match(await lab.session.run('domstate', lab.nameOf('node-a'), '--reason'), /^running/);
    assert.match(await lab.session.run('domblklist', lab.nameOf('node-a')), /^ *vda +\/d\/a disk\.raw$/m);
    assert.equal((await lab.clear()).length, 3);
    assert.equal(await lab.session.run('list', '--all', '--name'), before);
    assert.doesNotMatch(await lab.session.run('net-list', '--all', '--name'), /slipway/);
    assert.deepEqual(await lab.clear(), []);
  });

  it("refuses in libvirt's words, and goes on", async () => {
    await assert.rejects(lab.session.run('start', 'nobody here'), (error) => {
      assert.ok(error instanceof LibvirtError);
      assert.match(error.message, /^libvirt: start nobody here: failed to get domain 'nobody here'/);
      return true;
    });
    assert.equal(await lab.session.run('uri'), 'test:///default');
  });

  it('is told from a host that does not answer', async () => {
    const nowhere = LibvirtLab.connect({ uri: 'test:///nowhere.xml', id: newLabId() }, exec);
    await assert.rejects(nowhere, (error) => {
      assert.ok(error instanceof MissingError);
      assert.match(error.message, /^test:\/\/\/nowhere\.xml cannot be reached: libvirt: /);
      return true;
    });
  });
});

/**
 * Says `hello` on the first serial port, waits for a key there, and switches off by ACPI: cld; xor ax,ax; mov ds,ax;
 * mov si,text; next: lodsb; test al,al; jz wait; mov dx,3f8h; out dx,al; jmp next; wait: mov dx,3fdh; poll: in al,dx;
 * test al,1; jz poll; mov dx,604h; mov ax,2000h; out dx,ax; halt: hlt; jmp halt
 */
function talkingSector(): Uint8Array {
  const code = 'fc31c08ed8be257cac84c07406baf803eeebf5bafd03eca80174fbba0406b80020eff4ebfd';
  const sector = Buffer.alloc(512);
  Buffer.from(`${code}${Buffer.from('hello\r\n\0').toString('hex')}`, 'hex').copy(sector);
  sector.set([0x55, 0xaa], 510);
  return sector;
}

describe('a machine that libvirt runs', function () {
  this.timeout(2 * LIMIT_MS);
  let dir: string;
  let lab: LibvirtLab | undefined;

  before('make a folder for a user', async () => {
    dir = makeTempDir('slipway-libvirt-');
    await chmod(dir, 0o755);
  });

  after('leave', async () => {
    await lab?.clear();
    await lab?.session.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** Root has no session of its own. The daemon of this one ends by itself when nobody asks it for anything. */
  async function session(): Promise<LibvirtPlace> {
    const user = process.getuid?.() === 0 ? 65534 : undefined;
    const home = join(dir, 'home');
    const runtime = join(dir, 'run');
    for (const folder of [home, runtime]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      if (user !== undefined) await chown(folder, user, user);
    }
    const setUser = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
    const setHome = [`HOME=${home}`, `XDG_RUNTIME_DIR=${runtime}`, 'virsh'];
    return {
      uri: 'qemu:///session',
      virsh: [
        'env',
        ...(user === undefined ? [] : setUser),
        ...(user === undefined ? [] : ['env']),
        ...setHome,
      ],
    };
  }

  it('has its files in a pool where it cannot use ours, and nothing is left of them', async () => {
    const place = await session();
    const pool = 'slipway-test';
    const target = join(dir, 'pool');
    await mkdir(target);
    await chmod(target, 0o777);
    const elsewhere = await LibvirtLab.connect({ ...place, id: newLabId(), pool }, exec);
    try {
      await elsewhere.session.run('pool-create-as', pool, 'dir', '--target', target);
      const iso = join(dir, 'a medium.iso');
      await writeFile(iso, 'the medium');
      const { disks, ...spec } = machine(dir);
      for (const { file } of disks) await writeFile(file, Buffer.alloc(2 ** 20));
      for (const file of [iso, ...disks.map((disk) => disk.file)]) await chmod(file, 0o644);
      const where = await elsewhere.bring({ ...spec, disks, medium: { kind: 'cd', file: iso } });
      const found = where(iso);
      assert.ok('volume' in found && found.pool === pool);
      assert.equal(await readFile(join(target, found.volume), 'utf8'), 'the medium');
      await elsewhere.bring({ ...spec, disks, medium: { kind: 'cd', file: iso } });
      assert.equal((await elsewhere.clear()).length, 2);
      assert.equal(await elsewhere.session.run('vol-list', pool), '');
    } finally {
      await elsewhere.session.run('pool-destroy', pool).catch(() => undefined);
      await elsewhere.session.close();
    }
  });

  it('is read from its first letter on, typed to, switched off and forgotten', async () => {
    lab = await LibvirtLab.connect({ ...(await session()), id: newLabId() }, exec);
    const spec = machine(dir);
    await writeFile(join(dir, 'a disk.raw'), Buffer.concat([talkingSector(), Buffer.alloc(2 ** 20)]));
    await chmod(join(dir, 'a disk.raw'), 0o666);
    const running = await libvirtEngine({ lab, acceleration: 'tcg' }).start(spec);
    await running.waitForLine(/^hello$/, LIMIT_MS);
    assert.match(await lab.session.run('list', '--name'), new RegExp(lab.nameOf('node-a')));
    running.type('x');
    assert.equal(await running.waitForPowerOff(LIMIT_MS), 'off');
    await running.end();
    assert.deepEqual(await lab.clear(), [lab.nameOf('node-a')]);
    assert.equal(await lab.session.run('list', '--all', '--name'), '');
  });

  it('is defined anew where it was, and ended, also twice', async () => {
    assert.ok(lab !== undefined);
    const running = await libvirtEngine({ lab, acceleration: 'tcg' }).start(machine(dir));
    await running.waitForLine(/^hello$/, LIMIT_MS);
    await running.end();
    await running.end();
    assert.equal(await lab.session.run('list', '--name'), '');
    const again = await libvirtEngine({ lab, acceleration: 'tcg' }).start(machine(dir));
    await again.end();
    assert.equal((await lab.clear()).length, 1);
    await assert.rejects(running.waitForPowerOff(1_000), /was ended, not switched off/);
  });
});
