/** EFI images of a vendor's medium with our menu in them: FAT file systems edited by mtools, without a mount. */
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Command, CommandError, type Exec } from '../../engine/command.ts';
import { FailedError } from '../../errors/exit.ts';
import { ESP_MARKER } from '../grub-config.ts';
import type { ImageSource } from '../image/source.ts';
import type { ChangedFatImage } from './plan.ts';

/** A file of this machine, and where it goes in the image. */
export interface FatCopy {
  readonly source: string;
  /** Without a leading slash. */
  readonly path: string;
}

/**
 * Copies the image out of the medium into `dir` and puts the changed configurations into the copy; answers its path.
 * Loaders in it stay as they are, where they are.
 * @throws {FailedError} when the image has no room for the menu.
 */
export async function editFatImage(
  changed: ChangedFatImage,
  source: ImageSource,
  dir: string,
  { exec, sourceDateEpoch }: { readonly exec: Exec; readonly sourceDateEpoch: number },
): Promise<string> {
  const { offset, bytes } = changed.image;
  const image = join(dir, 'efi.img');
  await writeFile(image, await source.read(offset, bytes));
  const marker = join(dir, basename(ESP_MARKER));
  await writeFile(marker, '');
  const configs = changed.configs.map(async ({ path, after }, i): Promise<FatCopy> => {
    const config = join(dir, `${i}.cfg`);
    await writeFile(config, after, 'latin1');
    return { source: config, path };
  });
  for (const copy of [...(await Promise.all(configs)), { source: marker, path: ESP_MARKER }]) {
    await runMtools(exec, fatCopyCommand(image, copy, sourceDateEpoch));
  }
  return image;
}

/** The call of mcopy that replaces a file in an image; mtools stamps with SOURCE_DATE_EPOCH, FAT keeps local time. */
export const fatCopyCommand = (
  image: string,
  { source, path }: FatCopy,
  sourceDateEpoch: number,
): Command => ({
  file: 'mcopy',
  effect: 'write',
  args: ['-o', '-i', image, source, `::/${path}`],
  env: { SOURCE_DATE_EPOCH: String(sourceDateEpoch), TZ: 'UTC' },
});

async function runMtools(exec: Exec, command: Command): Promise<void> {
  try {
    await exec(command);
  } catch (error) {
    if (!(error instanceof CommandError) || !/disk full/i.test(error.stderr)) throw error;
    throw new FailedError(
      "the medium's EFI image has no room for the boot menu of so many nodes",
      undefined,
      {
        cause: error,
      },
    );
  }
}
