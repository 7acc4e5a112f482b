/** The ISO's volume id, by which boot loaders and kernels find their own medium. */
import type { ClusterSpec } from './schema.ts';

/** ISO 9660 (ECMA-119, 8.4.7) gives it 32 characters. */
export const VOLUME_ID_LENGTH = 32;

/** The id the spec names, else the cluster's name in its alphabet: `ha-pair` → `HA_PAIR`. */
export function volumeIdOf(spec: Pick<ClusterSpec, 'cluster' | 'media'>): string {
  return spec.media.volumeId ?? spec.cluster.toUpperCase().replaceAll('-', '_');
}
