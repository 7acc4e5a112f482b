import assert from 'node:assert/strict';
import { parseKickstart } from '../../src/kickstart/parse.ts';
import { renderKickstart } from '../../src/kickstart/render.ts';
import { MEDIUM } from '../../src/media/types.ts';
import type { Plan, Release } from '../../src/plan/types.ts';
import { goldenPlan, preScript, RELEASE_NAMES, scriptsOf, TEMPLATES } from '../helpers/rendered.ts';

const REPOSITORIES = [
  { name: 'site', url: 'https://mirror.example.org/site', signed: true },
  { name: 'lab', url: 'http://lab.example.org:8080/el', signed: false },
];

function render(release: Release, change: Partial<Plan> = {}, signed = false): string {
  const plan = { ...goldenPlan('one-disk'), release, ...change };
  const [node] = plan.nodes;
  return renderKickstart(node ?? assert.fail('no node'), plan, {
    templates: TEMPLATES,
    medium: MEDIUM,
    signed,
  });
}

const linesOf = (text: string, start: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(start));

describe('packages and repositories in a kickstart', () => {
  it('stand beside those of the medium', () => {
    const text = render('rhel9', { repositories: REPOSITORIES, packages: ['tmux', '@debugging'] });
    assert.deepEqual(linesOf(text, 'repo '), [
      'repo --name=slipway --baseurl=file:///run/install/repo/slipway/repo',
      'repo --name=site --baseurl=https://mirror.example.org/site',
      'repo --name=lab --baseurl=http://lab.example.org:8080/el',
    ]);
    assert.match(text, /\ntmux\n@debugging\nslipway-postinstall\n%end\n/);
  });

  it('are read without a problem by every release', () => {
    for (const release of RELEASE_NAMES) {
      for (const signed of [true, false]) {
        const text = render(release, { repositories: REPOSITORIES, packages: ['tmux'] }, signed);
        assert.deepEqual(parseKickstart(text, 'test.ks', release).problems, [], release);
      }
    }
  });

  it('leave kickstarts that name none as they were', () => {
    for (const release of RELEASE_NAMES)
      assert.doesNotMatch(render(release), /yum\.repos\.d|gpgcheck|rpmkeys/);
  });
});

describe('the installed system', () => {
  it('takes signed packages only from where there is a key, the medium’s repository included', () => {
    const [keys, files] = scriptsOf(render('rhel9', { repositories: REPOSITORIES }, true), 'post').slice(
      1,
      3,
    );
    assert.equal(
      keys,
      `set -eu
install -D -m 0644 /run/install/repo/slipway/repo/RPM-GPG-KEY-slipway /mnt/sysroot/etc/pki/rpm-gpg/RPM-GPG-KEY-slipway
install -D -m 0644 /run/install/repo/slipway/keys/site.asc /mnt/sysroot/etc/pki/rpm-gpg/RPM-GPG-KEY-site
`,
    );
    assert.equal(
      files,
      `set -eu
rpm --import /etc/pki/rpm-gpg/RPM-GPG-KEY-slipway
rpm --import /etc/pki/rpm-gpg/RPM-GPG-KEY-site
cat >/etc/yum.repos.d/slipway.repo <<'EOF'
[slipway]
name=slipway
baseurl=file:///run/install/repo/slipway/repo
enabled=0
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-slipway
repo_gpgcheck=1
EOF
cat >/etc/yum.repos.d/site.repo <<'EOF'
[site]
name=site
baseurl=https://mirror.example.org/site
enabled=1
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-site
EOF
cat >/etc/yum.repos.d/lab.repo <<'EOF'
[lab]
name=lab
baseurl=http://lab.example.org:8080/el
enabled=1
gpgcheck=0
EOF
`,
    );
  });

  it('is not touched by the embedded installer before the packages on its medium are proven', () => {
    const script = preScript(render('embedded', {}, true));
    assert.ok(script.indexOf('rpmkeys') > 0 && script.indexOf('rpmkeys') < script.indexOf('The disk guard:'));
    assert.doesNotMatch(render('embedded', {}, true), /yum\.repos\.d/);
    assert.doesNotMatch(preScript(render('rhel9', {}, true)), /rpmkeys/);
  });
});
