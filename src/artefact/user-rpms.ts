/** The packages that the user brings along for the repository on the medium. */
import { basename } from 'node:path';
import { CommandError, type Exec } from '../engine/command.ts';
import { fileProblem, InputError, type Problem } from '../errors/problem.ts';
import { hashFile } from '../host/hash.ts';

export interface UserRpm {
  readonly name: string;
  readonly file: string;
  /** SHA-256 of the file. */
  readonly id: string;
}

/** What runs on the target. */
const ARCHES = ['noarch', 'x86_64'];

/**
 * Looks into each package file.
 * @throws {InputError} naming every file that is no package, is for another architecture, or bears another's name.
 */
export async function readUserRpms(files: readonly string[], exec: Exec): Promise<readonly UserRpm[]> {
  const read = await Promise.all(files.map((file) => readRpm(file, exec)));
  const problems = read.flatMap((each) => ('rule' in each ? [each] : []));
  const rpms = read.flatMap((each) => ('rule' in each ? [] : [each]));
  const all = [...problems, ...sameNames(rpms)];
  if (all.length > 0) throw new InputError(all);
  return rpms;
}

async function readRpm(file: string, exec: Exec): Promise<UserRpm | Problem> {
  const query = {
    file: 'rpm',
    args: ['--query', '--nosignature', '--package', '--queryformat', '%{NAME} %{ARCH}', '--', file],
    effect: 'read',
  } as const;
  try {
    const [name = '', arch = ''] = (await exec(query)).stdout.split(' ');
    if (!ARCHES.includes(arch)) {
      return fileProblem(
        file,
        'rpm-arch',
        `the package is for ${arch}, the nodes are x86_64`,
        'leave it out',
      );
    }
    return { name, file, id: await hashFile(file) };
  } catch (error) {
    if (!(error instanceof CommandError) || error.reason !== 'exit') throw error;
    return fileProblem(file, 'no-rpm', 'this is not an RPM', 'build or download it again');
  }
}

/** Files of one name cannot lie in one folder; the same file twice can be there once. */
function sameNames(rpms: readonly UserRpm[]): readonly Problem[] {
  return rpms.flatMap((rpm, i) => {
    const first = rpms.slice(0, i).find((other) => basename(other.file) === basename(rpm.file));
    if (first === undefined || first.id === rpm.id) return [];
    return [
      fileProblem(
        rpm.file,
        'duplicate-rpm',
        `another package of this file name, with other content, is ${first.file}`,
        'build one of them with a release of its own',
      ),
    ];
  });
}
