/** Which packages make a node able to do what its plan asks of it. Pure. */
import type { HaPlan, NodePlan, Release } from '../../src/plan/types.ts';
import { PLATFORMS, type Platform, type PlatformId } from './platforms.ts';

const PLATFORM_OF: Readonly<Record<Release, PlatformId>> = {
  embedded: 'embedded',
  rhel8: 'el8',
  rhel9: 'el9',
  rhel10: 'el10',
  fedora44: 'fedora',
};

/** The system that a release installs. */
export const platformFor = (release: Release): Platform => PLATFORMS[PLATFORM_OF[release]];

/** Packages of a node's role under the names they have there, sorted; none for a node by itself. */
export function rolePackages(release: Release, { ha }: Pick<NodePlan, 'ha'>): readonly string[] {
  if (ha === undefined) return [];
  const { cluster, replication } = platformFor(release).packages;
  const all = [
    ...cluster,
    ...(ha.replication === undefined ? [] : replication),
    ...fencePackages(platformFor(release), ha.fencing),
  ];
  return [...new Set(all)].toSorted();
}

function fencePackages({ packages }: Platform, fencing: HaPlan['fencing']): readonly string[] {
  switch (fencing.kind) {
    case 'none':
      return [];
    case 'sbd':
      return packages.sbd;
    case 'devices':
      return fencing.devices.flatMap(({ kind }) => packages.fencing[kind]);
  }
}
