/** A mirrored node on other buses than the one the matrix has: started with all disks, and by each of them alone. */
import { assertProven } from '../helpers/prove-run.ts';

const SPEC = 'examples/standalone-raid1.yaml';
/** Each with another way to start, so that all ways meet a bus that is not virtio. */
const BUSES = [
  ['sata', 'boot-matrix/uefi-secure-cd'],
  ['scsi', 'boot-matrix/bios-usb'],
  ['nvme', 'boot-matrix/uefi-usb'],
] as const;

const LIMIT_MS = 60 * 60_000;

for (const [bus, row] of BUSES) {
  it(`starts from disks on ${bus}: ${row}`, async function () {
    this.timeout(LIMIT_MS);
    await assertProven(LIMIT_MS, SPEC, '--bus', bus, '--only', `${row}/disk-*-alone`);
  });
}
