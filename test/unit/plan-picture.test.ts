import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { scaledWidths } from '../../src/plan/picture.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { planSvg } from '../../src/plan/svg.ts';
import { planTable } from '../../src/plan/table.ts';
import type { Plan } from '../../src/plan/types.ts';
import { loadSpec } from '../../src/spec/load.ts';

async function planOf(name: string): Promise<Plan> {
  const { spec, file } = await loadSpec(join(import.meta.dirname, '../../examples', `${name}.yaml`));
  return makePlan(spec, dirname(file));
}

describe('widths to scale', () => {
  it('keep small things readable and the others in proportion', () => {
    assert.deepEqual(scaledWidths([1, 300, 600], [10, 0, 0], 100), [10, 30, 60]);
    assert.deepEqual(scaledWidths([50, 50], [0, 0], 80), [40, 40]);
  });

  it('fill the bar and respect every minimum, whatever the sizes', () => {
    const part = fc.record({
      size: fc.integer({ min: 1, max: 1e9 }),
      least: fc.integer({ min: 0, max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 12 }), (parts) => {
        const least = parts.map((one) => one.least);
        const widths = scaledWidths(
          parts.map((one) => one.size),
          least,
          900,
        );
        assert.ok(Math.abs(widths.reduce((sum, width) => sum + width, 0) - 900) < 1e-6);
        assert.ok(widths.every((width, i) => width >= (least[i] ?? 0) - 1e-6));
      }),
      { numRuns: 200 },
    );
  });
});

describe('the picture of a plan', () => {
  it('shows every partition on every disk of every node', async () => {
    const plan = await planOf('ha-pair');
    const svg = planSvg(plan);
    for (const label of ['esp', 'boot', 'root', 'swap', 'clustered']) {
      // Two nodes with two disks each.
      assert.equal(svg.split(`class="on">${label}<`).length - 1, 4, label);
    }
    assert.equal(svg.split('>RAID1<').length - 1, 2 * 5);
    assert.equal(svg.split('>slipway-biosboot<').length - 1, 2);
  });

  it('links nothing without RAID', async () => {
    assert.doesNotMatch(planSvg(await planOf('one-disk')), /RAID1/);
  });

  it('needs nothing from elsewhere and escapes what it is given', async () => {
    const plan = await planOf('one-disk');
    const svg = planSvg({ ...plan, cluster: '<&">' });
    assert.doesNotMatch(svg, /href|url\((?!#)|<script|@import/);
    assert.match(svg, /class="title">&lt;&amp;&quot;&gt;</);
  });
});

describe('the table of a plan', () => {
  it('says what lies where', async () => {
    const table = planTable(await planOf('standalone-raid1'), [{ id: 'motd', title: 'Greet' }]);
    assert.match(table, /standalone: standalone, boot menu key 1, then reboot/);
    assert.match(table, /lan: dhcp on first wired card/);
    assert.match(table, /slipway-esp +600 MiB +RAID1 esp, metadata 1\.0 +vfat at \/boot\/efi/);
    assert.match(table, /slipway-data +the rest, at least 256 MiB +RAID1 data, metadata 1\.2 +ext4 at \/srv/);
    assert.match(table, /motd: Greet/);
  });
});
