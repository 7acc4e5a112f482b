/** The virtual machines of a test: one that installs, one that starts what was installed, one that reads its disks. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Exec } from '../../src/engine/command.ts';
import { FailedError } from '../../src/errors/exit.ts';
import { createDisk } from '../../src/lab/disks.ts';
import type { Engine, LabDisk, LabMachineSpec } from '../../src/lab/engine.ts';
import { type Medium, readerInitrd } from './medium.ts';

const MIB = 1024 ** 2;
/** Logs and results, no systems. */
const READ_BYTES = 64 * MIB;
/** Reading takes seconds; under emulation on a busy machine some dozens. */
const READ_MS = 180_000;
/** Time to print what comes after the line that says an installation failed. */
const LAST_WORDS_MS = 2_000;

/** The line by which an installation gives up. */
const INSTALLER_FAILED = /slipway: failed |Kernel panic - not syncing|slipway: .*\ba shell follows/;

export const labDisks = (files: readonly string[], change: Partial<LabDisk> = {}): readonly LabDisk[] =>
  files.map((file, i) => ({ file, bus: 'virtio', serial: `DISK${i + 1}`, ...change }));

export interface Run {
  /** How the guest ended. */
  readonly ended: 'off' | 'reset';
  readonly transcript: string;
}

/** A machine that gave up, by the line in which it said so. */
export class GaveUp extends FailedError {
  constructor(line: string, log: string) {
    super(line.replace(/^.*?(slipway: )/, '$1'), `the whole console is in ${log}`);
    this.name = 'GaveUp';
  }
}

/**
 * Runs a machine until it ends by itself.
 * @throws {GaveUp} as soon as its console says so. @throws a LabFailure when the time is up.
 */
export async function runToEnd(
  engine: Engine,
  spec: LabMachineSpec,
  timeoutMs: number,
  lastWordsMs = LAST_WORDS_MS,
): Promise<Run> {
  const machine = await engine.start({ ...spec, onReboot: 'end' });
  let line: string | undefined;
  const failing = machine.waitForLine(INSTALLER_FAILED, timeoutMs, 'expected').then(
    async (said) => {
      line = said;
      await delay(lastWordsMs);
      await machine.end();
    },
    () => undefined, // it ended without such a line
  );
  try {
    const ended = await machine.waitForPowerOff(timeoutMs);
    return { ended, transcript: machine.transcript() };
  } catch (error) {
    if (line !== undefined) throw new GaveUp(line, spec.consoleLog);
    throw error;
  } finally {
    await machine.end();
    await failing;
  }
}

/**
 * Reads what tests look for off the disks of a machine that is off, whatever arrays, volume groups and encryption they
 * hold, into `folder`/system. The disks stay as they are.
 * @throws {FailedError} when the machine that reads does not finish.
 */
export async function readDisks(
  exec: Exec,
  engine: Engine,
  medium: Medium,
  disks: readonly string[],
  passphrases: readonly string[],
  folder: string,
): Promise<string> {
  const out = join(folder, 'read.raw');
  await createDisk(out, READ_BYTES);
  const consoleLog = join(folder, 'reader.log');
  const { transcript } = await runToEnd(
    engine,
    {
      name: 'reader',
      memoryMiB: 1024,
      cpus: 1,
      firmware: 'bios',
      disks: [
        ...labDisks(disks, { discardWrites: true }),
        { file: out, bus: 'virtio', serial: 'SLIPWAY-OUT' },
      ],
      medium: { kind: 'cd', file: medium.iso },
      kernel: {
        file: medium.kernel,
        initrd: await readerInitrd(exec, medium, passphrases, folder),
        commandLine: `slipway.medium=${medium.id} console=ttyS0,115200`,
      },
      nics: [],
      consoleLog,
    },
    READ_MS,
  );
  if (!/slipway: reader: .*done/.test(transcript)) {
    throw new FailedError('the disks could not be read', `the whole console is in ${consoleLog}`);
  }
  const system = join(folder, 'system');
  await mkdir(system);
  await exec({ file: 'tar', args: ['-xf', out, '-C', system, '--no-same-owner'], effect: 'write' });
  // No file system at all is an answer, too.
  const index = join(system, 'index');
  await writeFile(index, await readFile(index, 'utf8').catch(() => ''));
  return system;
}
