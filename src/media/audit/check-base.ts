/** What must not change between a vendor's medium and the one made from it. */

import type { LoaderProgram } from './check-loaders.ts';
import { collector } from './check-structure.ts';
import { BOOT_PATHS, type BootPath, type Finding } from './types.ts';

export interface BootParts {
  readonly paths: readonly BootPath[];
  readonly programs: readonly LoaderProgram[];
}

/** Every way to boot is still there, and every loader is the vendor's, signatures included. */
export function checkAgainstBase(own: BootParts, base: BootParts): readonly Finding[] {
  const { findings, fail } = collector('base');
  for (const { id } of base.paths) {
    if (!own.paths.some((path) => path.id === id))
      fail(BOOT_PATHS[id], 'the base boots this way, this medium does not');
  }
  for (const { path, place } of base.programs) {
    if (!own.programs.some((mine) => mine.path === path))
      fail(place, 'the base has this loader, this medium does not');
  }
  for (const mine of own.programs) {
    const theirs = base.programs.filter(({ path }) => path === mine.path);
    const [first] = theirs;
    if (first === undefined || theirs.some(({ bytes }) => same(bytes, mine.bytes))) continue;
    const [before, after] = [first, mine].map(({ signatures }) => signatures?.digest.slice(0, 16) ?? 'none');
    const what =
      before === after
        ? 'its signatures are not those of the base'
        : `it is not the loader of the base: Authenticode digest ${after}…, there ${before}…`;
    fail(mine.place, what, 'loaders are signed: take them as they are');
  }
  return findings;
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
