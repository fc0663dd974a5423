#!/bin/sh
# Runs programs for installer.lua, one after the other: ExecProcess waits for none, sets no variables and no folder.
#
#   sh install.sh TOKEN
#
# step-TOKEN-N, a file that appears whole, holds the words of the Nth program, one a line; NAME=value before them sets a
# variable. What it says goes to out-TOKEN and err-TOKEN, and an empty file exit-TOKEN-N-CODE tells its end. While this runs,
# alive-TOKEN is there, and beat-TOKEN-0 and beat-TOKEN-1 take turns. It ends with cancel-TOKEN or quit-TOKEN, and when no step comes for a minute.
# Names tell all that matters, for a full disk takes no text.

token=$1
case $token in '' | *[!0-9a-z]*) exit 2 ;; esac
cd -- "$(dirname -- "$0")" || exit 2

side=0
: >"alive-$token"
: >"beat-$token-0"
trap 'rm -f "alive-$token" "beat-$token-0" "beat-$token-1"' EXIT
trap 'exit 1' HUP INT TERM

beat() {
  mv -f "beat-$token-$side" "beat-$token-$((1 - side))" && side=$((1 - side))
  sleep 0.2 2>/dev/null || sleep 1
}

ended() {
  for found in "exit-$token-$number-"*; do [ -e "$found" ] && return 0; done
  return 1
}

number=1
idle=0
while [ "$idle" -lt 300 ] && [ ! -e "cancel-$token" ] && [ ! -e "quit-$token" ]; do
  if [ ! -e "step-$token-$number" ]; then
    idle=$((idle + 1))
    beat
    continue
  fi
  set --
  while IFS= read -r line; do set -- "$@" "$line"; done <"step-$token-$number"
  (
    env "$@" </dev/null >"out-$token" 2>"err-$token" &
    echo "$!" >"pid-$token"
    wait "$!"
    : >"exit-$token-$number-$?"
  ) &
  until ended; do
    [ -e "cancel-$token" ] && kill "$(cat "pid-$token")" 2>/dev/null
    beat
  done
  number=$((number + 1))
  idle=0
done
