import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type Command, CommandError, type Exec } from '../../src/engine/command.ts';
import { accelerate } from '../../src/lab/accelerate.ts';
import { createDisk } from '../../src/lab/disks.ts';
import type { LabMachineSpec } from '../../src/lab/engine.ts';
import { qemuArgs } from '../../src/lab/qemu-args.ts';
import { QmpClient } from '../../src/lab/qmp.ts';
import { inTempDir } from '../helpers/tmp.ts';

const SPEC: LabMachineSpec = {
  name: 'node-a',
  memoryMiB: 1024,
  cpus: 2,
  firmware: 'bios',
  disks: [],
  nics: [],
  consoleLog: '/t/console.log',
};
const BEFORE = '-name node-a -nodefaults -no-user-config -display none -vga none -machine q35';
const SIZE = '-smp 2 -m 1024M -rtc base=utc';
const CHANNELS =
  '-chardev stdio,id=serial0,signal=off,logfile=/t/console.log -serial chardev:serial0 ' +
  '-chardev socket,id=qmp0,fd=3 -mon chardev=qmp0,mode=control';
const TCG =
  '-accel tcg,thread=multi,tb-size=512 -cpu qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+lahf-lm,+rdrand';

describe("QEMU's command line", () => {
  const line = (change: Partial<LabMachineSpec>, acceleration: 'kvm' | 'tcg' = 'tcg'): string =>
    qemuArgs({ ...SPEC, ...change }, acceleration).join(' ');

  it('starts a kernel before its medium, with further volumes beside it and this computer in reach', () => {
    assert.equal(
      line({
        kernel: { file: '/d/vmlinuz', initrd: '/d/a.img', commandLine: 'quiet a=b' },
        medium: { kind: 'cd', file: '/d/ha.iso' },
        volumes: ['/d/ks,1.iso'],
        nics: [{ mac: '52:54:00:00:00:01', reach: 'host' }],
      }),
      [
        BEFORE,
        TCG,
        SIZE,
        CHANNELS,
        '-device virtio-rng-pci',
        '-kernel /d/vmlinuz -initrd /d/a.img -append quiet a=b',
        '-drive if=none,id=medium,format=raw,media=cdrom,readonly=on,file=/d/ha.iso',
        '-device ide-cd,bus=ide.5,drive=medium',
        '-drive if=none,id=volume0,format=raw,media=cdrom,readonly=on,file=/d/ks,,1.iso',
        '-device ide-cd,bus=ide.4,drive=volume0',
        '-netdev user,id=net0,restrict=off',
        '-device virtio-net-pci,netdev=net0,mac=52:54:00:00:00:01,romfile=',
      ].join(' '),
    );
  });

  it('describes a BIOS machine with a CD, two disks and a card', () => {
    assert.equal(
      line({
        medium: { kind: 'cd', file: '/d/ha.iso' },
        disks: [
          { file: '/d/1.raw', bus: 'virtio', serial: 'DISK1' },
          { file: '/d/2,b.raw', bus: 'sata', serial: 'DISK2' },
        ],
        nics: [{ mac: '52:54:00:00:00:01' }],
      }),
      [
        BEFORE,
        TCG,
        SIZE,
        CHANNELS,
        '-device virtio-rng-pci',
        '-drive if=none,id=medium,format=raw,media=cdrom,readonly=on,file=/d/ha.iso',
        '-device ide-cd,bus=ide.5,drive=medium,bootindex=0',
        '-drive if=none,id=disk0,format=raw,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap,file=/d/1.raw',
        '-device virtio-blk-pci,drive=disk0,serial=DISK1,bootindex=1',
        '-drive if=none,id=disk1,format=raw,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap,file=/d/2,,b.raw',
        '-device ide-hd,bus=ide.1,drive=disk1,serial=DISK2,bootindex=2',
        '-netdev user,id=net0,restrict=on',
        '-device virtio-net-pci,netdev=net0,mac=52:54:00:00:00:01,romfile=',
      ].join(' '),
    );
  });

  it('describes a UEFI machine that boots a stick, with SCSI and NVMe disks', () => {
    assert.equal(
      line({
        firmware: 'uefi',
        efiVars: '/t/vars.fd',
        medium: { kind: 'usb', file: '/d/ha.iso' },
        stick: '/l/log,stick.img',
        disks: [
          { file: '/d/1.raw', bus: 'scsi', serial: 'S' },
          { file: '/d/2.raw', bus: 'nvme', serial: 'N', discardWrites: true },
          { file: '/d/3.raw', bus: 'virtio', serial: 'C', changes: '/d/3,c.qcow2', writeLimit: 4096 },
        ],
        onReboot: 'end',
      }),
      [
        BEFORE,
        TCG,
        SIZE,
        '-drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd',
        '-drive if=pflash,unit=1,format=raw,file=/t/vars.fd',
        CHANNELS,
        '-action reboot=shutdown',
        '-device virtio-rng-pci',
        '-device qemu-xhci,id=xhci',
        '-drive if=none,id=medium,format=raw,readonly=on,file=/d/ha.iso',
        '-device usb-storage,bus=xhci.0,drive=medium,removable=on,bootindex=0',
        '-drive if=none,id=stick,format=raw,file=/l/log,,stick.img',
        '-device usb-storage,bus=xhci.0,drive=stick,removable=on',
        '-device virtio-scsi-pci,id=scsi',
        '-drive if=none,id=disk0,format=raw,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap,file=/d/1.raw',
        '-device scsi-hd,id=scsi0,bus=scsi.0,scsi-id=0,drive=disk0,serial=S,bootindex=1',
        '-drive if=none,id=disk1,format=raw,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap,snapshot=on,file=/d/2.raw',
        '-device nvme,drive=disk1,serial=N,bootindex=2',
        '-drive if=none,id=disk2,format=qcow2,cache=unsafe,aio=threads,discard=unmap,detect-zeroes=unmap,throttling.bps-write=4096,file=/d/3,,c.qcow2',
        '-device virtio-blk-pci,drive=disk2,serial=C,bootindex=3',
      ].join(' '),
    );
  });

  it('plugs a card into a wire', () => {
    const wired = line({ nics: [{ mac: '52:54:00:00:00:01', wire: { hub: 20_001, port: 20_002 } }] });
    assert.match(wired, /-netdev socket,id=net0,udp=127\.0\.0\.1:20001,localaddr=127\.0\.0\.1:20002 /);
  });

  it('locks the variables of a Secure Boot machine away from its system', () => {
    assert.equal(
      line({ firmware: 'uefi-secure', efiVars: '/t/vars.fd' }, 'kvm'),
      [
        `${BEFORE},smm=on`,
        '-accel kvm -cpu host',
        SIZE,
        '-global driver=cfi.pflash01,property=secure,value=on -global ICH9-LPC.disable_s3=1',
        '-drive if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
        '-drive if=pflash,unit=1,format=raw,file=/t/vars.fd',
        CHANNELS,
        '-device virtio-rng-pci',
      ].join(' '),
    );
  });

  it('refuses UEFI without a file for its variables', () => {
    assert.throws(() => line({ firmware: 'uefi' }), /node-a: UEFI needs a file for its variables/);
  });
});

describe('the choice of acceleration', () => {
  const answer = (run: (command: Command) => void): { exec: Exec; calls: Command[] } => {
    const calls: Command[] = [];
    const exec: Exec = async (command) => {
      calls.push(command);
      run(command);
      return { stdout: '', stderr: '', exitCode: 33, durationMs: 1 };
    };
    return { exec, calls };
  };
  const fail = (reason: CommandError['reason']) => (command: Command) => {
    throw new CommandError(command, reason, 1, 'failed to initialize kvm');
  };

  it('is KVM when a machine ran with it, and asks once a day', () =>
    inTempDir(async (dir) => {
      const memory = join(dir, 'acceleration.json');
      const { exec, calls } = answer(() => undefined);
      assert.equal(await accelerate(exec, { memory, now: () => 1_000 }), 'kvm');
      assert.equal(await accelerate(exec, { memory, now: () => 2_000 }), 'kvm');
      assert.equal(calls.length, 1);
      assert.deepEqual(calls[0]?.accept, [33]);
      await accelerate(exec, { memory, now: () => 25 * 3_600_000 });
      assert.equal(calls.length, 2);
    }));

  for (const reason of ['exit', 'timeout', 'not-found'] as const) {
    it(`is emulation when the trial ends with ${reason}`, () =>
      inTempDir(async (dir) => {
        const { exec } = answer(fail(reason));
        assert.equal(await accelerate(exec, { memory: join(dir, 'm.json') }), 'tcg');
      }));
  }

  it('is not made when somebody interrupts', () =>
    inTempDir(async (dir) => {
      const { exec } = answer(fail('aborted'));
      await assert.rejects(accelerate(exec, { memory: join(dir, 'm.json') }), /interrupted/);
      assert.equal(existsSync(join(dir, 'm.json')), false);
    }));

  it('asks again when what it remembered is torn or from another host', () =>
    inTempDir(async (dir) => {
      const memory = join(dir, 'm.json');
      const { exec } = answer(fail('exit'));
      for (const text of ['{', '{"host":"other","at":0,"acceleration":"kvm"}']) {
        await writeFile(memory, text);
        assert.equal(await accelerate(exec, { memory, now: () => 1 }), 'tcg');
        assert.match(await readFile(memory, 'utf8'), /"acceleration":"tcg"/);
      }
    }));
});

describe("QEMU's control channel", () => {
  /** A channel whose other end answers each command with what `reply` makes of it. */
  const channel = (reply: (command: { execute: string; id: number }) => readonly string[]): Duplex =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        for (const line of reply(JSON.parse(String(chunk)))) this.push(line);
        done();
      },
    });

  it('matches answers to commands and hands events on', async () => {
    const events: string[] = [];
    const qmp = new QmpClient(
      channel(({ execute, id }) => [
        '{"event":"SHUTDOWN","data":{"reason":"guest-shut',
        `down"}}\r\n{"return":"${execute}","id":${id}}\r\n`,
      ]),
      (event, data) => events.push(`${event} ${data['reason']}`),
    );
    assert.deepEqual(await Promise.all([qmp.execute('a'), qmp.execute('b')]), ['a', 'b']);
    assert.deepEqual(events, ['SHUTDOWN guest-shutdown', 'SHUTDOWN guest-shutdown']);
  });

  it('turns an error into a rejection', async () => {
    const qmp = new QmpClient(channel(({ id }) => [`{"error":{"desc":"no such key"},"id":${id}}\n`]));
    await assert.rejects(qmp.execute('send-key'), /QEMU: no such key/);
  });

  it('rejects what is open, and whatever follows, when QEMU ends', async () => {
    const stream = channel(() => []);
    const qmp = new QmpClient(stream);
    const open = assert.rejects(qmp.execute('quit'), /QEMU has ended/);
    stream.destroy();
    await open;
    await assert.rejects(qmp.execute('quit'), /cannot quit/);
  });
});

describe('a virtual disk', () => {
  it('is empty, sparse, and never made over another', () =>
    inTempDir(async (dir) => {
      const file = join(dir, 'disks', 'a.raw');
      await createDisk(file, 8 * 1024 ** 3);
      const { size, blocks } = await stat(file);
      assert.equal(size, 8 * 1024 ** 3);
      assert.equal(blocks, 0);
      await assert.rejects(createDisk(file, 1), /EEXIST/);
    }));
});
