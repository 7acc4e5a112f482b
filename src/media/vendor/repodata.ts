/** The metadata of the repositories on a vendor's medium, copied out so that packages can be compared with them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Cache } from '../../host/cache.ts';
import { type Medium, readMediumFile } from '../image/medium.ts';
import { vendorIdentityHash } from './check.ts';

const REPOMD = /(?:^|\/)repodata\/repomd\.xml$/;

/** Folders that hold a `repodata` each; they lie in the cache, by the medium's identity. */
export async function vendorRepodata(medium: Medium, cache: Cache): Promise<readonly string[]> {
  const paths = [...medium.tree.entries.keys()];
  const roots = paths.filter((path) => REPOMD.test(path)).map((path) => path.replace(REPOMD, ''));
  const identity = await vendorIdentityHash(medium.image.path, medium.volume, cache);
  const { dir } = await cache.obtain('vendor-repodata', identity.replace(':', '-'), async (entry) => {
    for (const path of paths.filter((each) => /(?:^|\/)repodata\/[^/]+$/.test(each))) {
      const content = await readMediumFile(medium, path);
      if (content === undefined) continue;
      await mkdir(dirname(join(entry, path)), { recursive: true });
      await writeFile(join(entry, path), content);
    }
  });
  return roots.map((root) => join(dir, root));
}
