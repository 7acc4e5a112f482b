import { InputError } from '../errors/problem.ts';
import { checkSpecText, type LoadedSpec } from '../spec/load.ts';
import { suggest } from '../spec/suggest.ts';
import { problemOf } from '../spec/yaml-file.ts';

/**
 * Makes sure that the embedded installer will find every package of the spec: as an RPM on the medium or in the image.
 * It would stop on the target otherwise, where nobody can mend it.
 * @throws {InputError} naming each one that is nowhere.
 */
export function requireOffered({ spec, source, file }: LoadedSpec, offered: readonly string[]): void {
  const { yaml } = checkSpecText(source, file);
  const problems = spec.packages.flatMap((name, i) => {
    if (offered.includes(name)) return [];
    const similar = suggest(name, offered);
    const elsewhere = 'bring it along with media.rpms, or a Debian package with base.packages';
    return [
      problemOf(yaml, {
        path: ['packages', i],
        rule: 'unknown-package',
        message: `neither the embedded base nor the medium has a package '${name}'`,
        hint: similar === undefined ? elsewhere : `did you mean '${similar}'? If not, ${elsewhere}`,
      }),
    ];
  });
  if (problems.length > 0) throw new InputError(problems, new Map([[file, source]]));
}
