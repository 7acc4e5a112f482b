import { CommandError } from '../../engine/command.ts';
import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { fetchImage, withoutPassword } from '../fetch-image.ts';
import { imageListing, readListing, treeListing } from '../image-listing.ts';
import { type Installation, TARGET } from '../installation.ts';
import { type ImageSource, localPath } from '../system-config-payload.ts';

/** Where an image from a server lies while it is unpacked. */
const DOWNLOAD = `${TARGET}/.slipway-image`;

/** Unpacks the image onto the target: the medium's own, or one from a server. */
export const unpackImage = (): Step<Installation> => {
  // What the image holds, as it was read while it was unpacked: the payload is not read twice. In memory only: an
  // installation that starts again reads the medium's own image, and fetches one from a server again.
  let unpacked: readonly string[] | undefined;
  return {
    id: 'unpack-image',
    title: 'Unpack the image',
    after: ['run-pre-install-scripts'],
    timeoutSeconds: 3600,
    async check(machine, { config: { payload } }) {
      const local = localPath(payload.image.url);
      // The whole comparison takes seconds; an empty target shows at once.
      const empty = !(await machine.exists(`${TARGET}/etc`));
      if (empty) return { done: false, why: 'the image is not unpacked' };
      const want = unpacked ?? (local === undefined ? undefined : await imageListing(machine, local));
      if (want === undefined) return { done: false, why: 'the image is not unpacked' };
      if (want.length === 0) return { done: false, why: 'the image lists no file' };
      const have = new Set(await treeListing(machine));
      // Mount points exist before and keep the mode of what is mounted there, so folders are compared by name only.
      const missing = want.filter((entry) => !have.has(entry));
      const first = missing[0];
      if (first === undefined) return { done: true, evidence: { files: want.length } };
      return {
        done: false,
        why: `${missing.length} of ${want.length} files are not there, such as ${first.slice(first.indexOf('/') + 1)}`,
      };
    },
    async apply(machine, { config: { payload } }, say) {
      const { image } = payload;
      const local = localPath(image.url);
      if (local !== undefined) {
        unpacked = await unpack(machine, image, local);
        return;
      }
      say(`fetching ${withoutPassword(image.url)}`);
      await machine.exec({ file: 'rm', args: ['--force', DOWNLOAD], effect: 'write' });
      try {
        await fetchImage(machine, image, DOWNLOAD);
        unpacked = await unpack(machine, image, DOWNLOAD);
      } finally {
        await machine.exec({ file: 'rm', args: ['--force', DOWNLOAD], effect: 'write' });
      }
    },
  };
};

/** Unpacks and returns what the image holds. */
async function unpack(machine: Machine, image: ImageSource, file: string): Promise<readonly string[]> {
  await verify(machine, image, file);
  try {
    const { stdout } = await machine.exec({
      file: 'unsquashfs',
      args: ['-force', '-no-progress', '-quiet', '-linfo', '-dest', TARGET, file],
      effect: 'write',
      timeoutMs: 1_800_000,
    });
    return readListing(stdout);
  } catch (error) {
    if (!(error instanceof CommandError) || !/No space left on device/i.test(error.stderr)) throw error;
    throw new StepFailure(
      'config-invalid',
      `the image does not fit on the disks: ${error.stderr.trim().split('\n').at(-1)}`,
      'make / larger, or the file system that is named above',
    );
  }
}

/** The first four bytes of a squashfs. */
const SQUASHFS = 'hsqs';

async function verify(machine: Machine, { checksum, url }: ImageSource, file: string): Promise<void> {
  const magic = Buffer.from(await machine.readBytes(file, 0, SQUASHFS.length)).toString('latin1');
  const shown = localPath(url) ?? withoutPassword(url);
  if (checksum !== undefined) {
    const { stdout } = await machine.exec({
      file: 'sha256sum',
      args: [file],
      effect: 'read',
      timeoutMs: 600_000,
    });
    const found = stdout.split(' ')[0] ?? '';
    if (found !== checksum) {
      throw new StepFailure(
        'config-invalid',
        `${shown} has the checksum ${found}, the kickstart says ${checksum}`,
        'the image is damaged, or not the one the kickstart was made for: write the medium anew, or correct --checksum',
      );
    }
  }
  if (magic === SQUASHFS) return;
  throw new StepFailure('config-invalid', `${shown} is no squashfs image`, 'name one with liveimg --url=');
}
