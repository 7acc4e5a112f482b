import assert from 'node:assert/strict';
import { inTempDir, writeFiles } from '../helpers/tmp.ts';
import { packagesOf, type TestFacts, whyNotApplicable } from '../kickstart-tests/applicable.ts';
import {
  expandTest,
  IMAGE_PAYLOAD,
  PLATFORMS,
  type Platform,
  withImagePayload,
} from '../kickstart-tests/expand.ts';
import { passphrasesOf, withPassphrases } from '../kickstart-tests/medium.ts';

describe('a kickstart of the suite', () => {
  const expand = (
    files: Readonly<Record<string, string>>,
    platform: Platform = PLATFORMS.rhel10,
  ): Promise<string> =>
    inTempDir(async (suite) => {
      await writeFiles(suite, { 'one.sh': 'TESTTYPE="storage"\n', ...files });
      return expandTest(suite, 'one', platform);
    });

  it('gets fragments of the platform first, then shared ones', async () => {
    const files = {
      'one.ks.in': '%ksappend time/on.ks\n%ksappend common/all.ks\ntext\n',
      'fragments/platform/rhel10/time/on.ks': 'timesource --ntp-server ten\n',
      'fragments/platform/rhel9/time/on.ks': 'timesource --ntp-server nine\n',
      'fragments/shared/common/all.ks': 'shutdown\n',
    };
    assert.equal(await expand(files), 'timesource --ntp-server ten\nshutdown\ntext\n');
    assert.equal(await expand(files, PLATFORMS.rhel9), 'timesource --ntp-server nine\nshutdown\ntext\n');
  });

  it('gets included files and the macros of its platform', async () => {
    assert.equal(
      await expand({
        'one.ks.in': '%post\n  @KSINCLUDE@ lib.sh\nis @KSTEST_OS_NAME@ @KSTEST_OS_VERSION@\n%end\n',
        'lib.sh': 'lib() { echo @KSTEST_OS_NAME@; }\n',
      }),
      '%post\nlib() { echo rhel; }\nis rhel 10.0\n%end\n',
    );
  });

  it('is the one that the test names', async () => {
    assert.equal(
      await expand({ 'one.sh': 'KICKSTART_NAME=other\n', 'other.ks.in': 'text\n', 'one.ks.in': 'no\n' }),
      'text\n',
    );
  });

  it('names a fragment that is not there', async () => {
    await assert.rejects(expand({ 'one.ks.in': '%ksappend a/b.ks\n' }), /no fragment a\/b\.ks for rhel10/);
  });

  it('has one image in place of all repositories, and scripts stay as they are', () => {
    assert.equal(
      withImagePayload('url --url=http://x\nrepo --name=a\n%post\nurl is\n%end\nurls\nmodule --name=m\n'),
      `${IMAGE_PAYLOAD}\n%post\nurl is\n%end\nurls\n`,
    );
    assert.equal(withImagePayload('repo --name=a\nliveimg --url=http://x\n'), 'liveimg --url=http://x\n');
  });

  it('takes its repositories from ours, whatever the platform has', async () => {
    const files = {
      'one.ks.in': '%ksappend repos/default.ks\n',
      'fragments/shared/repos/default.ks': 'url --url=x\n',
    };
    assert.equal(await expand(files), `${IMAGE_PAYLOAD}\n`);
  });
});

describe('whether a test applies', () => {
  const facts: TestFacts = {
    test: 'lvm-1',
    types: ['lvm', 'storage'],
    kickstart: '%packages\n%end\n',
    platform: PLATFORMS.rhel10,
    packages: new Set(['python3']),
  };

  it('does when nothing stands against it', () => {
    assert.equal(whyNotApplicable(facts), undefined);
    assert.equal(whyNotApplicable({ ...facts, types: ['skip-on-rhel-9', 'skip-on-fedora'] }), undefined);
  });

  it('does not where the suite itself skips it', () => {
    for (const types of [['skip-on-rhel-10'], ['storage', 'skip-on-rhel']]) {
      assert.equal(whyNotApplicable({ ...facts, types }), 'the suite skips it on rhel10');
    }
  });

  it('does not when it installs what the image does not have', () => {
    const kickstart = '%packages\npython3 # why\n@core\n-chrony\nexpect\n%end\n';
    assert.equal(
      whyNotApplicable({ ...facts, kickstart }),
      'installs packages that the image does not have: expect',
    );
    assert.deepEqual(packagesOf('%packages --ignoremissing\nexpect\n%end\n'), []);
  });

  it('does not when it would pass without having looked', () => {
    assert.match(whyNotApplicable({ ...facts, test: 'selinux-contexts' }) ?? '', /SELinux policy/);
  });
});

describe('passphrases', () => {
  it('are found however they are quoted, once each', () => {
    const kickstart = 'part / --passphrase="a b"\npart x --passphrase=c --size=1\nautopart --passphrase c\n';
    assert.deepEqual(passphrasesOf(kickstart), ['a b', 'c']);
  });

  it('reach the reader as words of its shell', () => {
    assert.equal(
      withPassphrases('#!/bin/bash\ntrue\n', ["it's", '$1']),
      "#!/bin/bash\npassphrases=('it'\\''s' '$1')\ntrue\n",
    );
  });
});
