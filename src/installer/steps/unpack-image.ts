import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { type Installation, TARGET } from '../installation.ts';

/** Unpacks the medium's image onto the target. */
export const unpackImage: Step<Installation> = {
  id: 'unpack-image',
  title: 'Unpack the image',
  after: ['mount-target'],
  timeoutSeconds: 1800,
  async check(machine, { config }) {
    // The whole comparison takes seconds; an empty target shows at once.
    if (!(await machine.exists(`${TARGET}/etc`))) return { done: false, why: 'the target is empty' };
    const want = await imageListing(machine, imagePath(config.image));
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
  async apply(machine, { config }) {
    const image = imagePath(config.image);
    if (config.imageChecksum !== undefined) await verify(machine, image, config.imageChecksum);
    await machine.exec({
      file: 'unsquashfs',
      args: ['-force', '-no-progress', '-quiet', '-dest', TARGET, image],
      effect: 'write',
      timeoutMs: 1_800_000,
    });
  },
};

async function verify(machine: Machine, image: string, checksum: string): Promise<void> {
  const { stdout } = await machine.exec({
    file: 'sha256sum',
    args: [image],
    effect: 'read',
    timeoutMs: 600_000,
  });
  const [found] = stdout.split(' ');
  if (found === checksum) return;
  throw new StepFailure(
    'config-invalid',
    `${image} has the checksum ${found}, the kickstart says ${checksum}`,
    'the medium is damaged or not the one the kickstart was made for: write it anew',
  );
}

function imagePath(url: string | undefined): string {
  if (url?.startsWith('file://') === true) return url.slice('file://'.length);
  throw new StepFailure('config-invalid', 'the kickstart names no image on the medium');
}

/** Folders whose content is not the image's: the kernel's file systems are bound there. */
const BOUND = ['dev', 'proc', 'sys', 'run'];

/** One line an entry, comparable with {@link treeListing}'s: permissions and size of files, target of links. */
async function imageListing(machine: Machine, image: string): Promise<readonly string[]> {
  const { stdout } = await machine.exec({
    file: 'unsquashfs',
    args: ['-lls', '-dest', '', image],
    effect: 'read',
  });
  return stdout.split('\n').flatMap((line) => {
    // -rw-r--r-- root/root   3 2023-11-14 22:13 /etc/debian_version
    const [, mode = '', size = '', path = ''] =
      /^([-dl][\w-]{9})\s+\S+\s+(\d+)\s+\S+ \S+ \/?(.+)$/.exec(line) ?? [];
    if (path === '' || BOUND.includes(path.split('/')[0] ?? '')) return [];
    const [name = '', target = ''] = path.split(' -> ');
    return [entry(mode, size, name, target)];
  });
}

async function treeListing(machine: Machine): Promise<readonly string[]> {
  const prune = BOUND.flatMap((name) => ['-path', `${TARGET}/${name}`, '-prune', '-o']);
  const { stdout } = await machine.exec({
    file: 'find',
    args: [TARGET, ...prune, '-printf', '%M\\t%s\\t%P\\t%l\\n'],
    effect: 'read',
  });
  return stdout.split('\n').map((line) => {
    const [mode = '', size = '', path = '', target = ''] = line.split('\t');
    return entry(mode, size, path, target);
  });
}

function entry(mode: string, size: string, path: string, target: string): string {
  if (mode.startsWith('d')) return `folder /${path}`;
  return mode.startsWith('l') ? `link ${target} /${path}` : `${mode} ${size} /${path}`;
}
