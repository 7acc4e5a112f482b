import { StepFailure } from '../../engine/failure.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { type Installation, TARGET } from '../installation.ts';
import { installedRpms, offeredPackages, type Rpm, unmetPackages } from '../packages.ts';

/** Installs the packages of the kickstart's `%packages` from its repositories, with what they require from there. */
export const installPackages = (): Step<Installation> => {
  // The repositories lie on the medium, which does not change under the installation: they are read once.
  let known: Promise<ReadonlyMap<string, Rpm>> | undefined;
  const offer = (
    machine: Machine,
    { config: { payload } }: Installation,
  ): Promise<ReadonlyMap<string, Rpm>> => {
    known ??= offeredPackages(machine, payload.packages.length === 0 ? [] : payload.repositories);
    return known;
  };
  return {
    id: 'install-packages',
    title: 'Install the packages',
    after: ['write-configuration'],
    async check(machine, installation) {
      const { packages, ignoreMissingPackages } = installation.config.payload;
      const offered = await offer(machine, installation);
      const unmet = await unmetPackages(machine, packages, offered, TARGET);
      if (unmet.length > 0 && !ignoreMissingPackages) {
        throw new StepFailure(
          'config-invalid',
          `neither the image nor a repository on the medium has ${unmet.join(', ')}`,
          'remove it from %packages, or say %packages --ignoremissing',
        );
      }
      const [first] = await missingPackages(machine, packages, offered);
      if (first !== undefined) return { done: false, why: `${first.name} ${first.version} is not installed` };
      return { done: true, evidence: { packages, unmet } };
    },
    async apply(machine, installation, say) {
      const { packages } = installation.config.payload;
      const missing = await missingPackages(machine, packages, await offer(machine, installation));
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
};

/** Packages of the repositories that are wanted and not there in the version offered. */
async function missingPackages(
  machine: Machine,
  packages: readonly string[],
  offered: ReadonlyMap<string, Rpm>,
): Promise<readonly Rpm[]> {
  const wanted = withRequirements(
    packages.filter((name) => offered.has(name)),
    offered,
  );
  if (wanted.length === 0) return [];
  const installed = await installedRpms(machine, TARGET);
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
