/** The part of the schema that says what comes onto the medium, and from where: its base, packages and files. */
import * as z from 'zod';
import { about } from './about.ts';
import { text } from './formats.ts';
import { parseDuration } from './size.ts';

const seconds = () => text('duration').transform((value) => parseDuration(value) ?? z.NEVER);

const DownloadedImage = z.strictObject({
  url: text('httpsUrl').meta(
    about('Where the ISO is downloaded from, once; it is kept in the cache.', {
      example: 'https://mirror.example.org/el9/el9-x86_64-dvd.iso',
    }),
  ),
  sha256: text('sha256')
    .transform((value) => value.toLowerCase())
    .meta(
      about('SHA-256 of the ISO, as its maker publishes it. Nothing else is ever used.', {
        unit: '64 hex digits',
        example: 'ee3ac97fdffab58652421941599902012179c37535aece76824673105169c4a2',
      }),
    ),
  gpgKey: text('file')
    .optional()
    .meta(
      about(
        'File with the public key of the ISO’s maker, relative to the spec: the signature is checked, too.',
        {
          example: './keys/vendor.asc',
        },
      ),
    ),
  signature: text('httpsUrl')
    .optional()
    .meta(
      about('Where the detached signature of the ISO lies; with `gpgKey`, `url` and `.asc` when absent.', {
        example: 'https://mirror.example.org/el9/el9-x86_64-dvd.iso.asc',
      }),
    ),
});

const MediumFile = z.strictObject({
  from: text('file').meta(about('A file or folder, relative to the spec.', { example: './firmware' })),
  to: text('mediumPath').meta(
    about('Where it lies on the medium, from its root.', { example: 'site/firmware' }),
  ),
});

export const Media = z.strictObject({
  default: text('hostName')
    .default('disk')
    .meta(
      about(
        "What the boot menu takes when its time is up: `disk`, `by-mac` or a node's name. All but `disk` install unattended.",
        { example: 'by-mac' },
      ),
    ),
  timeout: seconds()
    .prefault('60 s')
    .meta(about('How long the boot menu waits.', { unit: 's, min', example: '60 s' })),
  volumeId: text('volumeId')
    .optional()
    .meta(
      about(
        'ISO 9660 volume id; when absent, made from the cluster name, or on a vendor’s medium the one it has.',
        { example: 'HA_PAIR' },
      ),
    ),
  base: z
    .union([text('isoFile'), DownloadedImage])
    .optional()
    .meta(
      about('A vendor’s install ISO to build on, instead of the embedded base: a file, or where to get it.', {
        example: './el9-x86_64-dvd.iso',
      }),
    ),
  rpms: z
    .array(text('fileGlob'))
    .max(256)
    .default([])
    .meta(
      about(
        'Packages of yours for the repository on the medium: files, folders, or names with `*` and `?`, relative to the spec. What they require must be there, too.',
        { example: '[./rpms, ./build/site-*.rpm]' },
      ),
    ),
  files: z
    .array(MediumFile)
    .max(256)
    .default([])
    .meta(about('Files of yours that are copied as they are.', {})),
});

export const Base = z.strictObject({
  packages: z
    .array(text('debianPackage'))
    .max(256)
    .default([])
    .meta(about('More Debian packages for the embedded base.', { example: '[htop, tcpdump]' })),
});

export const Repository = z.strictObject({
  name: text('hostName').meta(about('Name of the repository and of its .repo file.', { example: 'site' })),
  url: text('url').meta(
    about('Where its `repodata` folder lies. The installer and the installed node read packages from it.', {
      example: 'https://mirror.example.org/el9/site',
    }),
  ),
  gpgKey: text('file')
    .optional()
    .meta(
      about(
        'File with its public key, relative to the spec. With one, the node takes signed packages only.',
        {
          example: './keys/site.asc',
        },
      ),
    ),
});

export type RepositorySpec = z.output<typeof Repository>;
