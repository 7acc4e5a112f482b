/** Rules about the cluster as a whole and its medium. */
import type { Rule } from '../finding.ts';
import { suggest } from '../suggest.ts';
import { VOLUME_ID_LENGTH, volumeIdOf } from '../volume-id.ts';

/** Volume ids that mean something to an installer: Anaconda's driver and kickstart disk, and our key medium. */
const RESERVED_VOLUME_IDS = ['OEMDRV', 'SLIPWAYKEY'];

const volumeIdFits: Rule = (spec) => {
  const id = volumeIdOf(spec);
  const path = spec.media.volumeId === undefined ? ['cluster'] : ['media', 'volumeId'];
  if (RESERVED_VOLUME_IDS.includes(id)) {
    return [{ path, rule: 'reserved-name', message: `'${id}' is a volume id with a meaning of its own` }];
  }
  if (id.length <= VOLUME_ID_LENGTH) return [];
  return [
    {
      path,
      rule: 'volume-id',
      message: `the cluster's name makes a volume id of ${id.length} characters, ISO 9660 allows ${VOLUME_ID_LENGTH}`,
      hint: 'set media.volumeId, or shorten the name',
    },
  ];
};

const timezoneExists: Rule = (spec) => {
  try {
    new Intl.DateTimeFormat('en', { timeZone: spec.timezone });
    return [];
  } catch {
    const similar = suggest(spec.timezone, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
    return [
      {
        path: ['timezone'],
        rule: 'unknown-timezone',
        message: `the tz database has no '${spec.timezone}'`,
        ...(similar === undefined ? {} : { hint: `did you mean '${similar}'?` }),
      },
    ];
  }
};

const mediaDefaultExists: Rule = (spec) => {
  const choices = ['disk', 'by-mac', ...spec.nodes.map((node) => node.name)];
  const chosen = spec.media.default;
  if (choices.includes(chosen)) return [];
  return [
    {
      path: ['media', 'default'],
      rule: 'unknown-node',
      message: `the boot menu has no entry '${chosen}'`,
      hint: `choose one of ${choices.join(', ')}`,
    },
  ];
};

const byMacNeedsMacs: Rule = (spec) => {
  if (spec.media.default !== 'by-mac') return [];
  return spec.nodes.flatMap((node, i) =>
    node.interfaces.some((face) => face.mac !== undefined || face.bond !== undefined)
      ? []
      : [
          {
            path: ['nodes', i, 'name'],
            rule: 'by-mac-without-mac',
            message: `media.default is by-mac, but '${node.name}' has no interface with a MAC address`,
            hint: "add the card's mac to one of its interfaces",
          },
        ],
  );
};

export const settingRules: readonly Rule[] = [
  volumeIdFits,
  timezoneExists,
  mediaDefaultExists,
  byMacNeedsMacs,
];
