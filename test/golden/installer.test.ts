/** What the renderer writes and what the embedded installer makes of it are one thing. */
import assert from 'node:assert/strict';
import { buildModel } from '../../src/installer/build-model.ts';
import type { TargetDisk } from '../../src/installer/model.ts';
import { readSystemConfig } from '../../src/installer/system-config.ts';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import type { NodePlan } from '../../src/plan/types.ts';
import { goldenNames, goldenPlan, render, withIncluded } from '../helpers/rendered.ts';

describe('the embedded installer', () => {
  // A spec has no place for a passphrase yet, and the installer asks nobody for one.
  for (const name of goldenNames().filter((one) => one !== 'luks-root')) {
    it(`makes the partitions and arrays of the plan: ${name}`, () => {
      for (const node of goldenPlan(name).nodes) {
        const text = withIncluded(render(node), name, node.name);
        const { document } = parseKickstart(text, `${node.name}.ks`, 'embedded');
        const commands = document.items.filter((item) => item.kind === 'command');
        const { model, problems } = buildModel(commands, diskFinder(node));
        assert.deepEqual([...problems, ...readSystemConfig(document).problems], []);
        const planned = node.layout.partitions.map(({ gptName, typeGuid }) => ({ gptName, typeGuid }));
        assert.equal(model.disks.length, node.layout.diskCount);
        for (const disk of model.disks) {
          const made = disk.partitions.map(({ gptName, typeGuid }) => ({ gptName, typeGuid }));
          assert.deepEqual(made, planned);
        }
        assert.deepEqual(
          model.arrays.map((array) => [array.name, array.metadata, array.spares]),
          node.layout.arrays.map((array) => [array.name, array.metadata, node.layout.spares]),
        );
        const clustered = node.layout.volumes.filter(({ role }) => role === 'clustered');
        assert.equal(model.unformatted.length, clustered.length);
      }
    });
  }
});

/** Gives every name a disk of its own, as large as the layout needs. */
function diskFinder({ layout }: NodePlan): (name: string) => TargetDisk {
  const disks = new Map<string, TargetDisk>();
  return (name) => {
    const letter = String.fromCharCode('a'.charCodeAt(0) + disks.size);
    const fresh = { name: `vd${letter}`, sizeBytes: layout.minimumDiskMiB * 1024 ** 2, sectorBytes: 512 };
    const disk = disks.get(name) ?? fresh;
    disks.set(name, disk);
    return disk;
  };
}
