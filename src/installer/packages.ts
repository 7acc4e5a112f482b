/** Which packages a system has and which the medium offers. */
import type { Machine } from '../engine/machine.ts';

export interface Rpm {
  readonly name: string;
  /** `1.2.3-4` */
  readonly version: string;
  readonly file: string;
  readonly requires: readonly string[];
}

const VERSION = '%{VERSION}-%{RELEASE}';

/** The RPMs in folders of repositories, by name. */
export async function offeredPackages(
  machine: Machine,
  repositories: readonly string[],
): Promise<ReadonlyMap<string, Rpm>> {
  const files: string[] = [];
  for (const folder of repositories) {
    const { stdout } = await machine.exec({ file: 'find', args: [folder, '-name', '*.rpm'], effect: 'read' });
    files.push(...stdout.split('\n').filter((line) => line !== ''));
  }
  if (files.length === 0) return new Map();
  const { stdout } = await machine.exec({
    file: 'rpm',
    args: [
      '--query',
      '--nosignature',
      '--package',
      '--queryformat',
      `%{NAME}\\t${VERSION}\\t[%{REQUIRENAME} ]\\n`,
      ...files,
    ],
    effect: 'read',
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line, index) => {
      const [name = '', version = '', requires = ''] = line.split('\t');
      return [name, { name, version, file: files[index] ?? '', requires: requires.trim().split(' ') }];
    }),
  );
}

/** Name → version of the RPMs that the system at `root` has; `/` is this one. */
export async function installedRpms(machine: Machine, root: string): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await machine.exec({
    file: 'rpm',
    args: ['--root', root, '--query', '--all', '--queryformat', `%{NAME}\\t${VERSION}\\n`],
    effect: 'read',
  });
  return new Map(
    stdout.split('\n').map((line) => {
      const [name = '', version = ''] = line.split('\t');
      return [name, version] as const;
    }),
  );
}

/** Names of the Debian packages that the system at `root` has. */
export async function debianPackages(machine: Machine, root: string): Promise<ReadonlySet<string>> {
  const status = (await machine.readFile(`${root.replace(/\/$/, '')}/var/lib/dpkg/status`)) ?? '';
  const names = status.split('\n\n').flatMap((paragraph) => {
    const [, name] = /^Package: (\S+)$/m.exec(paragraph) ?? [];
    return name !== undefined && /^Status: \S+ \S+ installed$/m.test(paragraph) ? [name] : [];
  });
  return new Set(names);
}

/**
 * Wanted packages that the system at `root` lacks and no repository offers, as {@link offeredPackages} found them.
 * Debian's count by their dpkg names.
 */
export async function unmetPackages(
  machine: Machine,
  packages: readonly string[],
  offered: ReadonlyMap<string, Rpm>,
  root: string,
): Promise<readonly string[]> {
  const left = packages.filter((name) => !offered.has(name));
  if (left.length === 0) return [];
  const debian = await debianPackages(machine, root);
  const rpms = await installedRpms(machine, root);
  return left.filter((name) => !debian.has(name) && !rpms.has(name));
}
