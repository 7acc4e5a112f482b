/** Whether the packages of a repository have all they require: what `dnf repoclosure` asks, without dnf. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '../engine/command.ts';
import { withTempDir } from '../host/atomic.ts';
import { filesAmong, type PackageFacts, placeOf, readPrimary } from './repository-metadata.ts';
import { type Dependency, dependencyText, isMet } from './rpm-dependency.ts';

/** A requirement that nothing meets. */
export interface Unmet {
  /** The package that requires it, relative to the repository. */
  readonly file: string;
  /** As written in the package: `libfoo.so.1()(64bit)`, `bar >= 2`. */
  readonly requirement: string;
}

/**
 * What the packages of `repository` require and neither it nor one of the `others` offers. All are folders that hold
 * a `repodata`. As with dnf, `rpmlib(…)` is rpm's own, a requirement is met by any provider of a fitting version, and
 * whether all of them could be installed together is not asked.
 */
export async function unmetRequirements(
  repository: string,
  others: readonly string[],
  exec: Exec,
): Promise<readonly Unmet[]> {
  return withTempDir(async (dir) => {
    const own = [...readPrimary(await metadata(repository, 'primary', dir, exec))];
    const wanted = new Set(own.flatMap(({ requires }) => requires.flatMap(({ name }) => namesIn(name))));
    const offers = new Map<string, Dependency[]>();
    const add = (dependency: Dependency): void => {
      if (!wanted.has(dependency.name)) return;
      const others = offers.get(dependency.name);
      if (others === undefined) offers.set(dependency.name, [dependency]);
      else others.push(dependency);
    };
    const addAll = (packages: Iterable<PackageFacts>): void => {
      for (const { provides, files } of packages) [...provides, ...files.map(named)].forEach(add);
    };
    addAll(own);
    for (const other of others) addAll(readPrimary(await metadata(other, 'primary', dir, exec)));
    const files = new Set([...wanted].filter((name) => name.startsWith('/') && !offers.has(name)));
    if (files.size > 0) {
      for (const each of [repository, ...others]) {
        filesAmong(await metadata(each, 'filelists', dir, exec), files)
          .map(named)
          .forEach(add);
      }
    }
    return collect(own, (requirement) => isMet(requirement, offers));
  });
}

const named = (name: string): Dependency => ({ name });

/** A rich requirement names several; what is no name in it is offered by nobody and does no harm. */
const namesIn = (name: string): readonly string[] =>
  name.startsWith('(') ? (name.match(/(?:[^\s()]|\([^\s()]*\))+/g) ?? []) : [name];

function collect(
  packages: readonly PackageFacts[],
  met: (requirement: Dependency) => boolean,
): readonly Unmet[] {
  return packages.flatMap(({ file, requires }) => {
    const unmet = requires.filter(({ name }) => !name.startsWith('rpmlib(')).filter((each) => !met(each));
    return [...new Set(unmet.map(dependencyText))].sort().map((requirement) => ({ file, requirement }));
  });
}

const UNPACK: Readonly<Record<string, readonly string[]>> = {
  gz: ['gzip', '-dcf'],
  xz: ['xz', '-dc'],
  zst: ['zstd', '-dcq'],
  bz2: ['bzip2', '-dc'],
};

/** The text of one kind of metadata; empty where a repository has none of it. */
async function metadata(
  repository: string,
  type: 'primary' | 'filelists',
  dir: string,
  exec: Exec,
): Promise<string> {
  const place = placeOf(await readFile(join(repository, 'repodata', 'repomd.xml'), 'utf8'), type);
  if (place === undefined) return '';
  const file = join(repository, place);
  const unpack = UNPACK[/[^.]*$/.exec(place)?.[0] ?? ''];
  if (unpack === undefined) return readFile(file, 'utf8');
  const out = join(dir, `${type}.xml`);
  // Straight into a file: a vendor's list has a million lines, and an Exec looks at each.
  await exec({
    file: 'sh',
    args: ['-c', 'out=$1; shift; exec "$@" >"$out"', 'sh', out, ...unpack, file],
    effect: 'read',
  });
  return readFile(out, 'utf8');
}
