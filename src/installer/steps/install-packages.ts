import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { type Installation, TARGET } from '../installation.ts';

interface Rpm {
  readonly name: string;
  /** `1.2.3-4` */
  readonly version: string;
  readonly file: string;
  readonly requires: readonly string[];
}

/** Installs the packages of the kickstart's `%packages` from its repositories, with what they require from there. */
export const installPackages: Step<Installation> = {
  id: 'install-packages',
  title: 'Install the packages',
  after: ['write-configuration'],
  async check(machine, installation) {
    const missing = await missingPackages(machine, installation);
    const first = missing[0];
    if (first !== undefined) return { done: false, why: `${first.name} ${first.version} is not installed` };
    return { done: true, evidence: { packages: installation.config.packages } };
  },
  async apply(machine, installation, say) {
    const missing = await missingPackages(machine, installation);
    for (const { name, version } of missing) say(`${name} ${version}`);
    await machine.exec({
      file: 'rpm',
      args: [
        '--root',
        TARGET,
        '--upgrade',
        // Debian's rpm warns that its packages are not dpkg's; on this system they are meant to be there.
        '--force-debian',
        '--nosignature',
        ...missing.map(({ file }) => file),
      ],
      effect: 'write',
    });
  },
};

async function missingPackages(machine: Machine, { config }: Installation): Promise<readonly Rpm[]> {
  const offered = await offers(machine, config.repositories);
  const unmet = config.packages.filter((name) => !offered.has(name));
  if (unmet.length > 0 && !config.ignoreMissingPackages) {
    throw new StepFailure(
      'config-invalid',
      `no repository on the medium has ${unmet.join(', ')}`,
      'remove it from %packages, or say %packages --ignoremissing',
    );
  }
  const wanted = withRequirements(
    config.packages.filter((name) => offered.has(name)),
    offered,
  );
  const installed = await installedVersions(machine);
  return wanted.filter(({ name, version }) => installed.get(name) !== version);
}

/** Adds what the packages require as far as the repositories offer it; the image has the rest. */
function withRequirements(names: readonly string[], offered: ReadonlyMap<string, Rpm>): readonly Rpm[] {
  const wanted = new Map<string, Rpm>();
  const add = (name: string): void => {
    const rpm = offered.get(name);
    if (rpm === undefined || wanted.has(name)) return;
    wanted.set(name, rpm);
    rpm.requires.forEach(add);
  };
  names.forEach(add);
  return [...wanted.values()];
}

const VERSION = '%{VERSION}-%{RELEASE}';

async function offers(machine: Machine, repositories: readonly string[]): Promise<ReadonlyMap<string, Rpm>> {
  const files: string[] = [];
  for (const folder of repositories) {
    const { stdout } = await machine.exec({ file: 'find', args: [folder, '-name', '*.rpm'], effect: 'read' });
    files.push(...stdout.split('\n').filter((line) => line !== ''));
  }
  if (files.length === 0) return new Map();
  const { stdout } = await machine.exec({
    file: 'rpm',
    args: [
      '--query',
      '--nosignature',
      '--package',
      '--queryformat',
      `%{NAME}\\t${VERSION}\\t[%{REQUIRENAME} ]\\n`,
      ...files,
    ],
    effect: 'read',
  });
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line, index) => {
      const [name = '', version = '', requires = ''] = line.split('\t');
      return [name, { name, version, file: files[index] ?? '', requires: requires.trim().split(' ') }];
    }),
  );
}

async function installedVersions(machine: Machine): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await machine.exec({
    file: 'rpm',
    args: ['--root', TARGET, '--query', '--all', '--queryformat', `%{NAME}\\t${VERSION}\\n`],
    effect: 'read',
  });
  return new Map(
    stdout.split('\n').map((line) => {
      const [name = '', version = ''] = line.split('\t');
      return [name, version] as const;
    }),
  );
}
