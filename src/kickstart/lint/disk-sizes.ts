/** `--disks 2x500G,1T`: how large the machine's disks are. */

const UNITS: Readonly<Record<string, number>> = {
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};
const DISKS = /^(?:(\d{1,3})x)?(\d+(?:\.\d+)?)([KMGT]i?)B?$/;
const MIB = 2 ** 20;

/** Sizes in MiB, one a disk; undefined when the text is no list of sizes. */
export function parseDiskSizes(text: string): readonly number[] | undefined {
  const sizes: number[] = [];
  for (const part of text.split(',')) {
    const match = DISKS.exec(part.trim());
    const unit = UNITS[match?.[3] ?? ''];
    if (match === null || unit === undefined) return undefined;
    const count = Number(match[1] ?? 1);
    for (let i = 0; i < count; i++) sizes.push((Number(match[2]) * unit) / MIB);
  }
  return sizes.length === 0 ? undefined : sizes;
}
