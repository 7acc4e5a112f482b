/** Rules about disks: how they are named, how many a layout needs and how large they must be. */
import { diskCountOf, IDENTITY_KINDS, identitiesOf } from '../disks.ts';
import type { Finding, Rule } from '../finding.ts';
import { minimumDiskMiB } from '../footprint.ts';
import { formatSize } from '../size.ts';
import { repeated } from './repeated.ts';

const oneIdentity: Rule = (spec) =>
  spec.nodes.flatMap(({ disks }, i) =>
    !Array.isArray(disks)
      ? []
      : disks.flatMap((disk, d): readonly Finding[] => {
          const count = identitiesOf(disk).length;
          if (count === 1) return [];
          const message = count === 0 ? 'this disk has no identity' : `this disk has ${count} identities`;
          const hint = `give exactly one of ${IDENTITY_KINDS.join(', ')}`;
          return [{ path: ['nodes', i, 'disks', d], rule: 'disk-identity', message, hint }];
        }),
  );

/** Slots repeat from machine to machine; what is written on the disk itself does not. */
const uniqueIdentities: Rule = (spec) => {
  const all = spec.nodes.flatMap(({ name, disks }, i) =>
    !Array.isArray(disks)
      ? []
      : disks.flatMap((disk, d) =>
          identitiesOf(disk).map(({ by, value }) => ({
            name,
            value,
            path: ['nodes', i, 'disks', d, by],
            scope: by === 'path' ? `${i} ${by}` : by,
          })),
        ),
  );
  return repeated(all, ({ scope, value }) => `${scope} ${value}`).map(({ first, again }) => ({
    path: again.path,
    rule: 'duplicate-disk',
    message: `the disk '${again.value}' belongs to '${first.name}' already`,
  }));
};

const countFitsLayout: Rule = (spec) =>
  spec.nodes.flatMap((node, i): readonly Finding[] => {
    const layout = spec.layouts[node.layout];
    if (layout === undefined) return [];
    const count = diskCountOf(node);
    const path = Array.isArray(node.disks) ? ['nodes', i, 'disks'] : ['nodes', i, 'disks', 'count'];
    if (layout.kind === 'single' && count !== 1) {
      return [
        {
          path,
          rule: 'raid-disks',
          message: `the layout '${node.layout}' is for 1 disk, '${node.name}' has ${count}`,
        },
      ];
    }
    const needed = 2 + layout.spares;
    if (layout.kind === 'single' || count >= needed) return [];
    const spares =
      layout.spares === 0 ? '' : ` (2 and ${layout.spares === 1 ? '1 spare' : `${layout.spares} spares`})`;
    return [
      {
        path,
        rule: 'raid-disks',
        message: `the layout '${node.layout}' needs at least ${needed} disks${spares}, '${node.name}' has ${count}`,
      },
    ];
  });

const sizeRange: Rule = (spec) =>
  spec.nodes.flatMap(({ disks }, i) => {
    if (Array.isArray(disks)) return [];
    const { minSize, maxSize } = disks.match;
    if (minSize === undefined || maxSize === undefined || minSize <= maxSize) return [];
    const message = `maxSize (${formatSize(maxSize)}) is below minSize (${formatSize(minSize)})`;
    return [{ path: ['nodes', i, 'disks', 'match', 'maxSize'], rule: 'bad-range', message }];
  });

/** Whatever disk the predicate admits must hold the layout. */
const layoutFitsDisks: Rule = (spec) =>
  spec.nodes.flatMap(({ name, layout: layoutName, disks }, i) => {
    const layout = spec.layouts[layoutName];
    if (layout === undefined || Array.isArray(disks)) return [];
    const { minSize, maxSize } = disks.match;
    const smallest = minSize ?? maxSize;
    const needed = minimumDiskMiB(layout);
    if (smallest === undefined || smallest >= needed) return [];
    return [
      {
        path: ['nodes', i, 'disks', 'match', minSize === undefined ? 'maxSize' : 'minSize'],
        rule: 'layout-does-not-fit',
        message: `the layout '${layoutName}' needs ${formatSize(needed)}, but '${name}' takes disks of ${formatSize(smallest)}`,
        hint: 'ask for larger disks, or make the volumes smaller',
      },
    ];
  });

export const diskRules: readonly Rule[] = [
  oneIdentity,
  uniqueIdentities,
  countFitsLayout,
  sizeRange,
  layoutFitsDisks,
];
