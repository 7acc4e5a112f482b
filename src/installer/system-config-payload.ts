/** What is put onto the disks: the image, and what `%packages` asks for beside it. Pure. */
import type { Problem } from '../errors/problem.ts';
import type { CommandLine, Section } from '../kickstart/types.ts';
import { flag, option, problemAt, text } from './command-words.ts';
import { leftOut } from './system-config-support.ts';

export interface ImageSource {
  /** `file:///…` on the medium, or `http(s)://…`. */
  readonly url: string;
  /** SHA-256, hexadecimal. */
  readonly checksum?: string;
  readonly proxy?: string;
  /** TLS certificates are not verified. */
  readonly insecure?: true;
}

export interface PayloadConfig {
  readonly image: ImageSource;
  /** Folders of RPM repositories. */
  readonly repositories: readonly string[];
  /** Names of single packages. */
  readonly packages: readonly string[];
  /** Names that must not be there, as written behind a `-`. */
  readonly excluded: readonly string[];
  /** `@core`, `@^minimal-environment`: an image has none. */
  readonly packageGroups: readonly string[];
  readonly ignoreMissingPackages: boolean;
}

/** The image of this very medium, which is installed when the kickstart names no source. */
export const MEDIUM_IMAGE = 'file:///run/install/repo/slipway/base.squashfs';

export function readPayload(
  file: string,
  commands: readonly CommandLine[],
  sections: readonly Section[],
): {
  readonly payload: PayloadConfig;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
} {
  const liveimg = commands.filter(({ name }) => name === 'liveimg').at(-1);
  const repositories = commands.filter(({ name }) => name === 'repo');
  const packages = sections.filter(({ name }) => name === 'packages');
  const lines = packages.flatMap(({ body }) => packageLines(body));
  const first = packages[0];
  const groups = lines.filter((line) => line.startsWith('@'));
  return {
    payload: {
      image: liveimg === undefined ? { url: MEDIUM_IMAGE } : imageSource(liveimg),
      repositories: repositories.flatMap((command) => localPath(text(command, '--baseurl')) ?? []),
      packages: lines.filter((line) => !/^[@-]/.test(line)),
      excluded: lines.filter((line) => line.startsWith('-')).map((line) => line.slice(1).trim()),
      packageGroups: groups,
      ignoreMissingPackages: packages.some((section) => section.options.has('--ignoremissing')),
    },
    problems: [
      ...(liveimg === undefined ? [] : imageProblems(liveimg)),
      ...repositories.flatMap(repositoryProblems),
    ],
    warnings: [
      ...(liveimg === undefined
        ? [
            {
              ...problemAt(
                { file, line: 1, column: 1 },
                'payload',
                'no liveimg: the image of this medium is installed',
              ),
              severity: 'warning' as const,
            },
          ]
        : []),
      ...(groups.length === 0 || first === undefined
        ? []
        : [leftOut({ ...first, raw: '%packages' }, groups.join(', '), 'an image has no groups')]),
    ],
  };
}

function imageSource(liveimg: CommandLine): ImageSource {
  const checksum = text(liveimg, '--checksum');
  const proxy = text(liveimg, '--proxy');
  return {
    url: text(liveimg, '--url') ?? MEDIUM_IMAGE,
    ...(checksum === undefined ? {} : { checksum: checksum.toLowerCase() }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(flag(liveimg, '--noverifyssl') ? { insecure: true } : {}),
  };
}

/** The path of a `file://` URL; undefined for any other. */
export function localPath(url: string | undefined): string | undefined {
  return url?.startsWith('file:///') === true ? url.slice('file://'.length) : undefined;
}

function imageProblems(liveimg: CommandLine): readonly Problem[] {
  const url = option(liveimg, '--url');
  const checksum = option(liveimg, '--checksum');
  return [
    ...(url !== undefined && localPath(url.text) === undefined && !/^https?:\/\/[^\s"\\]+$/.test(url.text)
      ? [
          problemAt(
            url,
            'payload',
            `'${url.text}' is no image this installer can reach`,
            'say file:///…, http://… or https://…',
          ),
        ]
      : []),
    ...(checksum !== undefined && !/^[\da-f]{64}$/i.test(checksum.text)
      ? [problemAt(checksum, 'payload', '--checksum is not a SHA-256 of 64 hexadecimal digits')]
      : []),
  ];
}

function repositoryProblems(repo: CommandLine): readonly Problem[] {
  const url = option(repo, '--baseurl');
  if (url === undefined || localPath(url.text) !== undefined) return [];
  return [
    problemAt(url, 'repository', `this installer reads packages from the medium only, not from ${url.text}`),
  ];
}

function packageLines(body: string): readonly string[] {
  return body
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}
