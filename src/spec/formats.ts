/**
 * The texts a spec may hold, each a pattern with the rule it stands for. All of them reach a kickstart, so none
 * admits a newline, a quote, `%`, `$`, a backslash or a control character (crypt hashes need their `$` and nothing
 * else): no value can end its word and start a command of its own.
 */
import * as z from 'zod';

export interface TextFormat {
  /** Name of the rule in messages. */
  readonly rule: string;
  readonly pattern: RegExp;
  /** Completes "'x' is not ...". */
  readonly what: string;
  readonly hint: string;
  /** The value must not be repeated in messages. */
  readonly secret?: boolean;
}

/** What a spec without fencing has to say, word for word. */
export const NO_FENCING = 'none, I accept split brain';

const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';

export const FORMATS = {
  hostName: {
    rule: 'bad-name',
    pattern: /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    what: 'a valid name',
    hint: 'use a-z, 0-9 and -, begin with a letter, at most 63 characters',
  },
  shortName: {
    rule: 'bad-name',
    pattern: /^[a-z](?:[a-z0-9-]{0,13}[a-z0-9])?$/,
    what: 'a valid name',
    hint: 'use a-z, 0-9 and -, begin with a letter, at most 15 characters',
  },
  volumeName: {
    rule: 'bad-name',
    // An array called md* would collide with the kernel's own device names.
    pattern: /^(?!md)[a-z](?:[a-z0-9]{0,11})$/,
    what: 'a volume name',
    hint: 'use a-z and 0-9, begin with a letter (but not with md), at most 12 characters',
  },
  volumeGroup: {
    rule: 'bad-name',
    pattern: /^(?!md)[a-z](?:[a-z0-9_]{0,30})$/,
    what: 'a volume group name',
    hint: 'use a-z, 0-9 and _, begin with a letter (but not with md), at most 31 characters',
  },
  size: {
    rule: 'bad-size',
    pattern: /^\d{1,9}(?:\.\d{1,6})? ?(?:MiB|GiB|TiB)$/,
    what: 'a size',
    hint: 'write a number and a unit, for example 600 MiB, 1.5 GiB or 2 TiB',
  },
  volumeSize: {
    rule: 'bad-size',
    pattern: /^(?:rest|\d{1,9}(?:\.\d{1,6})? ?(?:MiB|GiB|TiB))$/,
    what: 'a size',
    hint: 'write a number and a unit, for example 600 MiB or 1.5 GiB, or rest for what is left',
  },
  duration: {
    rule: 'bad-duration',
    pattern: /^[1-9]\d{0,3} ?(?:s|min)$/,
    what: 'a duration',
    hint: 'write a number and a unit, for example 60 s or 5 min',
  },
  mac: {
    rule: 'bad-mac',
    pattern: /^[0-9a-fA-F][02468aceACE](?::[0-9a-fA-F]{2}){5}$/,
    what: 'the MAC address of one network card',
    hint: 'write six pairs of hex digits with colons, for example 52:54:00:10:00:0a; the first pair is even',
  },
  interfaceAddress: {
    rule: 'bad-address',
    pattern: new RegExp(`^(?:dhcp|${IPV4}/(?:[89]|[12]\\d|3[01]))$`),
    what: 'an address',
    hint: 'write an IPv4 address with its prefix length, for example 10.10.0.11/24, or dhcp',
  },
  serviceAddress: {
    rule: 'bad-address',
    pattern: new RegExp(`^${IPV4}/(?:[89]|[12]\\d|3[01])$`),
    what: 'an address',
    hint: 'write an IPv4 address with its prefix length, for example 10.10.0.100/24',
  },
  ipv4: {
    rule: 'bad-address',
    pattern: new RegExp(`^${IPV4}$`),
    what: 'an IPv4 address',
    hint: 'write four numbers from 0 to 255 with dots, for example 10.10.0.1',
  },
  server: {
    rule: 'bad-address',
    pattern: new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`),
    what: 'a server',
    hint: 'write a host name or an IPv4 address',
  },
  fenceAddress: {
    rule: 'bad-address',
    pattern: new RegExp(
      `^(?:(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*|http://${LABEL}(?:\\.${LABEL})*(?::\\d{1,5})?(?:/[\\w.-]+)*)$`,
    ),
    what: 'the address of a fence device',
    hint: 'write a host name or an IPv4 address; for a lab-switch its URL, for example http://10.10.0.1:8100',
  },
  fenceUser: {
    rule: 'unsafe-text',
    pattern: /^[A-Za-z0-9_][\w.@-]{0,63}$/,
    what: 'the name of a user',
    hint: 'use letters, digits and . @ - _, at most 64 characters',
  },
  fencePlug: {
    rule: 'unsafe-text',
    pattern: /^[\w/][\w.,:/@+-]{0,119}$/,
    what: 'a name of the node at its fence device',
    hint: 'use letters, digits and . , : / @ + - _, at most 120 characters',
  },
  noFencing: {
    rule: 'no-fencing',
    pattern: new RegExp(`^${NO_FENCING}$`),
    what: 'a way to make a node harmless that does not answer',
    hint: `list a device for each node, or write in these words: ${NO_FENCING}`,
  },
  deviceFile: {
    rule: 'bad-device',
    pattern: /^\/dev(?:\/[\w.,:=+@#-]+)+$/,
    what: 'a device',
    hint: 'write a path below /dev, for example /dev/disk/by-id/scsi-3600a0b80',
  },
  systemdService: {
    rule: 'bad-service',
    pattern: /^[A-Za-z0-9_][\w.@-]{0,200}\.service$/,
    what: 'a systemd service',
    hint: 'write the full name of the unit, for example nginx.service',
  },
  locale: {
    rule: 'bad-locale',
    pattern: /^(?:C|[a-z]{2,3}_[A-Z]{2})\.UTF-8$/,
    what: 'a locale',
    hint: 'write language_COUNTRY.UTF-8, for example en_US.UTF-8',
  },
  keyboard: {
    rule: 'bad-keyboard',
    pattern: /^[a-z]{2,}[a-z0-9_-]{0,30}$/,
    what: 'a keyboard layout',
    hint: 'write a console keymap, for example us, de or de-nodeadkeys',
  },
  timezone: {
    rule: 'bad-timezone',
    pattern: /^[A-Za-z]+(?:\/[A-Za-z0-9_+-]+){0,2}$/,
    what: 'a time zone',
    hint: 'write a name of the tz database, for example UTC or Europe/Berlin',
  },
  passwordHash: {
    rule: 'bad-password-hash',
    pattern: /^\$(?:5|6|y|gy|7|2[aby])\$[A-Za-z0-9./$=,]{8,200}$/,
    what: 'a crypt(3) hash',
    hint: 'a password never stands here in clear: write the output of `openssl passwd -6`',
    secret: true,
  },
  sshKey: {
    rule: 'bad-ssh-key',
    pattern:
      /^(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{40,}={0,2}(?: [\w@.:+-]+)*$/,
    what: 'an OpenSSH public key',
    hint: 'paste one line of a .pub file; its comment may hold letters, digits and @ . : + - _',
  },
  kernelArg: {
    rule: 'unsafe-text',
    pattern: /^[\w.,:;/=+@-]+$/,
    what: 'one word for the kernel command line',
    hint: 'use letters, digits and . , : ; / = + @ - _',
  },
  diskText: {
    rule: 'unsafe-text',
    pattern: /^[\w.,:;/=+@#()-](?:[\w.,:;/=+@#() -]*[\w.,:;/=+@#()-])?$/,
    what: 'a text the disk guard can compare',
    hint: 'use letters, digits, spaces and . , : ; / = + @ # ( ) - _',
  },
  diskLink: {
    rule: 'bad-disk-name',
    pattern: /^[\w.,:=+@#-]+$/,
    what: 'the name of a link',
    hint: 'write the name below /dev/disk/by-id or /dev/disk/by-path, without the folder; names like sda change from boot to boot',
  },
  wwn: {
    rule: 'bad-wwn',
    pattern: /^(?:0x|eui\.|naa\.|uuid\.|nvme\.)[0-9a-fA-F.-]{8,80}$/,
    what: 'a world wide name',
    hint: 'copy it from `lsblk -do NAME,WWN` and put it in quotes, for example "0x5000c500a1b2c3d4"',
  },
  title: {
    rule: 'unsafe-text',
    pattern: /^[\w.,:;/=+@#() -]{1,120}$/,
    what: 'a title',
    hint: 'use at most 120 letters, digits, spaces and . , : ; / = + @ # ( ) - _',
  },
  mountPoint: {
    rule: 'bad-mount',
    pattern: /^(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/,
    what: 'a folder',
    hint: 'write an absolute path, for example /srv',
  },
  volumeId: {
    rule: 'volume-id',
    pattern: /^[A-Z0-9_]{1,32}$/,
    what: 'an ISO 9660 volume id',
    hint: 'use at most 32 of A-Z, 0-9 and _',
  },
  file: {
    rule: 'unsafe-text',
    pattern: /^[\w./ +@~^-]+$/,
    what: 'the path of a file',
    hint: 'use letters, digits, spaces and . / + @ ~ ^ - _',
  },
  isoFile: {
    rule: 'unsafe-text',
    pattern: /^[\w./ +@~^-]+\.[iI][sS][oO]$/,
    what: 'the path of an ISO',
    hint: 'name a file that ends in .iso; one to download is written { url: https://..., sha256: ... }',
  },
  fileGlob: {
    rule: 'unsafe-text',
    pattern: /^[\w./ +@~^*?-]+$/,
    what: 'the path of files',
    hint: 'use letters, digits, spaces and . / + @ ~ ^ - _, and * and ? for any characters and any one',
  },
  mediumPath: {
    rule: 'bad-medium-path',
    pattern: /^[A-Za-z0-9_][\w.+-]*(?:\/[A-Za-z0-9_][\w.+-]*){0,6}$/,
    what: 'a place on the medium',
    hint: 'write a path without a leading slash, for example site/firmware; letters, digits and . + - _',
  },
  httpsUrl: {
    rule: 'bad-url',
    pattern: /^https:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[\w.,:=+@~-]*)+$/,
    what: 'an https URL',
    hint: 'write https://, a host and a path, without user, query or escapes',
  },
  url: {
    rule: 'bad-url',
    pattern: /^https?:\/\/[A-Za-z0-9.-]+(?::\d{1,5})?(?:\/[\w.,:=+@-]*)*$/,
    what: 'a URL',
    hint: 'write https:// or http://, a host and a path, without user, query, variables or escapes',
  },
  sha256: {
    rule: 'bad-checksum',
    pattern: /^[0-9a-fA-F]{64}$/,
    what: 'a SHA-256',
    hint: 'write the 64 hex digits that `sha256sum` prints',
  },
  debianPackage: {
    rule: 'bad-name',
    pattern: /^[a-z0-9][a-z0-9.+-]{1,100}$/,
    what: 'the name of a Debian package',
    hint: 'use a-z, 0-9 and . + -, as `apt-cache search` prints it',
  },
  rpmPackage: {
    rule: 'bad-name',
    pattern: /^@?[A-Za-z0-9_][\w.+-]{0,100}$/,
    what: 'the name of a package or of a @group',
    hint: 'use letters, digits and . + - _, and @ in front of a group',
  },
  folder: {
    rule: 'unsafe-text',
    pattern: /^[\w./ +@-]+$/,
    what: 'a folder',
    hint: 'use letters, digits, spaces and . / + @ - _',
  },
} as const satisfies Readonly<Record<string, TextFormat>>;

/** A string schema for one format. */
export function text(format: keyof typeof FORMATS): z.ZodString {
  return z.string().regex(FORMATS[format].pattern);
}

/** The format a schema issue's pattern belongs to. */
export function formatOfPattern(pattern: string): TextFormat | undefined {
  return Object.values<TextFormat>(FORMATS).find((format) => String(format.pattern) === pattern);
}
