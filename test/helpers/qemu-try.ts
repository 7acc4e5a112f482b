/**
 * One machine by hand, for developers:
 *
 *     node --import tsx test/helpers/qemu-try.ts --iso dist/x.iso --disks 2x8G --firmware bios --press 1 \
 *       --until 'slipway: installed' [--usb] [--dir DIR] [--bus virtio] [--timeout 300] [--type TEXT]
 *
 * Disks and UEFI variables stay in DIR, so a second call without `--iso` boots what was installed; `--only 2` attaches
 * the second disk alone.
 */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createExec } from '../../src/host/exec.ts';
import { accelerate } from '../../src/lab/accelerate.ts';
import { createDisk } from '../../src/lab/disks.ts';
import { qemuEngine } from '../../src/lab/qemu.ts';
import { choose, oneOf } from './qemu.ts';

const { values } = parseArgs({
  options: {
    iso: { type: 'string' },
    usb: { type: 'boolean', default: false },
    disks: { type: 'string', default: '1x8G' },
    only: { type: 'string' },
    bus: { type: 'string', default: 'virtio' },
    firmware: { type: 'string', default: 'bios' },
    press: { type: 'string' },
    type: { type: 'string' },
    until: { type: 'string' },
    memory: { type: 'string', default: '1024' },
    screen: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '300' },
    dir: { type: 'string', default: join(tmpdir(), 'slipway-try') },
  },
});

const dir = resolve(values.dir);
await mkdir(dir, { recursive: true });
const size = /^(\d+)x(\d+)([MG])$/.exec(values.disks);
if (size === null) throw new Error('--disks wants, for example, 2x8G');
const bytes = Number(size[2]) * (size[3] === 'G' ? 1024 ** 3 : 1024 ** 2);
const disks = Array.from({ length: Number(size[1]) }, (_, i) => ({
  file: join(dir, `disk${i + 1}.raw`),
  bus: oneOf(['virtio', 'sata', 'scsi', 'nvme'], values.bus),
  serial: `DISK${i + 1}`,
}));
for (const { file } of disks) if (!existsSync(file)) await createDisk(file, bytes);

const acceleration = await accelerate(createExec());
const started = Date.now();
const seconds = (): string => ((Date.now() - started) / 1000).toFixed(1).padStart(6);
const machine = await qemuEngine({
  acceleration,
  watch: (_, line) => console.log(`${seconds()} ${line}`),
}).start({
  name: 'try',
  memoryMiB: Number(values.memory),
  cpus: 2,
  firmware: oneOf(['bios', 'uefi', 'uefi-secure'], values.firmware),
  disks: disks.filter((_, i) => values.only === undefined || String(i + 1) === values.only),
  ...(values.iso === undefined
    ? {}
    : { medium: { kind: values.usb ? ('usb' as const) : ('cd' as const), file: resolve(values.iso) } }),
  nics: [{ mac: '52:54:00:12:34:56' }],
  consoleLog: join(dir, 'console.log'),
  efiVars: join(dir, 'efivars.fd'),
  onReboot: 'end',
  screen: values.screen,
});
const timeoutMs = Number(values.timeout) * 1000;
try {
  if (values.press !== undefined) await choose(machine, values.press);
  if (values.type !== undefined) machine.type(`${values.type}\r`);
  if (values.until === undefined) await machine.waitForPowerOff(timeoutMs);
  else await machine.waitForLine(new RegExp(values.until), timeoutMs);
  console.log(`${seconds()} done (${acceleration})`);
} finally {
  if (values.screen) await machine.screenshot(join(dir, 'screen.ppm')).catch(() => undefined);
  await machine.end();
}
