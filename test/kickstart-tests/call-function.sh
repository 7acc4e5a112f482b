#!/bin/bash
# call-function.sh TEST FUNCTION FOLDER KICKSTART: calls one of the functions by which a test of the suite describes
# itself, as the suite's launcher does. Runs in a copy of the suite, with the stand-ins first on PATH.
# $SLIPWAY_HTTP is the address at which a virtual machine reaches FOLDER.
test=$1 function=$2 tmpdir=$3 ks=$4
KSTESTDIR=$PWD
export KSTESTDIR
# shellcheck disable=SC1090
. "./$test.sh"

# FOLDER is served for the whole test, so there is nothing to start and nothing to stop.
# shellcheck disable=SC2034
start_httpd() { httpd_url=$SLIPWAY_HTTP${1#"$tmpdir"}; }
stop_httpd() { :; }

case $function in
  prepare) prepare "$ks" "$tmpdir" ;;
  kernel_args | prepare_disks | prepare_network | validate | cleanup) "$function" "$tmpdir" ;;
  *) "$function" ;;
esac
