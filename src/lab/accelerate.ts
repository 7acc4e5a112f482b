/** Whether KVM works here. That /dev/kvm exists proves nothing; a machine that has run does. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, type Exec } from '../engine/command.ts';
import { temporaryName, writeFileAtomically } from '../host/atomic.ts';
import { cacheFolder } from '../host/cache.ts';
import type { Acceleration } from './qemu-args.ts';

/** What a trial found out holds for a day, on this host and kernel. */
const VALID_MS = 24 * 60 * 60 * 1000;
/** A working KVM needs less than one second. */
const TRIAL_MS = 5_000;
/** isa-debug-exit ends QEMU with twice the byte written, plus one. */
const TRIAL_BYTE = 0x10;
const TRIAL_EXIT = TRIAL_BYTE * 2 + 1;

interface Remembered {
  readonly host: string;
  readonly at: number;
  readonly acceleration: Acceleration;
}

export interface AccelerateOptions {
  /** File that remembers the answer. */
  readonly memory?: string;
  readonly now?: () => number;
}

/** KVM if a trial machine really ran with it, else emulation. */
export async function accelerate(exec: Exec, options: AccelerateOptions = {}): Promise<Acceleration> {
  const memory = options.memory ?? join(cacheFolder(), 'acceleration.json');
  const now = (options.now ?? Date.now)();
  const host = `${hostname()} ${release()}`;
  const known = await recall(memory);
  if (known?.host === host && now >= known.at && now - known.at < VALID_MS) return known.acceleration;
  const acceleration = (await kvmRuns(exec)) ? 'kvm' : 'tcg';
  const found: Remembered = { host, at: now, acceleration };
  await writeFileAtomically(memory, `${JSON.stringify(found)}\n`);
  return acceleration;
}

async function recall(memory: string): Promise<Remembered | undefined> {
  try {
    const known: Remembered = JSON.parse(await readFile(memory, 'utf8'));
    return known;
  } catch {
    return undefined; // never asked, or torn: ask
  }
}

/** Boots a sector that says "I ran" by ending QEMU with a certain exit code. */
async function kvmRuns(exec: Exec): Promise<boolean> {
  const disk = temporaryName(join(tmpdir(), 'slipway-kvm-trial'));
  await writeFile(disk, trialSector());
  try {
    await exec({
      file: 'qemu-system-x86_64',
      args: [
        ...['-accel', 'kvm', '-machine', 'q35', '-m', '64M', '-nodefaults', '-no-user-config'],
        ...['-display', 'none', '-vga', 'none', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
        ...['-drive', `if=none,id=d,format=raw,readonly=on,file=${disk}`],
        ...['-device', 'virtio-blk-pci,drive=d'],
      ],
      effect: 'read',
      timeoutMs: TRIAL_MS,
      accept: [TRIAL_EXIT],
    });
    return true;
  } catch (error) {
    if (error instanceof CommandError && error.reason !== 'aborted') return false;
    throw error;
  } finally {
    await rm(disk, { force: true });
  }
}

function trialSector(): Uint8Array {
  const sector = new Uint8Array(512);
  // mov al, TRIAL_BYTE; out 0f4h, al; hlt
  sector.set([0xb0, TRIAL_BYTE, 0xe6, 0xf4, 0xf4]);
  sector.set([0x55, 0xaa], 510);
  return sector;
}
