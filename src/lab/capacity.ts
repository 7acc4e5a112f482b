/** Whether a lab fits on this computer: asked before the first file is made. */
import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { MissingError } from '../errors/exit.ts';
import type { LabEngine } from './lab-plan.ts';
import { MEMORY_FOLDER } from './uml-args.ts';

export interface Room {
  /** MiB. */
  readonly memoryMiB: number;
  readonly diskMiB: number;
  /** As many machines start or install side by side: an emulated one keeps one busy, others wait more than they compute. */
  readonly cores: number;
}

/** What one machine takes of this computer, in MiB. */
export interface Need {
  readonly memoryMiB: number;
  readonly diskMiB: number;
}

/** What this computer has left; `dir` is where disks would lie, and must exist. */
export async function roomFor(dir: string, engine: LabEngine['kind']): Promise<Room> {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
  const memory = Math.floor(Number(available ?? 0) / 1024);
  const shared = engine === 'uml' && existsSync(MEMORY_FOLDER) ? await freeMiB(MEMORY_FOLDER) : memory;
  return {
    memoryMiB: Math.min(memory, shared),
    diskMiB: await freeMiB(dir),
    cores: availableParallelism(),
  };
}

async function freeMiB(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return Math.floor((bavail * bsize) / 2 ** 20);
}

/**
 * Measured: under emulation QEMU holds the guest's 1024 MiB and some 300 MiB of translated code and itself; an installed
 * node's disk has 775 MiB written; a bare User-Mode Linux system holds 140 MiB and writes 40.
 */
export function needOf(engine: LabEngine['kind'], memoryMiB: number, disks: number): Need {
  if (engine === 'uml') return { memoryMiB: 144, diskMiB: 64 };
  return { memoryMiB: memoryMiB + 400, diskMiB: 1024 * disks };
}

/**
 * Virtual processors of each of `machines` that run side by side on `cores`: a second one only where a core is left for
 * it. Measured on 4 cores under emulation, an installation and a start afterwards: alone 107 s with two, 128 s with one;
 * four machines side by side 198 s with two each, 154 s with one each.
 */
export const cpusEach = (cores: number, machines: number): number => (cores >= 2 * machines ? 2 : 1);

/** The largest number from `most` down whose needs fit; 1 where none do. */
export function mostThatFit(most: number, needsOf: (count: number) => readonly Need[], room: Room): number {
  let count = most;
  while (count > 1 && lacking(needsOf(count), room, '').length > 0) count -= 1;
  return count;
}

/** What makes a lab smaller, in the words of the command. */
export interface SmallerBy {
  readonly fewer: string;
  readonly elsewhere: string;
}

/** All machines run at the same time in the end. @throws {MissingError} saying what is needed and what is there. */
export function checkRoom(
  needs: readonly Need[],
  room: Room,
  dir: string,
  { fewer, elsewhere }: SmallerBy = { fewer: '--nodes', elsewhere: '--dir' },
): void {
  const lacks = lacking(needs, room, dir);
  if (lacks.length === 0) return;
  throw new MissingError(
    lacks.join('\n'),
    `free some, take fewer with ${fewer}, or put the disks elsewhere with ${elsewhere}`,
  );
}

function lacking(needs: readonly Need[], room: Room, dir: string): readonly string[] {
  const { machines, memoryMiB, diskMiB } = sumOf(needs);
  return [
    memoryMiB > room.memoryMiB
      ? `${machines} ${gib(memoryMiB)} of memory, ${gib(room.memoryMiB)} is free`
      : [],
    diskMiB > room.diskMiB
      ? `${machines} ${gib(diskMiB)} on disk, ${gib(room.diskMiB)} is free in ${dir}`
      : [],
  ].flat();
}

/** What would be taken of another host, of which nothing is known. */
export function describeNeeds(needs: readonly Need[]): string {
  const { machines, memoryMiB, diskMiB } = sumOf(needs);
  return `${machines} ${gib(memoryMiB)} of memory and ${gib(diskMiB)} on disk`;
}

/** What would be taken, and of how much. */
export function describeRoom(needs: readonly Need[], room: Room, dir: string): string {
  const { machines, memoryMiB, diskMiB } = sumOf(needs);
  return [
    `${machines} ${gib(memoryMiB)} of memory; ${gib(room.memoryMiB)} is free`,
    `${machines} ${gib(diskMiB)} on disk; ${gib(room.diskMiB)} is free in ${dir}`,
  ].join('\n');
}

function sumOf(needs: readonly Need[]): Need & { readonly machines: string } {
  const sum = (of: (need: Need) => number): number => needs.reduce((total, need) => total + of(need), 0);
  return {
    memoryMiB: sum(({ memoryMiB }) => memoryMiB),
    diskMiB: sum(({ diskMiB }) => diskMiB),
    machines: needs.length === 1 ? '1 machine needs' : `${needs.length} machines need`,
  };
}

const gib = (mib: number): string => `${(mib / 1024).toFixed(1)} GiB`;
