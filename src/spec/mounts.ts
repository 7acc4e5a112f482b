/** Where volumes are mounted. */
import type { VolumeSpec } from './schema.ts';

/** The mount point of a volume; undefined for what the node itself does not mount. */
export function mountPointOf(volume: Pick<VolumeSpec, 'role' | 'mount'>): string | undefined {
  switch (volume.role) {
    case 'esp':
      return '/boot/efi';
    case 'boot':
      return '/boot';
    case 'root':
      return '/';
    case 'data':
      return volume.mount ?? '/srv';
    case 'swap':
    case 'clustered':
      return undefined;
  }
}

/** Where a replicated volume is mounted, on the node that the service runs on. */
export function clusteredMount({ mount }: Pick<VolumeSpec, 'mount'>): string {
  return mount ?? '/srv/cluster';
}
