/**
 * The checksum that install media carry inside themselves, for `rd.live.check` and `checkisomd5`: MD5 over the volume,
 * written into the application use area of its descriptor (isomd5sum, libimplantisomd5.c and utilities.c).
 */
import { open } from 'node:fs/promises';
import { checksumAside, DEFAULT_SHAPE, type MediaChecksum } from './image/checksum.ts';
import { withImage } from './image/source.ts';
import { APPLICATION_USE, ISO_BLOCK, readVolume } from './image/volume.ts';

/** Implants what implantisomd5 would, byte for byte. @throws {InputError} when the file is no ISO. */
export async function implantChecksum(iso: string): Promise<void> {
  const volume = await withImage(iso, readVolume);
  const content = applicationUse(await checksumAside(iso, volume));
  const handle = await open(iso, 'r+');
  try {
    await handle.write(
      content,
      0,
      content.length,
      volume.descriptorBlock * ISO_BLOCK + APPLICATION_USE.offset,
    );
  } finally {
    await handle.close();
  }
}

function applicationUse({ md5, fragmentSums }: MediaChecksum): Buffer {
  const text = [
    `ISO MD5SUM = ${md5}`,
    `SKIPSECTORS = ${DEFAULT_SHAPE.skipBlocks}`,
    'RHLISOSTATUS=0',
    `FRAGMENT SUMS = ${fragmentSums}`,
    `FRAGMENT COUNT = ${DEFAULT_SHAPE.fragmentCount}`,
    'THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!',
  ].join(';');
  return Buffer.from(text.padEnd(APPLICATION_USE.bytes), 'latin1');
}
