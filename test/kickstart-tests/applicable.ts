/** Why a test cannot be run here. Such a test is counted as not applicable, never as passed. */
import type { Platform } from './expand.ts';

/** What a test checks and an image made of Debian packages cannot have. */
const CANNOT: Readonly<Record<string, string>> = {
  authselect: 'needs authselect, which Debian does not have',
  'authselect-not-set': 'needs authselect, which Debian does not have',
  firewall: 'asks the RPM database for firewalld',
  'firewall-disable': 'asks the RPM database for firewalld',
  'firewall-disable-with-options': 'asks the RPM database for firewalld',
  'firewall-use-system-defaults': 'asks the RPM database for firewalld',
  'firewall-use-system-defaults-ignore-options': 'asks the RPM database for firewalld',
  'ntp-pools': 'needs chronyd as Red Hat packages it',
  // Without restorecon it prints no difference either, and would pass without having looked.
  'selinux-contexts': 'needs an SELinux policy in the image',
};

export interface TestFacts {
  readonly test: string;
  /** Words of `TESTTYPE`. */
  readonly types: readonly string[];
  /** The expanded kickstart. */
  readonly kickstart: string;
  readonly platform: Platform;
  /** Packages of the image. */
  readonly packages: ReadonlySet<string>;
}

/** The reason why not, or undefined for a test that applies. */
export function whyNotApplicable({
  test,
  types,
  kickstart,
  platform,
  packages,
}: TestFacts): string | undefined {
  const skipped = types.find((type) => skipTags(platform).has(type));
  if (skipped !== undefined) return `the suite skips it on ${platform.name}`;
  const cannot = CANNOT[test];
  if (cannot !== undefined) return cannot;
  const missing = packagesOf(kickstart).filter((name) => !packages.has(name));
  if (missing.length > 0) return `installs packages that the image does not have: ${missing.join(', ')}`;
  return undefined;
}

/** `skip-on-rhel` and `skip-on-rhel-10` for RHEL 10. */
const skipTags = ({ osName, osVersion }: Platform): ReadonlySet<string> =>
  new Set([`skip-on-${osName}`, `skip-on-${osName}-${osVersion.replace(/\..*/, '')}`]);

/** Single packages of every `%packages`; groups, environments and what is taken away say nothing about an image. */
export function packagesOf(kickstart: string): readonly string[] {
  const sections = kickstart.matchAll(/^%packages\b(.*)\n([\s\S]*?)^%end/gm);
  return [
    ...new Set(
      [...sections].flatMap(([, options = '', body = '']) =>
        options.includes('--ignoremissing')
          ? []
          : body
              .split('\n')
              .map((line) => line.replace(/#.*/, '').trim())
              .filter((line) => /^[A-Za-z0-9]/.test(line)),
      ),
    ),
  ];
}
