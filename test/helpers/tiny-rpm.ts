import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Exec } from '../../src/engine/command.ts';

export interface TinyRpm {
  readonly name: string;
  readonly version?: string;
  readonly arch?: string;
  readonly requires?: readonly string[];
  readonly provides?: readonly string[];
  /** Paths of empty files. */
  readonly files?: readonly string[];
}

/** Builds a package with nothing in it but what is asked for; answers the file. */
export async function tinyRpm(dir: string, exec: Exec, rpm: TinyRpm): Promise<string> {
  const { name, version = '1', arch = 'noarch', requires = [], provides = [], files = [] } = rpm;
  await mkdir(dir, { recursive: true });
  const spec = join(dir, `${name}.spec`);
  await writeFile(
    spec,
    `Name: ${name}
Version: ${version}
Release: 1
Summary: A test
License: MIT
${arch === 'noarch' ? 'BuildArch: noarch' : ''}
AutoReqProv: no
${requires.map((each) => `Requires: ${each}\n`).join('')}${provides.map((each) => `Provides: ${each}\n`).join('')}
%description
A test.
%install
${files.map((path) => `install -D /dev/null %{buildroot}${path}\n`).join('')}
%files
${files.join('\n')}
`,
  );
  await exec({
    file: 'rpmbuild',
    args: [
      '-bb',
      '--quiet',
      '--target',
      arch,
      '--define',
      `_topdir ${dir}/top`,
      '--define',
      `_rpmdir ${dir}`,
      spec,
    ],
    effect: 'write',
  });
  return join(dir, arch, `${name}-${version}-1.${arch}.rpm`);
}
