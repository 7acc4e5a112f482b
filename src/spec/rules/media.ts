/** Rules about what comes onto the medium and into the base. */
import type { Rule } from '../finding.ts';
import { repeated } from './repeated.ts';

/** Folders of the medium that are ours or a vendor's, in lower case: boot loaders do not tell EFI from efi. */
const TAKEN = ['slipway', 'boot', 'efi', 'images', 'isolinux', 'repodata', 'baseos', 'appstream', 'packages'];

const filesStayOutOfTheWay: Rule = ({ media }) => [
  ...media.files.flatMap(({ to }, i) =>
    TAKEN.includes(to.split('/')[0]?.toLowerCase() ?? '')
      ? [
          {
            path: ['media', 'files', i, 'to'],
            rule: 'taken-on-medium',
            message: `'${to.split('/')[0]}' on the medium belongs to the installer`,
            hint: 'choose a folder of your own, for example site/',
          },
        ]
      : [],
  ),
  ...repeated(
    media.files.map(({ to }, i) => ({ to, i })),
    ({ to }) => to.toLowerCase(),
  ).map(({ again }) => ({
    path: ['media', 'files', again.i, 'to'],
    rule: 'taken-on-medium',
    message: `another of media.files goes to '${again.to}' already`,
    hint: 'give each a place of its own',
  })),
];

const signatureHasKey: Rule = ({ media: { base } }) =>
  typeof base !== 'object' || base.signature === undefined || base.gpgKey !== undefined
    ? []
    : [
        {
          path: ['media', 'base', 'signature'],
          rule: 'signature-without-key',
          message: 'a signature is only worth something with the key it is checked against',
          hint: 'add gpgKey with the public key of the ISO’s maker',
        },
      ];

const repositoriesHaveNames: Rule = ({ repositories }) => [
  ...repositories.flatMap(({ name }, i) =>
    name === 'slipway'
      ? [
          {
            path: ['repositories', i, 'name'],
            rule: 'reserved-name',
            message: "'slipway' is the repository on the medium",
          },
        ]
      : [],
  ),
  ...repeated(
    repositories.map(({ name }, i) => ({ name, i })),
    ({ name }) => name,
  ).map(({ again }) => ({
    path: ['repositories', again.i, 'name'],
    rule: 'duplicate-name',
    message: `two repositories are named '${again.name}'`,
    hint: 'give each a name of its own',
  })),
];

const repositoriesAreSigned: Rule = ({ repositories }) =>
  repositories.flatMap(({ name, gpgKey }, i) =>
    gpgKey !== undefined
      ? []
      : [
          {
            path: ['repositories', i],
            severity: 'warning',
            rule: 'unsigned-repository',
            message: `nodes will take packages from '${name}' that nobody has signed`,
            hint: 'add gpgKey with the public key of the repository',
          },
        ],
  );

/** The embedded base is Debian and installs from its medium alone; a vendor's installer knows nothing of Debian. */
const keysFitTheRelease: Rule = ({ release, repositories, base, packages }) => {
  if (release !== 'embedded') {
    if (base.packages.length === 0) return [];
    return [
      {
        path: ['base', 'packages'],
        rule: 'key-not-for-release',
        message: `base.packages are Debian's, and release ${release} does not use the embedded base`,
        hint: 'write the release’s own names under packages',
      },
    ];
  }
  return [
    ...repositories.slice(0, 1).map(() => ({
      path: ['repositories'],
      rule: 'key-not-for-release',
      message: 'the embedded installer reads packages from its medium only',
      hint: 'bring the RPMs along with media.rpms, or Debian packages with base.packages',
    })),
    ...packages.flatMap((name, i) =>
      name.startsWith('@')
        ? [
            {
              path: ['packages', i],
              rule: 'key-not-for-release',
              message: `the embedded base has no groups of packages such as '${name}'`,
              hint: 'name single packages',
            },
          ]
        : [],
    ),
  ];
};

export const mediaRules: readonly Rule[] = [
  filesStayOutOfTheWay,
  signatureHasKey,
  repositoriesHaveNames,
  repositoriesAreSigned,
  keysFitTheRelease,
];
