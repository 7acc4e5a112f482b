/** A checkout of the suite: a scratch copy to work in, and the functions by which its tests describe themselves. */
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CommandResult, Exec } from '../../src/engine/command.ts';
import { MissingError } from '../../src/errors/exit.ts';
import { packageRoot } from '../../src/host/package-root.ts';
import { searchPath } from '../../src/host/search-path.ts';
import { expandTest, type Platform } from './expand.ts';

const HERE = join(packageRoot(), 'test/kickstart-tests');

export interface Suite {
  /** A scratch copy: expanded kickstarts are written beside the tests, as the suite's own scripts do. */
  readonly folder: string;
  readonly commit: string;
  readonly platform: Platform;
}

/** One test at work: its own folder, and the address at which its virtual machine reaches that folder. */
export interface TestPlace {
  readonly test: string;
  readonly folder: string;
  /** `http://10.0.2.2:PORT` */
  readonly http: string;
  /** What was read of the installed disks; see read-disks.ts. */
  readonly system: string;
}

/** What a test's functions say about the machine it wants. */
export interface TestMachine {
  /** The kickstart to install by, absolute path. */
  readonly kickstart: string;
  readonly disks: readonly string[];
  readonly kernelArguments: string;
  readonly uefi: boolean;
  readonly memoryMiB: number;
  readonly nics: number;
  /** Whether the kickstart comes to the installer as a file, and not by an argument of the test's own. */
  readonly kickstartOnVolume: boolean;
  /** Whether the machine is to be started again after a reboot, from its disks. */
  readonly waits: boolean;
}

/**
 * Copies the suite to `folder`.
 * @param image squashfs that the suite's `install.img` is.
 * @throws {MissingError} when `source` is no checkout of the suite.
 */
export async function openSuite(
  exec: Exec,
  source: string,
  folder: string,
  platform: Platform,
  image: string,
): Promise<Suite> {
  const { stdout } = await exec({
    file: 'git',
    args: ['-C', source, 'rev-parse', 'HEAD'],
    effect: 'read',
  }).catch(() => {
    throw new MissingError(
      `${source} is no checkout of kickstart-tests`,
      'git clone https://github.com/rhinstaller/kickstart-tests, and name its folder with --suite',
    );
  });
  await mkdir(folder, { recursive: true });
  await cp(source, folder, { recursive: true, filter: (path) => basename(path) !== '.git' });
  await symlink(image, join(folder, 'scripts/install.img'));
  return { folder, commit: stdout.trim(), platform };
}

/** The words of `TESTTYPE`, among them `skip-on-…` and `knownfailure`. */
export async function testTypes(suite: Suite, test: string): Promise<readonly string[]> {
  const script = await readFile(join(suite.folder, `${test}.sh`), 'utf8');
  // raid-1.sh writes ${TESTTYPE:-"raid storage"}, for those that build on it.
  const words = /^TESTTYPE=(?:\$\{TESTTYPE:-)?["']([^"']*)["']/m.exec(script)?.[1] ?? '';
  return words.split(/\s+/).filter((word) => word !== '');
}

/** Writes the expanded kickstart where the test's `prepare` looks for it, and returns its path. */
export async function writeKickstart(suite: Suite, test: string): Promise<string> {
  const file = join(suite.folder, `${test}.ks`);
  await writeFile(file, await expandTest(suite.folder, test, suite.platform));
  return file;
}

/** Runs the test's own preparations, which make its disks. */
export async function describeTest(exec: Exec, suite: Suite, place: TestPlace): Promise<TestMachine> {
  const call = async (name: string): Promise<string> =>
    (await callFunction(exec, suite, place, name)).stdout.trim();
  const kickstart = await call('prepare');
  return {
    kickstart,
    disks: diskFiles(await call('prepare_disks')),
    kernelArguments: await call('kernel_args'),
    uefi: (await call('enable_uefi')) === 'true',
    memoryMiB: Number(await call('get_required_ram')),
    nics: Math.max(1, words(await call('prepare_network')).length),
    kickstartOnVolume: (await call('inject_ks_to_initrd')) === 'true',
    waits: words(await call('additional_runner_args')).includes('--wait'),
  };
}

/** The test's own judgement of what was installed; exit code 0 is a pass. */
export const validate = (exec: Exec, suite: Suite, place: TestPlace): Promise<CommandResult> =>
  callFunction(
    exec,
    suite,
    place,
    'validate',
    Array.from({ length: 256 }, (_, code) => code),
  );

function callFunction(
  exec: Exec,
  suite: Suite,
  place: TestPlace,
  name: string,
  accept: readonly number[] = [0],
): Promise<CommandResult> {
  return exec({
    file: 'bash',
    args: [
      join(HERE, 'call-function.sh'),
      place.test,
      name,
      place.folder,
      join(suite.folder, `${place.test}.ks`),
    ],
    cwd: suite.folder,
    env: {
      PATH: `${join(HERE, 'stand-ins')}:${searchPath()}`,
      SLIPWAY_HTTP: place.http,
      SLIPWAY_SYSTEM: place.system,
      PLATFORM_NAME: suite.platform.name,
    },
    effect: 'write',
    accept,
  });
}

/** `FILE`, `FILE,ARGUMENTS` or `path=FILE,ARGUMENTS`, separated by blanks: what `prepare_disks` prints. */
export const diskFiles = (text: string): readonly string[] =>
  words(text).map((word) => word.replace(/^path=/, '').replace(/,.*/, ''));

const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '');
