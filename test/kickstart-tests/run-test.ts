/** One test of the suite, from its kickstart to its verdict. */
import { lstat, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type Exec } from '../../src/engine/command.ts';
import { FailedError } from '../../src/errors/exit.ts';
import { type Engine, LabFailure, type LabMachineSpec } from '../../src/lab/engine.ts';
import { whyNotApplicable } from './applicable.ts';
import { bootEach, isArrayTest } from './boot.ts';
import { labDisks, readDisks, runToEnd } from './machines.ts';
import { kickstartVolume, type Medium, passphrasesOf } from './medium.ts';
import type { BootResult, TestResult } from './results.ts';
import { serveFolder } from './serve.ts';
import { skippedChecks } from './shell-guard.ts';
import {
  describeTest,
  type Suite,
  type TestMachine,
  type TestPlace,
  testTypes,
  validate,
  writeKickstart,
} from './suite.ts';
import { tierOf } from './tiers.ts';

/** No log and no kickstart is larger. */
const LOG_BYTES = 16 * 1024 ** 2;

export interface Laboratory {
  readonly exec: Exec;
  readonly engine: Engine;
  readonly suite: Suite;
  readonly medium: Medium;
  /** Each test gets a folder below. */
  readonly folder: string;
  /** Of an installation, and of a start after it. */
  readonly timeoutMs: number;
  /** Also start what was installed on arrays, with each disk missing. */
  readonly boot: boolean;
  readonly keepDisks: boolean;
}

export async function runTest(lab: Laboratory, test: string): Promise<TestResult> {
  const tier = tierOf(test);
  const named = { test, ...(tier === undefined ? {} : { tier }) };
  const file = await writeKickstart(lab.suite, test);
  const reason = whyNotApplicable({
    test,
    types: await testTypes(lab.suite, test),
    kickstart: await readFile(file, 'utf8'),
    platform: lab.suite.platform,
    packages: lab.medium.packages,
  });
  if (reason !== undefined) return { ...named, verdict: 'not applicable', message: reason, seconds: 0 };

  const folder = join(lab.folder, test);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const served = await serveFolder(folder);
  const started = performance.now();
  try {
    const place = { test, folder, http: served.url, system: join(folder, 'system') };
    const { message, spec } = await examine(lab, place);
    const seconds = (performance.now() - started) / 1000;
    const wanted = lab.boot && isArrayTest(test);
    const boots = wanted && spec !== undefined ? await bootEach(lab.engine, test, spec, folder) : [];
    return {
      ...named,
      verdict: message === undefined && boots.every(asExpected) ? 'passed' : 'failed',
      ...(message === undefined ? {} : { message }),
      seconds,
      ...(boots.length === 0 ? {} : { boots }),
    };
  } finally {
    await served.close();
    if (!lab.keepDisks) await removeImages(folder);
  }
}

/** What is wrong with what was installed, or the machine that was installed as the test wants it. */
type Finding =
  | { readonly message: string; readonly spec?: undefined }
  | { readonly message?: undefined; readonly spec: LabMachineSpec };

const asExpected = ({ booted, expected }: BootResult): boolean => booted === expected;

async function examine(lab: Laboratory, place: TestPlace): Promise<Finding> {
  try {
    const machine = await describeTest(lab.exec, lab.suite, place);
    const spec = await installTest(lab, place, machine);
    const message = await judge(lab, place, machine);
    return message === undefined ? { spec } : { message };
  } catch (error) {
    // What the machine, the disks or the test's own preparations did wrong is a verdict; a bug of ours is not.
    if (error instanceof LabFailure) return { message: error.message.split('\n')[0] ?? error.message };
    if (error instanceof FailedError || error instanceof CommandError) return { message: error.message };
    throw error;
  }
}

/** Disks, media and copies of the payload go; consoles, kickstarts and what was read of the disks stay. */
async function removeImages(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true })) {
    const file = join(folder, entry);
    const { size } = await lstat(file);
    if (size > LOG_BYTES) await rm(file);
  }
}

/** Installs by the medium's kernel, and starts the result where the test wants that. Returns the machine installed on. */
async function installTest(lab: Laboratory, place: TestPlace, machine: TestMachine): Promise<LabMachineSpec> {
  const { medium } = lab;
  const spec: LabMachineSpec = {
    name: place.test,
    memoryMiB: machine.memoryMiB,
    cpus: 2,
    firmware: machine.uefi ? 'uefi' : 'bios',
    efiVars: join(place.folder, 'efivars.fd'),
    disks: labDisks(machine.disks),
    nics: Array.from({ length: machine.nics }, (_, i) => ({
      mac: `52:54:00:00:00:0${i + 1}`,
      reach: 'host',
    })),
    consoleLog: join(place.folder, 'first-start.log'),
  };
  const byVolume = machine.kickstartOnVolume;
  const { ended } = await runToEnd(
    lab.engine,
    {
      ...spec,
      medium: { kind: 'cd', file: medium.iso },
      volumes: byVolume ? [await kickstartVolume(lab.exec, machine.kickstart, place.folder)] : [],
      kernel: {
        file: medium.kernel,
        initrd: medium.initrd,
        commandLine: [
          `slipway.medium=${medium.id} slipway.debug console=tty0 console=ttyS0,115200`,
          ...(byVolume ? ['inst.ks=hd:LABEL=OEMDRV:/ks.cfg'] : []),
          machine.kernelArguments,
        ].join(' '),
      },
      // The suite's tests look for what scripts print in the log of this name.
      consoleLog: join(place.folder, 'virt-install.log'),
    },
    lab.timeoutMs,
  );
  if (machine.waits && ended === 'reset') await runToEnd(lab.engine, spec, lab.timeoutMs);
  return spec;
}

/** Why the test's own validation does not pass; undefined when it does. */
async function judge(lab: Laboratory, place: TestPlace, machine: TestMachine): Promise<string | undefined> {
  const kickstart = await readFile(machine.kickstart, 'utf8');
  await readDisks(lab.exec, lab.engine, lab.medium, machine.disks, passphrasesOf(kickstart), place.folder);
  const { exitCode, stdout, stderr } = await validate(lab.exec, lab.suite, place);
  if (exitCode === 0) return skippedChecks(place.folder);
  return stdout.trim() || stderr.trim() || `its validation ends with ${exitCode}`;
}
