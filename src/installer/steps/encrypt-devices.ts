import type { Command } from '../../engine/command.ts';
import type { Machine } from '../../engine/machine.ts';
import type { Step } from '../../engine/step.ts';
import { readFileSystem } from '../../storage/file-system.ts';
import type { Installation } from '../installation.ts';
import type { ModelCrypt, StorageModel } from '../model.ts';

/** What a container lies on; each has its turn between the steps that make these. */
export type CryptLayer = 'partitions' | 'arrays' | 'volumes';

/** Makes LUKS containers on what the step before has made, and opens them. */
export const encryptDevices = (layer: CryptLayer, after: string): Step<Installation> => ({
  id: `encrypt-${layer}`,
  title: `Encrypt ${layer}`,
  after: [after],
  // The key is stretched for a while on purpose, which takes its time under emulation.
  timeoutSeconds: 1800,
  async check(machine, { model }) {
    const crypts = cryptsOn(model, layer);
    for (const crypt of crypts) {
      const why = await difference(machine, crypt);
      if (why !== undefined) return { done: false, why };
    }
    return { done: true, evidence: { containers: crypts.map(({ container }) => container) } };
  },
  async apply(machine, { model }, say) {
    const crypts = cryptsOn(model, layer);
    for (const crypt of crypts) {
      say(`LUKS${crypt.version} on ${crypt.container}`);
      await machine.exec(formatCommand(crypt));
      await machine.exec(openCommand(crypt));
    }
    await machine.exec({ file: 'udevadm', args: ['settle', '--timeout=30'], effect: 'read' });
  },
});

/** The containers that lie on devices of one kind. */
export function cryptsOn(model: StorageModel, layer: CryptLayer): readonly ModelCrypt[] {
  const arrays = model.arrays.map(({ device }) => device);
  const volumes = model.volumeGroups.flatMap((group) => group.volumes.map(({ device }) => device));
  const layerOf = (container: string): CryptLayer =>
    arrays.includes(container) ? 'arrays' : volumes.includes(container) ? 'volumes' : 'partitions';
  return model.crypts.filter(({ container }) => layerOf(container) === layer);
}

/** Milliseconds for one stretching of a key. */
const KEY_TIMEOUT_MS = 600_000;
/** Bits of a key for a cipher in XTS mode, which halves them; as blivet has it. */
const XTS_KEY_BITS = 512;

/** `cryptsetup luksFormat`; the passphrase comes by standard input. */
export function formatCommand({ container, uuid, version, cipher, pbkdf, passphrase }: ModelCrypt): Command {
  const { type, memoryKiB, iterations, timeMs } = pbkdf;
  return {
    file: 'cryptsetup',
    args: [
      ...['luksFormat', '--batch-mode', '--type', `luks${version}`, '--uuid', uuid],
      ...(cipher === undefined ? [] : ['--cipher', cipher]),
      ...(cipher === undefined || cipher.includes('xts') ? ['--key-size', String(XTS_KEY_BITS)] : []),
      ...(type === undefined ? [] : ['--pbkdf', type]),
      ...(memoryKiB === undefined ? [] : ['--pbkdf-memory', String(memoryKiB)]),
      ...(iterations === undefined ? [] : ['--pbkdf-force-iterations', String(iterations)]),
      ...(timeMs === undefined ? [] : ['--iter-time', String(timeMs)]),
      ...['--key-file=-', container],
    ],
    stdin: passphrase,
    effect: 'write',
    timeoutMs: KEY_TIMEOUT_MS,
  };
}

/** `cryptsetup open`; that discards may pass is noted in the header where there is room for it. */
export const openCommand = ({ container, name, version, passphrase }: ModelCrypt): Command => ({
  file: 'cryptsetup',
  args: [
    ...['open', '--type', 'luks', '--allow-discards', ...(version === 2 ? ['--persistent'] : [])],
    ...['--key-file=-', container, name],
  ],
  stdin: passphrase,
  effect: 'write',
  timeoutMs: KEY_TIMEOUT_MS,
});

/** Takes the key of an open container out of the kernel. */
export const closeCommand = ({ name }: ModelCrypt): Command => ({
  file: 'cryptsetup',
  args: ['close', name],
  effect: 'write',
});

/** Where both formats of LUKS keep their version: 16 bits, big-endian. */
const VERSION_AT = 6;

async function difference(machine: Machine, want: ModelCrypt): Promise<string | undefined> {
  const { container, uuid, version, device } = want;
  const have = await readFileSystem(machine, container);
  if (have?.type !== 'crypto_LUKS') return `${container} holds ${have?.type ?? 'nothing'}, not crypto_LUKS`;
  if (have.uuid !== uuid) return `${container} has the UUID ${have.uuid}, not ${uuid}`;
  const bytes = Buffer.from(await machine.readBytes(container, VERSION_AT, 2));
  const found = bytes.length === 2 ? bytes.readUInt16BE(0) : 0;
  if (found !== version) return `${container} is LUKS${found}, not LUKS${version}`;
  if (!(await machine.exists(device))) return `${container} is not open`;
  return undefined;
}
