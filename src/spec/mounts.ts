/** Where volumes are mounted. */
import type { VolumeSpec } from './schema.ts';

/** The mount point of a volume; undefined for what is not mounted. */
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
