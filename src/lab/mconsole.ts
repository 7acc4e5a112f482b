/**
 * User-Mode Linux's control socket (arch/um/drivers/mconsole.h): a datagram with magic, version, length and the
 * command; answers with error, "more follows", length and text.
 */
import type { Command } from '../engine/command.ts';

/** Node has no datagram sockets in the file system. Perl does, and Debian, where this kernel comes from, has perl. */
const CLIENT = `
use Socket; use strict;
my ($path, $command) = @ARGV;
my $own = sockaddr_un("\\0slipway-mconsole-$$");
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!\\n";
bind($socket, $own) or die "bind: $!\\n";
send($socket, pack("LLLa512", 0xcafebabe, 2, length $command, $command), 0, sockaddr_un($path)) or die "$path: $!\\n";
my $failed = 0;
for (my $more = 1; $more;) {
  defined recv($socket, my $answer, 2048, 0) or die "$path: $!\\n";
  my ($error, $follows, $length, $text) = unpack("LLLa*", $answer);
  print substr($text, 0, $length);
  $failed ||= $error;
  $more = $follows;
}
exit($failed ? 1 : 0);
`;

/** Gives a running machine a command: `version`, `cad` (Ctrl-Alt-Del), `halt`, `sysrq s`, `config ubd0` … */
export const mconsoleCommand = (socket: string, command: string): Command => ({
  file: 'perl',
  args: ['-e', CLIENT, socket, command],
  effect: 'write',
  timeoutMs: 10_000,
});
