/**
 * A machine made of files for the shell in %pre: /sys, /proc, /dev with sparse files as disks, /run of udev, consoles.
 * Nothing of it needs root, and the script sees no disk of the real machine.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { DiskDemand, NodePlan } from '../../src/plan/types.ts';
import { makeTempDir } from './tmp.ts';

const MIB = 1024 ** 2;

export interface FakeDisk {
  readonly name: string;
  readonly mib: number;
  readonly serial?: string;
  /** As udev has it in ID_WWN. */
  readonly wwn?: string;
  /** As sysfs has it in `wwid`. */
  readonly wwid?: string;
  readonly model?: string;
  /** The part of the sysfs path that tells the bus, for example `ata1` or `usb2/2-1`. */
  readonly on?: string;
  readonly removable?: boolean;
  readonly readOnly?: boolean;
  readonly rotational?: boolean;
  /** Names below /dev/disk/by-id. */
  readonly byId?: readonly string[];
  /** Names below /dev/disk/by-path. */
  readonly byPath?: readonly string[];
  /** Numbers of the partitions the kernel sees. */
  readonly partitions?: readonly number[];
  /** What holds the disk, for example `md127`. */
  readonly holders?: readonly string[];
  /** Bytes on the disk, by offset; a negative offset counts from the end. */
  readonly bytes?: ReadonlyMap<number, string>;
}

export interface FakeMounts {
  /** Device name → mount point. */
  readonly mounts?: Readonly<Record<string, string>>;
  readonly swaps?: readonly string[];
  /** MAC address by interface name. */
  readonly cards?: Readonly<Record<string, string>>;
  readonly uefi?: boolean;
}

export interface GuardRun {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** slipway-disks.ks, undefined when it was not written. */
  readonly commands: string | undefined;
  /** slipway-network.ks. */
  readonly network: string | undefined;
  /** What the serial console showed. */
  readonly serial: string;
}

export class FakeMachine {
  readonly root: string;

  constructor(disks: readonly FakeDisk[], more: FakeMounts = {}) {
    this.root = makeTempDir('slipway-guard-');
    for (const dir of ['sys/block', 'dev/disk/by-id', 'dev/disk/by-path', 'tmp']) this.#folder(dir);
    this.write('sys/class/tty/console/active', 'tty0 ttyS0\n');
    this.write('dev/tty0', '');
    this.write('dev/ttyS0', '');
    disks.forEach((disk, index) => {
      this.#addDisk(disk, index);
    });
    const mounts = Object.entries(more.mounts ?? {}).map(([device, where]) => this.#mountLine(device, where));
    this.write('proc/self/mountinfo', ['22 1 0:21 / / rw - overlay overlay rw', ...mounts, ''].join('\n'));
    const swaps = (more.swaps ?? []).map((device) => `/dev/${device} partition 1048572 0 -2`);
    this.write('proc/swaps', ['Filename Type Size Used Priority', ...swaps, ''].join('\n'));
    for (const [name, mac] of Object.entries(more.cards ?? {})) {
      this.write(`sys/class/net/${name}/address`, `${mac}\n`);
      this.#folder(`sys/class/net/${name}/device`);
    }
    if (more.uefi === true) this.#folder('sys/firmware/efi');
    // The real udevadm would describe the real machine.
    this.fakeTool('udevadm', `cat "\${!##--path=}/udev"`);
  }

  /** Puts a script before the real tool of that name. */
  fakeTool(name: string, script: string): void {
    this.write(`bin/${name}`, `#!/bin/bash\n${script}\n`, 0o755);
  }

  /** Runs a %pre script to its end. */
  async run(script: string): Promise<GuardRun> {
    const child = this.start(script);
    const [stdout, stderr, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { exitCode, stdout, stderr, ...this.results() };
  }

  /** Starts a %pre script that may not end, in a process group of its own. */
  start(script: string): ChildProcessByStdio<null, Readable, Readable> {
    this.write('tmp/pre.sh', script);
    return spawn('bash', [join(this.root, 'tmp/pre.sh')], {
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }

  results(): Pick<GuardRun, 'commands' | 'network' | 'serial'> {
    return {
      commands: this.read('tmp/slipway-disks.ks'),
      network: this.read('tmp/slipway-network.ks'),
      serial: this.read('dev/ttyS0') ?? '',
    };
  }

  read(path: string): string | undefined {
    const full = join(this.root, path);
    return existsSync(full) ? readFileSync(full, 'utf8') : undefined;
  }

  write(path: string, content: string, mode = 0o644): void {
    this.#folder(dirname(path));
    writeFileSync(join(this.root, path), content, { mode });
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      PATH: `${join(this.root, 'bin')}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
      SLIPWAY_SYSFS: join(this.root, 'sys'),
      SLIPWAY_DEV: join(this.root, 'dev'),
      SLIPWAY_PROC: join(this.root, 'proc'),
      SLIPWAY_OUT: join(this.root, 'tmp'),
      SLIPWAY_REPEAT_SECONDS: '0.1',
    };
  }

  #addDisk(disk: FakeDisk, index: number): void {
    const home = `sys/devices/pci0000:00/${disk.on ?? 'host0'}/block/${disk.name}`;
    const lines: Readonly<Record<string, string | number | undefined>> = {
      dev: `8:${index * 16}`,
      size: disk.mib * 2048,
      ro: disk.readOnly === true ? 1 : 0,
      removable: disk.removable === true ? 1 : 0,
      'queue/rotational': disk.rotational === true ? 1 : 0,
      // The kernel pads the model with blanks.
      'device/model': disk.model === undefined ? undefined : disk.model.padEnd(16),
      wwid: disk.wwid,
    };
    for (const [name, line] of Object.entries(lines)) {
      if (line !== undefined) this.write(`${home}/${name}`, `${line}\n`);
    }
    const udev = { ID_SERIAL_SHORT: disk.serial, ID_WWN: disk.wwn };
    this.write(
      `${home}/udev`,
      Object.entries(udev)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    );
    this.#folder(`${home}/holders`);
    for (const holder of disk.holders ?? []) this.#folder(`${home}/holders/${holder}`);
    for (const number of disk.partitions ?? []) {
      const partition = `${home}/${disk.name}${number}`;
      this.write(`${partition}/partition`, `${number}\n`);
      this.write(`${partition}/dev`, `8:${index * 16 + number}\n`);
      this.write(`dev/${disk.name}${number}`, '');
    }
    symlinkSync(join(this.root, home), join(this.root, 'sys/block', disk.name));
    this.#content(disk);
    for (const link of disk.byId ?? []) this.#link(`dev/disk/by-id/${link}`, disk.name);
    for (const link of disk.byPath ?? []) this.#link(`dev/disk/by-path/${link}`, disk.name);
  }

  #content(disk: FakeDisk): void {
    const path = join(this.root, 'dev', disk.name);
    writeFileSync(path, '');
    truncateSync(path, disk.mib * MIB);
    const file = openSync(path, 'r+');
    for (const [offset, text] of disk.bytes ?? []) {
      writeSync(
        file,
        Buffer.from(text, 'latin1'),
        0,
        text.length,
        offset < 0 ? disk.mib * MIB + offset : offset,
      );
    }
    closeSync(file);
  }

  #link(path: string, disk: string): void {
    symlinkSync(join(this.root, 'dev', disk), join(this.root, path));
  }

  #mountLine(device: string, where: string): string {
    const disk = device.replace(/\d+$/, '');
    const number =
      this.read(`sys/block/${disk}/${device}/dev`) ?? this.read(`sys/block/${device}/dev`) ?? '0:99';
    return `30 22 ${number.trim()} / ${where} rw shared:1 - ext4 /dev/${device} rw`;
  }

  #folder(path: string): void {
    mkdirSync(join(this.root, path), { recursive: true });
  }
}

/** A machine that is exactly what a node's plan asks for: blank disks, all cards. */
export function machineFor({ disks, layout, interfaces }: NodePlan): FakeMachine {
  const macs = interfaces.flatMap(({ bond, mac }) => bond?.macs ?? mac ?? []);
  const cards = Object.fromEntries(macs.map((mac, index) => [`ens${index + 3}`, mac]));
  const uefi = !layout.firmware.includes('bios');
  return new FakeMachine(disksFor(disks, layout.minimumDiskMiB), { cards, uefi });
}

function disksFor(demand: DiskDemand, minimumMiB: number): readonly FakeDisk[] {
  if (demand.kind === 'identified') {
    return demand.disks.map(({ by, value }, index) => ({
      name: diskName(index),
      mib: minimumMiB,
      byId: [by === 'id' ? value : `fake-${index}`],
      ...(by === 'serial' ? { serial: value } : {}),
      ...(by === 'wwn' ? { wwid: value } : {}),
      ...(by === 'path' ? { byPath: [value] } : {}),
    }));
  }
  const { count, match } = demand;
  return Array.from({ length: count }, (_, index) => ({
    name: match.bus === 'virtio' ? diskName(index, 'vd') : diskName(index),
    mib: Math.max(minimumMiB, match.minSizeMiB ?? 0),
    on: match.bus === 'ata' ? 'ata1' : 'host0',
    byId: [`fake-${index}`],
    ...(match.model === undefined ? {} : { model: match.model }),
    ...(match.rotational === undefined ? {} : { rotational: match.rotational }),
  }));
}

function diskName(index: number, prefix = 'sd'): string {
  return `${prefix}${String.fromCharCode('a'.charCodeAt(0) + index)}`;
}
